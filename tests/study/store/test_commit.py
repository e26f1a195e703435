"""Fault tests: what a kill, a race or a refusing disk leaves behind."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rflib.config import MeasurementKey, Run
from rflib.errors import StoreError
from rflib.study.store import Store
from rflib.study.store.layout import Layout

Processes = Callable[..., dict[str, Any]]

STEPS = {
    "measurement": {
        "folder-made",
        "file-opened",
        "chunk-written",
        "file-written",
        "folder-synced",
        "renamed",
    },
    "weights": {"folder-made", "chunk-written", "renamed", "parent-synced"},
    "damaged": {"set-aside", "renamed", "parent-synced"},
    "resume": {"renamed", "parent-synced", "withdrawn"},
    "published": {"renamed", "file-opened", "replaced"},
}


@pytest.mark.parametrize("kind", STEPS)
def test_the_write_points_cover_every_step(run_processes: Processes, kind: str) -> None:
    passed = run_processes("points", kind)["points"]
    assert set(passed) >= STEPS[kind]


@pytest.mark.parametrize("kind", STEPS)
def test_a_kill_at_any_write_point_loses_nothing(run_processes: Processes, kind: str) -> None:
    figures = run_processes("kill", kind)
    assert figures["killed"] >= 12
    assert figures["survived"] == figures["killed"]
    assert figures["finished"]
    assert figures["lost"] == 0
    assert figures["phantoms"] == 0
    assert 0 < figures["leftovers"] <= figures["collected"]
    assert figures["leaked"] == 0


def test_32_processes_on_one_key_leave_one_object(run_processes: Processes) -> None:
    figures = run_processes("race", 32)
    assert figures == {
        "failed": 0,
        "readers": 32,
        "versions_seen": 1,
        "objects": 2,
        "inflation": 1.0,
        "temporaries": 0,
    }


def test_a_reader_never_sees_a_folder_without_its_manifest(run_processes: Processes) -> None:
    figures = run_processes("poll", 30)
    assert figures["views"] > 0
    assert figures["incomplete"] == 0
    assert figures["objects"] == 30


def test_garbage_collection_and_readers_beside_writers(run_processes: Processes) -> None:
    figures = run_processes("collect", 1.5)
    assert figures["failed"] == 0
    assert figures["written"] >= 2
    assert figures["right"] == figures["written"]
    assert figures["set_aside"] == 0
    assert figures["leaked"] == 0


def save_all(store: Store, run: Run, key: MeasurementKey) -> list[Callable[[], None]]:
    arrays = {"weight": np.arange(6, dtype=np.float32)}
    return [
        lambda: store.save_measurement(key, values={"a": 1}, arrays=arrays, provenance={}),
        lambda: store.save_weights(run, {"last": arrays}, provenance={}),
        lambda: store.save_resume_point(run, 9, arrays, {}),
    ]


FAILURES = [
    ("write", errno.ENOSPC, "No space left on device"),
    ("write", errno.EDQUOT, "quota exceeded"),
    ("write", errno.EIO, "Input/output error"),
    ("fsync", errno.EIO, "Input/output error"),
    ("rename", errno.EROFS, "Read-only file system"),
    ("mkdir", errno.ENOSPC, "No space left on device"),
    ("open", errno.EACCES, "Permission denied"),
]


@pytest.mark.parametrize(("call", "code", "text"), FAILURES)
@pytest.mark.parametrize("succeed_first", [0, 1, 2])
def test_a_failing_call_leaves_the_old_state(
    store: Store,
    make_run: Callable[..., Run],
    make_key: Callable[..., MeasurementKey],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    code: int,
    text: str,
    succeed_first: int,
) -> None:
    for save in save_all(store, make_run(0), make_key(0)):
        save()
    before = snapshot(store.root)
    for save in save_all(store, make_run(1), make_key(1)):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing(getattr(os, call), code, after=succeed_first))
            if succeed_first and call in ("rename", "mkdir"):
                save()  # one commit calls these once
            else:
                message = f"cannot write {store.root}.*{text}.*Nothing that was complete has changed"
                with pytest.raises(StoreError, match=message):
                    save()
        assert Layout(store.root).temporaries() == []
    after = snapshot(store.root)
    assert {path: after[path] for path in before} == before
    assert store.check() == []


def failing(call: Callable[..., Any], code: int, *, after: int) -> Callable[..., Any]:
    left = after

    def fail(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == -1:
            raise OSError(code, os.strerror(code))
        return call(*arguments, **options)

    return fail


def snapshot(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path, make_run: Callable[..., Run], make_key: Callable[..., MeasurementKey]) -> None:
    store = Store(small_disk / "runs")
    store.save_measurement(make_key(), values={"a": 1}, provenance={})
    large = {"weight": np.random.default_rng(0).normal(size=100_000)}
    with pytest.raises(StoreError, match=r"cannot write .*weights.*No space left on device.*free space"):
        store.save_weights(make_run(), {"last": large}, provenance={})
    assert not store.has_weights(make_run())
    assert Layout(store.root).temporaries() == []
    assert store.load_measurement(make_key()).values == {"a": 1}
    store.save_weights(make_run(), {"last": {"weight": np.zeros(3)}}, provenance={})  # the space is free again
    assert store.has_weights(make_run())


def test_a_read_only_disk(small_disk: Path, make_key: Callable[..., MeasurementKey]) -> None:
    store = Store(small_disk / "runs")
    store.save_measurement(make_key(0), values={"a": 1}, provenance={})
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match=r"cannot write .*Read-only file system.*RFLIB_RUNS"):
        store.save_measurement(make_key(1), values={"a": 1}, provenance={})
    with pytest.raises(StoreError, match=r"cannot lock .*Read-only file system"), store.lock("work"):
        pass
    assert store.load_measurement(make_key(0)).values == {"a": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(store: Store, make_key: Callable[..., MeasurementKey]) -> None:
    store.save_measurement(make_key(0), values={"a": 1}, provenance={})
    folder = Layout(store.root).measurement("x").parent
    folder.chmod(0o555)
    try:
        with pytest.raises(StoreError, match=r"cannot write .*Permission denied"):
            store.save_measurement(make_key(1), values={"a": 1}, provenance={})
    finally:
        folder.chmod(0o755)


def test_ctrl_c_while_writing_leaves_no_leftover(
    store: Store, make_key: Callable[..., MeasurementKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(name: str) -> None:
        if name == "chunk-written":
            raise KeyboardInterrupt

    monkeypatch.setattr("rflib.study.store.commit.point", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.save_measurement(make_key(), values={"a": 1}, provenance={})
    assert Layout(store.root).temporaries() == []
    assert not store.has_measurement(make_key())
