"""Calls take turns, and the first round is not counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import timing


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, which passes only where a test adds to it."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    return now


def taking(seconds: Iterator[float], clock: list[float]) -> object:
    def call() -> None:
        clock[0] += next(seconds)

    return call


def test_timed_gives_the_seconds_and_the_result(clock: list[float]) -> None:
    def call() -> str:
        clock[0] += 2.5
        return "result"

    assert timing.timed(call) == (2.5, "result")


def test_medians_leave_the_first_round_out(clock: list[float]) -> None:
    calls = {"a": taking(iter([100, 1, 3, 2]), clock), "b": taking(iter([0, 9, 7, 8]), clock)}
    assert timing.medians(calls, rounds=3) == {"a": 2, "b": 8}


def test_calls_take_turns() -> None:
    order: list[str] = []
    timing.medians({name: lambda name=name: order.append(name) for name in "ab"}, rounds=2)
    assert "".join(order) == "ababab"
