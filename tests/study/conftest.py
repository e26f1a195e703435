from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rflib.config import MeasurementKey, Run
from rflib.study.compute import measure
from rflib.study.profiles import Profile, load_profile
from rflib.study.store import Measurement
from rflib.study.study import Study


@pytest.fixture
def profile(project: Path) -> Profile:
    return load_profile("tiny")


@pytest.fixture
def study(open_tiny: Callable[..., Study]) -> Study:
    return open_tiny()


@pytest.fixture
def run(study: Study) -> Run:
    """A run that stays untrained until a test needs it trained."""
    return study.items[1].key.runs[0]


@pytest.fixture
def recorded(study: Study) -> Callable[..., Measurement]:
    """Measure with these settings on these runs, and read it back from the store."""

    def make(settings: object, *runs: Run) -> Measurement:
        key = MeasurementKey.of(settings, *runs)  # type: ignore[arg-type]
        measure(key, study.store, lambda _message: None)
        return study.store.load_measurement(key)

    return make


@pytest.fixture
def values_of(recorded: Callable[..., Measurement]) -> Callable[..., dict[str, Any]]:
    """Like `recorded`, of the values alone."""
    return lambda settings, *runs: recorded(settings, *runs).values


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the seed of every training run that starts in this process."""
    from rflib.study import training

    started: list[int] = []
    train = training.train

    def counted(*arguments: Any, **options: Any) -> Any:
        started.append(options["seed"])
        return train(*arguments, **options)

    monkeypatch.setattr(training, "train", counted)
    return started


@pytest.fixture
def weight_bytes(project: Path) -> Callable[..., dict[str, bytes]]:
    """Read the weight files of a run under a folder of runs, by name."""

    def read(run: Run, runs: str = "runs") -> dict[str, bytes]:
        folder = project / runs / "weights" / run.name
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}

    return read
