"""Fault test 6: dead owners never block, live ones are waited for and never robbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from rflib.study.store import Owner, Store, claims
from rflib.study.store.layout import Layout

SCRIPT = Path(__file__).with_name("processes.py")


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that holds the claim "work"."""
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(root), "hold", "work"])
    try:
        wait_for((root / "held").exists)
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "the other process did not come"
        time.sleep(0.01)


@contextmanager
def stuck_lock(store: Store, note: Owner | None) -> Iterator[Path]:
    """Hold the lock of "work" beside a note nobody touches, as a network file system does for a dead client."""
    layout = Layout(store.root)
    layout.claims.mkdir(parents=True)
    path = layout.owner_note("work")
    if note is not None:
        path.write_text(json.dumps(asdict(note)))
    with FileLock(layout.lock("work")):
        yield path


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(claims, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(claims, "LONGEST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(claims, "DEAD_SECONDS", 0.1)


def seconds_to_claim(store: Store) -> float:
    start = time.monotonic()
    with store.claim("work"):
        return time.monotonic() - start


def test_a_claim_names_its_owner_and_leaves_no_note(store: Store) -> None:
    note = Layout(store.root).owner_note("work")
    with store.claim("work"):
        assert claims.read_note(note) == Owner.current()
    assert not note.exists()
    with pytest.raises(ValueError, match="from the block"), store.claim("work"):
        raise ValueError("from the block")
    with store.claim("work"), store.claim("other work"):
        pass
    assert not note.exists()


def test_holders_are_those_who_hold_something_now(store: Store) -> None:
    assert store.holders() == {}
    with store.claim("work"), store.claim("other work"):
        assert store.holders() == {"work": Owner.current(), "other work": Owner.current()}
        assert Store(store.root, read_only=True).holders().keys() == {"work", "other work"}
    assert store.holders() == {}


def test_the_dead_and_the_long_silent_hold_nothing(store: Store) -> None:
    note = Layout(store.root).owner_note("work")
    note.parent.mkdir(parents=True)
    elsewhere = replace(Owner.current(), host="elsewhere", boot="another")
    for owner, silence, expected in (
        (replace(Owner.current(), started="1"), 0, {}),
        (elsewhere, 0, {"work": elsewhere}),
        (elsewhere, claims.SILENCE_SECONDS + 60, {}),
        (Owner.current(), claims.SILENCE_SECONDS + 60, {"work": Owner.current()}),
    ):
        note.write_text(json.dumps(asdict(owner)))
        touched = time.time() - silence
        os.utime(note, (touched, touched))
        assert store.holders() == expected


def test_a_live_owner_is_waited_for_and_named_once(tmp_path: Path) -> None:
    store, told = Store(tmp_path / "runs"), []
    with holder(tmp_path) as process:

        def on_wait(owner: Owner | None) -> None:
            told.append(owner)
            threading.Timer(0.3, process.kill).start()

        start = time.monotonic()
        with store.claim("work", on_wait=on_wait):
            waited = time.monotonic() - start
    assert waited > 0.3
    assert [owner.pid for owner in told] == [process.pid]


def test_a_killed_owner_does_not_block(tmp_path: Path) -> None:
    store, told = Store(tmp_path / "runs"), []
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert Layout(store.root).owner_note("work").exists()
        with store.claim("work", on_wait=told.append):
            pass
    assert told == []


def test_claims_save_work(run_processes: Callable[..., dict[str, Any]]) -> None:
    assert run_processes("claimed", 6) == {"failed": 0, "computed": 1}


def dead_owners() -> dict[str, Owner | None]:
    me = Owner.current()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return {
        "ended here": replace(me, pid=ended.pid),
        "reused pid": replace(me, started="1"),
        "elsewhere": replace(me, host="elsewhere", boot="another"),
        "before the last boot": replace(me, boot="another"),
        "nobody": None,
    }


@pytest.mark.parametrize("name", dead_owners())
@pytest.mark.usefixtures("fast")
def test_a_lock_that_outlives_its_owner_needs_no_manual_unlock(store: Store, name: str) -> None:
    with stuck_lock(store, dead_owners()[name]):
        assert seconds_to_claim(store) < 10


@pytest.mark.usefixtures("fast")
def test_an_owner_elsewhere_who_touches_the_note_is_waited_for(store: Store) -> None:
    """Whatever that machine's clock says, an hour ahead or behind: the note changes, that is enough."""
    elsewhere = replace(Owner.current(), host="elsewhere", boot="another")
    with stuck_lock(store, elsewhere) as note:
        stop = threading.Event()

        def beat() -> None:
            for count in range(10_000):
                shown = time.time() + 3600 * (count % 3 - 1) + count / 100
                os.utime(note, (shown, shown))
                if stop.wait(0.05):
                    return

        thread = threading.Thread(target=beat)
        thread.start()
        timer = threading.Timer(2.5, stop.set)  # more than twice the silence that ends a wait
        timer.start()
        waited = seconds_to_claim(store)
        thread.join()
    assert waited > 2.5


@pytest.mark.usefixtures("fast")
def test_an_owner_here_keeps_touching_the_note(store: Store) -> None:
    note = Layout(store.root).owner_note("work")
    with store.claim("work"):
        first = note.stat().st_mtime_ns
        wait_for(lambda: note.stat().st_mtime_ns != first)


def test_a_file_system_without_locks_makes_nobody_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def acquire(self: FileLock, **options: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    assert seconds_to_claim(store) < 10
