from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rflib.config import MeasurementKey, Run
from rflib.study.store import Store
from rflib.study.store.layout import KINDS, Layout
from rflib.study.store.process import process_tag

HOUR = 3600
ME = process_tag()
NOBODY = f"{ME.partition('-')[0]}-{2**30}"  # more than the kernel's highest pid
ELSEWHERE = "0123456789ab-1"


def leave(store: Store, kind: str, maker: str, *, hours_old: float = 0.0) -> Path:
    """Leave behind what a writer that was killed leaves behind."""
    path = store.root / kind / f".partial.{maker}.0011aabb"
    path.mkdir(parents=True)
    (path / "run.json").write_text("{")
    then = time.time() - hours_old * HOUR
    for entry in (path / "run.json", path):
        os.utime(entry, (then, then))
    return path


@pytest.mark.parametrize("kind", [*KINDS, "locks", "."])
@pytest.mark.parametrize(
    ("maker", "hours_old", "removed"),
    [
        (NOBODY, 0, True),
        (NOBODY, -1, True),  # its clock is an hour ahead
        (ME, 0, False),
        (ME, 23, False),
        (ME, 25, True),  # of another process with the same number
        (ELSEWHERE, 0, False),
        (ELSEWHERE, -1, False),
        (ELSEWHERE, 23, False),
        (ELSEWHERE, 25, True),
    ],
)
def test_leftovers_of_the_dead_are_removed_and_of_the_living_kept(
    store: Store, kind: str, maker: str, hours_old: float, removed: bool
) -> None:
    path = leave(store, kind, maker, hours_old=hours_old)
    assert store.collect_garbage() == ([path] if removed else [])
    assert path.exists() != removed


def test_what_is_complete_stays(
    store: Store, make_run: Callable[..., Run], make_key: Callable[..., MeasurementKey]
) -> None:
    store.save_measurement(make_key(), values={}, provenance={})
    store.save_weights(make_run(0), {"last": {"w": np.zeros(1)}}, provenance={})
    store.save_resume_point(make_run(1), 1, {"w": np.zeros(1)}, {})
    before = sorted(store.root.rglob("*"))
    assert store.collect_garbage(quarantine_corrupt=True) == []
    assert sorted(store.root.rglob("*")) == before


def test_resume_points_go_when_the_weights_are_there_and_sound(store: Store, make_run: Callable[..., Run]) -> None:
    run, arrays = make_run(), {"w": np.zeros(1)}
    for step in (1, 2):
        store.save_resume_point(run, step, arrays, {})
    store.save_weights(run, {"last": arrays}, provenance={})
    file = Layout(store.root).weights(run.name) / "last.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    assert store.collect_garbage() == []
    file.write_bytes(content)
    assert [path.name[-2:] for path in store.collect_garbage()] == ["01", "02"]
    assert store.load_resume_point(run) is None


def test_resume_points_of_a_measurement_go_when_it_is_there(
    store: Store, make_key: Callable[..., MeasurementKey]
) -> None:
    for seed in (0, 1):
        store.save_resume_point(make_key(seed), 1, {"w": np.zeros(1)}, {})
    store.save_measurement(make_key(0), values={}, provenance={})
    assert store.collect_garbage() == [Layout(store.root).resume_point(make_key(0).name, 1)]
    assert store.load_resume_point(make_key(0)) is None
    assert store.load_resume_point(make_key(1)) is not None


def test_damaged_objects_are_moved_aside_only_when_asked(store: Store, make_key: Callable[..., MeasurementKey]) -> None:
    for seed in (0, 1):
        store.save_measurement(make_key(seed), values={"seed": seed}, provenance={})
    folder = Layout(store.root).measurement(make_key(0).name)
    (folder / "measurement.json").write_text("{}")
    assert store.collect_garbage() == []
    assert store.collect_garbage(quarantine_corrupt=True) == [folder]
    assert not store.has_measurement(make_key(0))
    aside = list((store.root / "quarantine").iterdir())
    assert [(path / "measurement.json").read_text() for path in aside] == ["{}"]
    store.save_measurement(make_key(0), values={"seed": 0}, provenance={})
    assert [found.values for found in store.measurements()] != []
    assert store.check() == []
