"""A search for eigenvalues that is killed goes on where it was, and ends bit for bit where it would have ended."""

from __future__ import annotations

import itertools
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rflib.config import MeasurementKey, SpectrumSettings
from rflib.errors import StoreError
from rflib.hessian import HessianProduct, SearchState
from rflib.study import subject
from rflib.study.compute import measure
from rflib.study.record.search_points import WRITING_SHARE, SearchPoints
from rflib.study.store import Measurement, Store
from rflib.study.study import Study

Open = Callable[..., Study]
Products = list[int]

COMPUTE = """
import sys
from rflib.hessian import HessianProduct
from rflib.config import MeasurementKey, SpectrumSettings
from rflib.study import subject
from rflib.study.compute import measure
from rflib.study.record import search_points
from rflib.study.compute import measure
from rflib.study.study import open_study

study = open_study("accuracy-and-pruning", profile="tiny", seeds=[0], epochs=1)
settings = SpectrumSettings(eigenvalues=3, images=24, batch_size=12, checkpoint="initial")
multiply = HessianProduct.__call__

def counted(self, vector):
    print("product", flush=True)
    return multiply(self, vector)

HessianProduct.__call__ = counted
subject.RESUME_INTERVAL_SECONDS = 0.0
search_points.WRITING_SHARE = float("inf")
measure(MeasurementKey.of(settings, study.items[1].key.runs[0]), study.store, print)
"""


@pytest.fixture
def key(study: Study) -> MeasurementKey:
    settings = SpectrumSettings(eigenvalues=3, images=24, batch_size=12, checkpoint="initial")
    return MeasurementKey.of(settings, study.items[1].key.runs[0])


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> Products:
    """Collect the Hessian products of this process."""
    made: Products = []
    multiply = HessianProduct.__call__

    def counted(self: HessianProduct, vector: torch.Tensor) -> torch.Tensor:
        made.append(1)
        return multiply(self, vector)

    monkeypatch.setattr(HessianProduct, "__call__", counted)
    return made


def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "RESUME_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr("rflib.study.record.search_points.WRITING_SHARE", np.inf)


def fail_at(monkeypatch: pytest.MonkeyPatch, product: int, error: BaseException) -> None:
    multiply, calls = HessianProduct.__call__, []

    def failing(self: HessianProduct, vector: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) == product:
            raise error
        return multiply(self, vector)

    monkeypatch.setattr(HessianProduct, "__call__", failing)


def measured(key: MeasurementKey, store: Store) -> Measurement:
    measure(key, store, lambda _message: None)
    return store.load_measurement(key)


@pytest.mark.parametrize("product", [2, 9, 17])
def test_a_killed_search_resumes_to_the_same_numbers(
    key: MeasurementKey, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, products: Products, product: int
) -> None:
    """The exception stands for the kill: nothing handles it, so only what is on disk by then survives."""
    whole = measured(key, Store(tmp_path / "whole"))
    always(monkeypatch)
    with monkeypatch.context() as patch:
        fail_at(patch, product, MemoryError())
        with pytest.raises(MemoryError):
            measured(key, study.store)
    point = study.store.load_resume_point(key)
    assert point is not None
    assert point.step == product - 1
    products.clear()
    resumed = measured(key, study.store)
    assert resumed.values == whole.values
    assert len(products) == whole.values["products"] - (product - 1)
    assert study.store.load_resume_point(key) is None, "a finished measurement needs none"


def test_seconds_before_the_kill_count(key: MeasurementKey, study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    always(monkeypatch)
    with monkeypatch.context() as patch:
        fail_at(patch, 4, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            measured(key, study.store)
    point = study.store.load_resume_point(key)
    assert point is not None
    study.store.save_resume_point(key, point.step + 1, point.arrays, {**point.state, "seconds": 1000.0})
    assert 1000 < measured(key, study.store).provenance["seconds"] < 1100


def test_a_state_of_an_older_library_is_passed_over(
    key: MeasurementKey, study: Study, tmp_path: Path, products: Products
) -> None:
    numbers = {"k": 3, "capacity": 17, "products": 5}
    study.store.save_resume_point(key, 5, {"next": np.zeros(9)}, {"numbers": numbers, "seconds": 1.0})
    found = measured(key, study.store)
    assert found.values == measured(key, Store(tmp_path / "whole")).values
    assert len(products) == 2 * found.values["products"]
    assert study.store.load_resume_point(key) is None


def a_state(products: int) -> SearchState:
    tensors = {"next": torch.ones(4), "projected": torch.eye(2, dtype=torch.float64).T}
    return SearchState(torch.arange(8.0).view(2, 4).half(), tensors, {"products": products, "scale": 1 / 3})


def test_states_come_back(key: MeasurementKey, study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    always(monkeypatch)
    assert SearchPoints(study.store, key).load() is None
    points, state = SearchPoints(study.store, key), a_state(2)
    points(state)
    found = SearchPoints(study.store, key).load()
    assert found is not None
    assert found.numbers == state.numbers
    assert found.tensors.keys() == state.tensors.keys()
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in state.tensors.items())
    rows = list(found.rows)
    assert torch.equal(torch.stack(rows), state.rows)  # type: ignore[arg-type]
    assert rows[0].dtype == torch.float16
    assert list(found.rows) == [], "read once, and the memory of each row given back"
    points(a_state(3))
    newest = study.store.load_resume_point(key)
    assert newest is not None
    assert newest.step == 3
    assert len(list((study.store.root / "resume").iterdir())) == 1, "the basis can be gigabytes: one point stays"


def test_a_point_is_written_the_more_rarely_the_longer_it_takes(
    key: MeasurementKey, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, writes = [0.0], []

    def save(*_arguments: Any, **_options: Any) -> None:
        writes.append(clock[0])
        clock[0] += 6.0  # what writing takes

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Store, "save_resume_point", save)
    points = SearchPoints(study.store, key)
    for products in range(1, 1001):
        clock[0] += 1.0
        points(a_state(products))
    assert writes[0] == subject.RESUME_INTERVAL_SECONDS
    pauses = {later - earlier for earlier, later in itertools.pairwise(writes)}
    assert pauses == {6.0 + 6.0 / WRITING_SHARE}
    assert 6 * len(writes) <= (WRITING_SHARE + 0.01) * clock[0]


def test_a_full_disk_ends_the_writing_and_not_the_search(
    key: MeasurementKey, study: Study, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    always(monkeypatch)
    calls = []

    def full(*_arguments: Any, **_options: Any) -> None:
        calls.append(1)
        raise StoreError("cannot write: no space left")

    monkeypatch.setattr(Store, "save_resume_point", full)
    with caplog.at_level(logging.WARNING, logger="rflib"):
        found = measured(key, study.store)
    assert found.values["converged"]
    assert len(calls) == 1
    assert caplog.messages == [f"no more resume points of {key.name}: cannot write: no space left"]


@pytest.mark.slow
def test_a_process_that_is_killed_twice_loses_nothing(key: MeasurementKey, study: Study, tmp_path: Path) -> None:
    made = 0
    for kill_after in (4, 6, None):
        process = subprocess.Popen([sys.executable, "-c", COMPUTE], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _line in process.stdout:
            made += 1
            kill_after = None if kill_after is None else kill_after - 1
            if kill_after == 0:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        process.wait()
    found = study.store.load_measurement(key)
    whole = measured(key, Store(tmp_path / "whole"))
    assert found.values == whole.values
    assert made <= whole.values["products"] + 2 * 3, "a kill costs the products since the last point, and one in flight"
