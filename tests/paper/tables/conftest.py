"""Studies whose measurements are filled in by hand, by formulas that a reader can follow in his head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from rflib.config import MeasurementKey
from rflib.study.plans import Item, plan
from rflib.study.profiles import Profile
from rflib.study.study import Study
from tests.paper.memory import Memory

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


def one_shot(kernel: int, seed: int, rates: tuple[float, ...], *, calibrated: bool = False) -> dict[str, Any]:
    """Dense 90 - 10 k + seed; pruned 10 + 20 k + 2 seed at 0.9 and 5 more at 0.5; live always 10, layerwise 40.

    With re-estimated statistics dense 70 - 10 k; pruned 20 + 10 k + seed at 0.9 and 5 more at 0.5; live always 20,
    layerwise 15. Of 1000 weights 50 + 100 k are dead, and every ranking takes 100 k of these.
    """
    more = {rate: 5.0 if rate == 0.5 else 0.0 for rate in rates}
    rows = [
        {
            "scope": scope,
            "rate": rate,
            "pruned_accuracy": {"global": 10.0 + 20 * kernel + 2 * seed + more[rate], "live": 10.0, "layerwise": 40.0}[
                scope
            ],
            "prunable": 1000,
            "dead": 50 + 100 * kernel,
            "pruned": round(1000 * rate),
            "pruned_dead": 100 * kernel,
        }
        for scope in ("global", "layerwise", "live")
        for rate in rates
    ]
    values = {"dense_accuracy": 90.0 - 10 * kernel + seed, "dense_loss": 1.0, "images": 100, "rows": rows}
    if calibrated:
        values["dense_calibrated_accuracy"] = 70.0 - 10 * kernel
        for row in rows:
            anew = {"global": 20.0 + 10 * kernel + seed + more[row["rate"]], "live": 20.0, "layerwise": 15.0}
            row["calibrated_accuracy"] = anew[row["scope"]]
    return values


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


def similarity(first: int, second: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Layer i is alike by 0.1 i within one seed, and by 0.03 (a + b - 1) more between the seeds a and b."""
    names = ["conv1", "layer1.0.conv1", "layer1.0.conv2"]
    more = 0.03 * (first + second - 1) if first != second else 0.0
    rows = [
        {"layer": i, "name": name, "debiased": 0.1 * i + more, "biased": 0.2 * i + more}
        for i, name in enumerate(names, start=1)
    ]
    return {"rows": rows, "images": 64, "layers": names}, {"debiased": np.eye(3) - more, "biased": np.ones((3, 3))}


def by_kernel(key: MeasurementKey) -> Content:
    settings: Any = key.settings
    model = key.runs[0].config.model if key.runs else settings.model
    kernel = model.pool_kernel
    if key.analysis == "one_shot":
        return one_shot(kernel, key.runs[0].seed, settings.rates, calibrated=settings.calibration_images > 0), {}
    if key.analysis == "history":
        return history(kernel, key.runs[0].seed, key.runs[0].config.training.epochs), {}
    if key.analysis == "architecture":
        return architecture(kernel), {}
    if key.analysis == "spectrum":
        return spectrum(kernel), {}
    return similarity(key.runs[0].seed, key.runs[1].seed)


@pytest.fixture
def filled() -> Callable[..., Study]:
    """Fill a store for a chapter: `filled("accuracy-and-pruning", role="large_images", seeds=[0])`.

    `content` gives the values and arrays of a measurement that is not in the store yet.
    """

    store = Memory()

    def make(chapter: str, content: Callable[[MeasurementKey], Content] = by_kernel, **settings: Any) -> Study:
        profile = profile_with(**settings)
        items: tuple[Item, ...] = plan(chapter, profile)
        for item in items:
            if not store.has_measurement(item.key):
                values, arrays = content(item.key)
                store.save_measurement(item.key, values=values, arrays=arrays, provenance={"seconds": 1.0})
        return Study(chapter, profile, items, store)

    return make


@pytest.fixture
def nothing() -> Study:
    """A study that plans no measurement."""
    return Study("accuracy-and-pruning", profile_with(), (), Memory())
