"""Wall times that can be compared: taken in turns, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

Result = TypeVar("Result")


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """Return the wall time of one call in seconds, and what it returned."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def medians(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median wall time of each call over `rounds`, in which the calls take turns.

    One more round goes before and is not counted: first touches of memory and lazy set-up are slow. Whatever else
    the machine does then slows all of them alike.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            times[name].append(timed(call)[0])
    return {name: median(found[1:]) for name, found in times.items()}
