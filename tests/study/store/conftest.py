from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rflib.config import DataConfig, HistorySettings, MeasurementKey, Run, RunConfig
from rflib.study.store import Store

PROCESSES = Path(__file__).with_name("processes.py")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def make_run() -> Callable[..., Run]:
    def make(seed: int = 0, name: str = "cifar10") -> Run:
        return Run(config=RunConfig(data=DataConfig(name=name, fingerprint="f" * 16)), seed=seed)

    return make


@pytest.fixture
def make_key(make_run: Callable[..., Run]) -> Callable[..., MeasurementKey]:
    return lambda seed=0: MeasurementKey.of(HistorySettings(), make_run(seed))


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    # Values and layouts that a careless encoder changes: a transposed view, a scalar, an empty array.
    generator = np.random.default_rng(0)
    return {
        "conv.weight": generator.normal(size=(3, 4)).astype(np.float32).T,
        "bn.num_batches_tracked": np.array(7, dtype=np.int64),
        "empty": np.zeros((0, 2), dtype=np.float64),
        "mask": np.array([True, False]),
    }


@pytest.fixture
def run_processes(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run one scenario of `processes.py` in a fresh interpreter and return its figures."""

    def run(*arguments: object, timeout: float = 120) -> dict[str, Any]:
        command = [sys.executable, str(PROCESSES), str(tmp_path), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
