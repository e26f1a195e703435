"""Fault test 6: dead holders never block, live ones are waited for and never robbed."""

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
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from rflib.study.store import Holder, Store
from rflib.study.store.layout import Layout

SCRIPT = Path(__file__).with_name("processes.py")


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that holds the lock "work"."""
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(root), "hold", "work"])
    try:
        end = time.monotonic() + 120
        while not (root / "held").exists():
            assert time.monotonic() < end, "the other process did not come"
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_lock_names_its_holder_and_leaves_no_note(store: Store) -> None:
    note = Layout(store.root).holder_note("work")
    with store.lock("work"):
        assert json.loads(note.read_bytes())["pid"] == os.getpid()
    assert not note.exists()
    with pytest.raises(ValueError, match="from the block"), store.lock("work"):
        raise ValueError("from the block")
    with store.lock("work"), store.lock("other work"):
        pass
    assert not note.exists()


def test_holders_are_those_who_hold_something_now(store: Store) -> None:
    assert store.holders() == {}
    with store.lock("work"), store.lock("other work"):
        assert store.holders() == {"work": Holder.current(), "other work": Holder.current()}
        assert Store(store.root, read_only=True).holders().keys() == {"work", "other work"}
    assert store.holders() == {}


def test_holders_of_another_process_are_seen_and_still_hold(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    with holder(tmp_path) as process:
        for _ in range(2):  # to look takes nothing away
            assert {name: found.pid for name, found in store.holders().items()} == {"work": process.pid}
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert Layout(store.root).held() == ["work"]
        assert store.holders() == {}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"host": "a", "pid": 1, "boot": ""}'])
def test_a_note_that_cannot_be_read_names_nobody(store: Store, content: str) -> None:
    told: list[Holder | None] = []
    with store.lock("work"):
        Layout(store.root).holder_note("work").write_text(content)
        assert store.holders() == {}
    with holder(store.root.parent) as process:
        Layout(store.root).holder_note("work").write_text(content)
        threading.Timer(0.2, process.kill).start()
        with store.lock("work", on_wait=told.append):
            pass
    assert told == [None]


def test_a_live_holder_is_waited_for_and_named_once(tmp_path: Path) -> None:
    store, told = Store(tmp_path / "runs"), []
    with holder(tmp_path) as process:

        def on_wait(found: Holder | None) -> None:
            told.append(found)
            threading.Timer(0.3, process.kill).start()

        start = time.monotonic()
        with store.lock("work", on_wait=on_wait):
            waited = time.monotonic() - start
    assert waited > 0.3
    assert [found.pid for found in told if found is not None] == [process.pid]


def test_a_killed_holder_does_not_block(tmp_path: Path) -> None:
    store, told = Store(tmp_path / "runs"), []
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert Layout(store.root).holder_note("work").exists()
        with store.lock("work", on_wait=told.append):
            pass
    assert told == []


def test_locks_save_work(run_processes: Callable[..., dict[str, Any]]) -> None:
    assert run_processes("locked", 6) == {"failed": 0, "computed": 1}


def test_a_file_system_without_locks_makes_nobody_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def acquire(self: FileLock, **options: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    told: list[Holder | None] = []
    with store.lock("work", on_wait=told.append):
        assert store.holders() == {}
    assert told == []
