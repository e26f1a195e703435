"""Studies whose measurements are filled in by hand, by formulas that a reader can follow in his head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rflib.config import MeasurementKey
from rflib.pipeline.plans import Item, plan
from rflib.pipeline.profiles import Profile
from rflib.pipeline.study import Study
from rflib.store import Store

Content = tuple[dict[str, Any], dict[str, np.ndarray]]

TRAINING = {"epochs": 2}


def profile_with(role: str = "small_images", rates: Sequence[float] = (0.5, 0.9), **settings: Any) -> Profile:
    plain = {
        "title": "images",
        "data": {"name": "cifar10", "fingerprint": "f" * 16},
        "seeds": [0, 1],
        "pool_kernels": {"rf_vgg19": [1, 2]},
        "training": TRAINING,
        "fine_tuning": {"epochs": 3},
    }
    values = {"name": "filled", "description": "by hand", "width": 0.5, "rates": rates}
    return Profile.checked({**values, role: {**plain, **settings}})


def one_shot(kernel: int, seed: int, rates: tuple[float, ...]) -> dict[str, Any]:
    """Dense 90 - 10 k + seed; pruned 10 + 20 k + 2 seed at 0.9 and 5 more at 0.5; live always 10, layerwise 40."""
    rows = [
        {
            "scope": scope,
            "rate": rate,
            "pruned_accuracy": {"global": 10.0 + 20 * kernel + 2 * seed + (5 if rate == 0.5 else 0)}.get(
                scope, {"live": 10.0, "layerwise": 40.0}.get(scope)
            ),
            "prunable": 1000,
            "dead": 300,
            "pruned": round(1000 * rate),
            "pruned_dead": 100 * kernel,
        }
        for scope in ("global", "layerwise", "live")
        for rate in rates
    ]
    return {"dense_accuracy": 90.0 - 10 * kernel + seed, "dense_loss": 1.0, "images": 100, "rows": rows}


def history(kernel: int, seed: int, epochs: int) -> dict[str, Any]:
    rows = [
        {"epoch": epoch, "learning_rate": 0.1, "train_loss": 1.0, "test_accuracy": 60.0 + epoch + seed + 10 * kernel}
        for epoch in range(1, epochs + 1)
    ]
    return {"rows": rows, "best_epoch": epochs}


def architecture(kernel: int) -> dict[str, Any]:
    rows = [{"name": f"features.{i}", "r_min": 3.0 * i, "r_max": 4.0 * i, "stride": 1.0, "map_size": 8} for i in (1, 2)]
    values = {"receptive_field": 178.0 * kernel + 2, "last_map_size": 4, "parameters": 20_000_000}
    return {**values, "dead_share": 0.1 * kernel, "input_share": 1.0, "rows": rows}


def spectrum(kernel: int) -> dict[str, Any]:
    rows = [{"rank": rank, "eigenvalue": 100.0 * kernel / rank, "residual": 0.5} for rank in (1, 2, 4)]
    return {"rows": rows, "products": 30, "images": 64, "converged": True}


def similarity(kernel: int) -> dict[str, Any]:
    names = ["conv1", "layer1.0.conv1", "layer1.0.conv2"]
    rows = [{"layer": i, "name": name, "debiased": 0.1 * i, "biased": 0.2 * i} for i, name in enumerate(names, start=1)]
    return {"rows": rows, "images": 64, "layers": names}


def by_kernel(key: MeasurementKey) -> Content:
    settings: Any = key.settings
    model = key.runs[0].config.model if key.runs else settings.model
    kernel = model.pool_kernel
    if key.analysis == "one_shot":
        return one_shot(kernel, key.runs[0].seed, settings.rates), {}
    if key.analysis == "history":
        return history(kernel, key.runs[0].seed, key.runs[0].config.training.epochs), {}
    if key.analysis == "architecture":
        return architecture(kernel), {}
    if key.analysis == "spectrum":
        return spectrum(kernel), {}
    return similarity(kernel), {"debiased": np.eye(3), "biased": np.ones((3, 3))}


@pytest.fixture
def filled(tmp_path: Path) -> Callable[..., Study]:
    """Fill a store for a chapter: `filled("accuracy-and-pruning", role="large_images", seeds=[0])`.

    `content` gives the values and arrays of a measurement that is not in the store yet.
    """

    def make(chapter: str, content: Callable[[MeasurementKey], Content] = by_kernel, **settings: Any) -> Study:
        profile = profile_with(**settings)
        store = Store(tmp_path / "runs")
        items: tuple[Item, ...] = plan(chapter, profile)
        for item in items:
            if not store.has_measurement(item.key):
                values, arrays = content(item.key)
                store.save_measurement(item.key, values=values, arrays=arrays, provenance={"seconds": 1.0})
        return Study(chapter, profile, items, store)

    return make


@pytest.fixture
def nothing(tmp_path: Path) -> Study:
    """A study that plans no measurement."""
    return Study("accuracy-and-pruning", profile_with(), (), Store(tmp_path / "runs"))
