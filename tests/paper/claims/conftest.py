"""Studies whose measurements are formulas, held in memory, so that the right verdict is known by construction."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rflib.config import MeasurementKey
from rflib.paper import claims
from rflib.paper.claims import Verdict
from rflib.study.plans import plan
from rflib.study.profiles import Profile
from rflib.study.study import Study

TRAINING = {"epochs": 8, "horizontal_flip": False}
SMALL: dict[str, Any] = {
    "title": "formulas, 32 px",
    "data": {"name": "digits", "image_size": 32},
    "seeds": [0, 1, 2],
    "pool_kernels": {"rf_vgg19": [1, 2, 3, 4], "rf_resnet50": [1, 2, 3, 4]},
    "large_pool_kernels": [13, 18],
    "training": TRAINING,
    "fine_tuning": {"epochs": 2, "horizontal_flip": False},
    "spectrum": {"eigenvalues": 4, "images": 128},
    "spectrum_seeds": [0, 1, 2],
    "similarity": {"images": 100},
    "doubled": {"architecture": "rf_resnet50", "pool_kernels": [4]},
    "variants": {"architecture": "rf_vgg19", "pool_kernels": [2, 3, 4], "dilated_pool_kernels": []},
}
LARGE: dict[str, Any] = {
    "title": "formulas, 64 px",
    "data": {"name": "digits", "image_size": 64},
    "seeds": [0, 1, 2],
    "pool_kernels": {"rf_vgg19": [1, 2, 3, 4], "rf_resnet50": [2, 3, 4]},
    "training": TRAINING,
    "fine_tuning": {"epochs": 2, "horizontal_flip": False},
    "long_fine_tuning_epochs": 5,
    "widths": {"multiples": [1, 2], "pool_kernels": [3, 13], "shallow_pool_kernels": [7]},
}
PROFILE = {"name": "formulas", "description": "no training", "width": 0.5, "rates": [0.5, 0.8, 0.9]}
WORLD = 1
PER_KERNEL = {"rf_vgg19": 178, "rf_resnet50": 105, "rf_resnet26": 47}


def noise(*parts: object) -> float:
    """Return a number between -0.1 and 0.1 that depends on everything about a run.

    Among so many tests at 5 % some draws of noise alone would be called an effect; this world has none of those.
    """
    return zlib.crc32(repr((WORLD, *parts)).encode()) % 201 / 1000 - 0.1


def noise_of(run: Any, *more: object) -> float:
    """Return the noise of one run; a pruned run differs from its parent by `more`."""
    config = run.config
    return noise(
        config.model.model_dump_json(), config.data.image_size, config.training.cosine_period_epochs, run.seed, *more
    )


def formulas() -> SimpleNamespace:
    """Return a world in which every claim that can be decided is true; tests change one formula at a time."""
    return SimpleNamespace(
        dense=dense,
        kept=kept,
        kept_calibrated=lambda model, scope, rate: 0.9,
        gap=lambda model, epochs: max(0.0, (24 - 6 * model.pool_kernel) / epochs),
        loss=lambda model: 0.1 * model.pool_kernel,
        eigenvalue=lambda model, checkpoint, rank: 40.0 * model.pool_kernel / rank,
        residual=lambda model: 0.01,
        deep=lambda kernel, checkpoint: 0.9 - 0.15 * kernel if checkpoint == "last" else 0.8,
        shallow=lambda kernel, checkpoint: 0.95,
        bump=lambda printed: 6.0 if printed else 0.0,
        parameters=lambda model: 20_000_000 if model.architecture == "rf_vgg19" else 23_000_000,
        last_map=lambda model, size: size // 4 // model.pool_kernel,
        dead_share=lambda model: 0.1,
        change_of_outputs=lambda factor: 0.0,
        pruned_with_larger_dead_taps=lambda factor: 80.0 - 3 * factor,
    )


def dense(model: Any) -> float:
    kernel = model.pool_kernel if model.map_size == "shrinking" else 1
    width = 0 if kernel < 4 else 8 * np.log2(model.width / 0.5)
    shallower = 3 if model.architecture == "rf_resnet26" else 0
    equal_field = PER_KERNEL[model.architecture] * kernel / 105
    smaller = 2 * model.omitted_downsamplings
    return float(92 - 4 * equal_field + width - shallower + smaller if kernel < 13 else 30 + width - kernel / 10)


def kept(model: Any, scope: str, rate: float) -> float:
    kernel = model.pool_kernel if model.map_size == "shrinking" and scope == "global" else 1
    return 1.0 if rate < 0.85 else min(1.0, 0.1 + 0.2 * kernel)


@dataclass
class Formulas:
    """A store that has every measurement, computed from formulas when it is asked."""

    world: SimpleNamespace
    root: str = "formulas"

    def has_measurement(self, key: MeasurementKey) -> bool:
        return True

    def load_measurement(self, key: MeasurementKey) -> SimpleNamespace:
        values, arrays = getattr(self, key.analysis)(key, *key.runs)
        return SimpleNamespace(values=values, arrays=arrays, provenance={})

    def architecture(self, key: MeasurementKey) -> tuple[dict[str, Any], dict[str, Any]]:
        model, size = key.settings.model, key.settings.image_size
        field = PER_KERNEL[model.architecture] * model.pool_kernel + 2.0
        values = {
            "rows": [{"name": name, "r_min": 3.0, "r_max": 3.0, "stride": 1.0, "map_size": size} for name in "ab"],
            "receptive_field": field / (1 + model.omitted_downsamplings),
            "last_map_size": self.world.last_map(model, size),
            "parameters": self.world.parameters(model),
            "dead_share": self.world.dead_share(model),
            "input_share": 1.0,
        }
        return values, {}

    def one_shot(self, key: MeasurementKey, run: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        model = run.config.model
        accuracy = self.world.dense(model) + noise_of(run)
        again = key.settings.calibration_images > 0
        rows = [
            {
                "scope": scope,
                "rate": rate,
                "pruned_accuracy": accuracy * self.world.kept(model, scope, rate) + noise_of(run, scope, rate),
                **({"calibrated_accuracy": accuracy * self.world.kept_calibrated(model, scope, rate)} if again else {}),
                "prunable": 1000,
                "dead": round(1000 * self.world.dead_share(model)),
                "pruned": round(1000 * rate),
                "pruned_dead": 50,
            }
            for scope in key.settings.scopes
            for rate in key.settings.rates
        ]
        dense = {"dense_accuracy": accuracy, **({"dense_calibrated_accuracy": accuracy} if again else {})}
        return {**dense, "dense_loss": 1.0, "images": 100, "rows": rows}, {}

    def rescaled_taps(self, key: MeasurementKey, run: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        rows = [
            {
                "factor": factor,
                "rate": rate,
                "accuracy": 80.0,
                "largest_change": self.world.change_of_outputs(factor),
                "pruned_accuracy": self.world.pruned_with_larger_dead_taps(factor) + noise_of(run, factor, rate),
                "live_share_pruned": 50.0,
            }
            for factor in key.settings.factors
            for rate in key.settings.rates
        ]
        return {"rows": rows, "dead_share": 100 * self.world.dead_share(run.config.model), "images": 100}, {}

    def history(self, key: MeasurementKey, run: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        model, training = run.config.model, run.config.training
        reached = self.world.dense(model) + noise_of(run.parent or run)
        if run.config.mask is not None and run.config.mask.rate:
            reached -= self.world.gap(model, training.epochs) + noise_of(run, "gap")
        doubled = training.epochs == 16
        rows = []
        for epoch in range(1, training.epochs + 1):
            late = doubled and epoch > 12
            fallen = self.world.bump(training.cosine_period_epochs < 16) if late else 0.0
            rows.append(
                {
                    "epoch": epoch,
                    "learning_rate": 0.1,
                    "train_loss": self.world.loss(model) + 0.01 * noise_of(run, "loss"),
                    "test_accuracy": reached - fallen,
                }
            )
        return {"rows": rows, "best_epoch": 1}, {}

    def spectrum(self, key: MeasurementKey, run: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        model, settings = run.config.model, key.settings
        largest = self.world.eigenvalue(model, settings.checkpoint, 1)
        rows = [
            {
                "rank": rank,
                "eigenvalue": self.world.eigenvalue(model, settings.checkpoint, rank) + noise_of(run) / rank,
                "residual": self.world.residual(model) * largest,
            }
            for rank in range(1, settings.eigenvalues + 1)
        ]
        return {"rows": rows, "products": 9, "images": 128, "converged": True}, {}

    def similarity(self, key: MeasurementKey, first: Any, second: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        kernel, checkpoint = first.config.model.pool_kernel, key.settings.checkpoint
        shift = 0.1 * noise_of(first, second.seed, checkpoint)
        values = np.full((53, 53), self.world.deep(kernel, checkpoint) + shift)
        values[:25, :25] = self.world.shallow(kernel, checkpoint) + shift
        return {"rows": [], "layers": ["x"] * 53, "images": 100}, {"debiased": values, "biased": values + 0.3}


Make = Callable[..., Study]


def make_study(*, small: Any = (), large: Any = (), rates: list[float] | None = None, **changed: Any) -> Study:
    """Return the study of the chapter; `small` and `large` change a role (None: left out), others a formula."""
    pairs = {"small_images": (SMALL, small), "large_images": (LARGE, large)}
    roles = {name: {**base, **dict(changes)} for name, (base, changes) in pairs.items() if changes is not None}
    profile = Profile.checked({**PROFILE, **roles, **({"rates": rates} if rates else {})})
    world = SimpleNamespace(**{**vars(formulas()), **changed})
    return Study("claims", profile, plan("claims", profile), Formulas(world))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def with_test_images(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let data sets have so many test images that their choice makes no difference; a test may ask for fewer."""

    def have(count: int) -> None:
        monkeypatch.setattr(Study, "data_facts", lambda _study, _role: SimpleNamespace(test_images=count))

    have(10**9)
    return have


@pytest.fixture
def study() -> Make:
    return make_study


@pytest.fixture
def verdict_on() -> Callable[..., Verdict]:
    """Return the verdict on one claim in a changed world: `verdict_on("RR-01", dense=lambda model: 50.0)`."""

    def decide(claim: str, **changed: Any) -> Verdict:
        (verdict,) = claims.decide(make_study(**changed), claim)
        return verdict

    return decide
