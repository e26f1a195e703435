from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rflib.config import Run
from rflib.pipeline.profiles import Profile, load_profile


@pytest.fixture
def profile(project: Path) -> Profile:
    return load_profile("tiny")


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the seed of every training run that starts in this process."""
    from rflib.pipeline import compute

    started: list[int] = []
    train = compute.train

    def counted(*arguments: Any, **options: Any) -> Any:
        started.append(options["seed"])
        return train(*arguments, **options)

    monkeypatch.setattr(compute, "train", counted)
    return started


@pytest.fixture
def weight_bytes(project: Path) -> Callable[..., dict[str, bytes]]:
    """Read the weight files of a run under a folder of runs, by name."""

    def read(run: Run, runs: str = "runs") -> dict[str, bytes]:
        folder = project / runs / "weights" / run.name
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}

    return read
