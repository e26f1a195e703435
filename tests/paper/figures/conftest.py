"""A complete study without training: every measurement of every chapter, its values from simple formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rflib.config import MeasurementKey, ModelConfig
from rflib.study.plans import Item, plan
from rflib.study.profiles import Profile
from rflib.study.study import Study
from tests.paper.figures import pixels, solutions, thesis
from tests.paper.memory import Memory

TRAINING = {"epochs": 6, "horizontal_flip": False}
LAYERS = {"rf_vgg19": 16, "rf_resnet26": 29, "rf_resnet50": 53}
SMALL = {
    "title": "fake, 32 px",
    "data": {"name": "digits", "image_size": 32},
    "seeds": [0, 1],
    "pool_kernels": {"rf_vgg19": [1, 2, 3, 4], "rf_resnet50": [1, 2, 3, 4]},
    "large_pool_kernels": [13, 18, 30],
    "training": TRAINING,
    "fine_tuning": {"epochs": 2, "horizontal_flip": False},
    "spectrum": {"eigenvalues": 12, "images": 128},
    "spectrum_seeds": [0, 1],
    "frozen_spectrum_kernels": [4],
    "similarity": {"images": 360},
    "protocol": {"architecture": "rf_vgg19", "pool_kernels": [2], "epochs": 3},
    "doubled": {"architecture": "rf_resnet50", "pool_kernels": [4]},
    "variants": {"architecture": "rf_vgg19", "pool_kernels": [2, 3, 4]},
    "deeper": {
        "architectures": ["vgg11", "resnet18_no_skips", "mpnet18", "resnet18", "resnet18_no_stem", "resnet18_cbam"],
        "truncated": ["vgg11", "resnet18"],
    },
    "refinement": {"networks": ["vgg16", "mobilenet_v2"], "image_sizes": [32, 64], "trained": ["resnet18"]},
    "effective_field": {"architectures": ["vgg11", "vgg19", "mpnet18", "resnet18"]},
    "calibrated": {"calibration_images": 64, "rates": [0.5, 0.8, 0.9]},
    "controls": {"rescaled": {"factors": [1, 10], "rates": [0.5, 0.9]}},
    **solutions.PLANS,
    **thesis.ROLE,
}
LARGE = {
    "title": "fake, 64 px",
    "data": {"name": "digits", "image_size": 64},
    "seeds": [0],
    "pool_kernels": {"rf_vgg19": [1, 2, 3, 4], "rf_resnet50": [2, 3, 4]},
    "large_pool_kernels": [13, 18, 30],
    "training": TRAINING,
    "fine_tuning": {"epochs": 2, "horizontal_flip": False},
    "long_fine_tuning_epochs": 5,
    "widths": {"multiples": [1, 2, 3], "pool_kernels": [3, 13, 30], "shallow_pool_kernels": [3, 6]},
}
PROFILE = {"name": "fake", "description": "formulas", "width": 0.125, "rates": [0.5, 0.8, 0.9]}


def receptive_field(architecture: str, kernel: int) -> float:
    return {"rf_vgg19": 178, "rf_resnet50": 105, "rf_resnet26": 51}[architecture] * kernel + 2.0


def dense(model: Any, seed: int) -> float:
    gain = 0 if model.truncated_for is None and model.refined_for is None else 1
    gain -= 3 * model.omitted_downsamplings
    return 95 - 10 * math.log2(model.pool_kernel) + 2 * math.log2(model.width / 0.125) + seed + gain


def pruned(model: Any, seed: int, scope: str, rate: float) -> float:
    kept = {"global": 0.2 * model.pool_kernel, "live": 0.1, "layerwise": 0.3}[scope]
    if model.map_size != "shrinking" and scope == "global":
        kept = 0.3
    return dense(model, seed) * min(1.0, 1 - (rate - 0.4) * (1 - min(kept, 1)) * (1 + 0.2 * seed))


def eigenvalue(architecture: str, kernel: int, seed: int, settings: Any, rank: int) -> float:
    largest = 40.0 * kernel if settings.checkpoint == "initial" else 8.0 * kernel
    shift = 5.0 if architecture == "rf_resnet50" else 0.0
    return (largest + seed) / rank - shift + (0.1 if settings.batch_statistics == "frozen" else 0.0)


def accuracy_at(run: Any, epoch: int) -> float:
    reached = 80 + 3 * run.seed if run.config.mask is not None else dense(run.config.model, run.seed)
    return reached * (1 - math.exp(-epoch)) + 0.05 * run.config.training.cosine_period_epochs


def similarity_matrix(kernel: int, checkpoint: str, estimator: str, layers: int = 53) -> np.ndarray:
    index = np.arange(1, layers + 1)
    near = np.exp(-np.abs(index[:, None] - index[None, :]) / 25)
    depth = np.maximum(index[:, None], index[None, :]) / layers
    values = near * (1 - 0.15 * kernel * depth) - (0.05 if checkpoint == "initial" else 0)
    return values + (0.1 if estimator == "biased" else 0.0)


def _architecture(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    model, size = key.settings.model, key.settings.image_size
    layers = LAYERS[model.architecture]
    last = receptive_field(model.architecture, model.pool_kernel) / (1 + model.omitted_downsamplings)
    fields = [3 + (last - 3) * index / (layers - 1) for index in range(layers)]
    rows = [
        {"name": f"conv{index}", "r_min": field, "r_max": field, "stride": 1.0, "map_size": size}
        for index, field in enumerate(fields)
    ]
    kept_maps = model.map_size != "shrinking"
    values = {
        "rows": rows,
        "receptive_field": last,
        "last_map_size": 4 if kept_maps else max(1, size // 8 // model.pool_kernel),
        "parameters": 1000,
        "dead_share": 0.0 if kept_maps else min(0.79, 0.02 * model.pool_kernel**2),
        "input_share": (size // model.pool_kernel * model.pool_kernel / size) ** 2,
    }
    return values, {}


def _history(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    run = key.runs[0]
    rows = [
        {
            "epoch": epoch,
            "learning_rate": 0.1,
            "train_loss": run.config.model.pool_kernel / epoch + 0.1 * run.seed,
            "test_loss": 1.0,
            "test_accuracy": accuracy_at(run, epoch),
        }
        for epoch in range(1, run.config.training.epochs + 1)
    ]
    return {"rows": rows}, {}


def _one_shot(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    run, settings = key.runs[0], key.settings
    whole, again = dense(run.config.model, run.seed), settings.calibration_images > 0
    rows = [
        {
            "scope": scope,
            "rate": rate,
            "pruned_accuracy": pruned(run.config.model, run.seed, scope, rate),
            **({"calibrated_accuracy": 0.9 * whole} if again else {}),
            "prunable": 1000,
            "dead": 100,
            "pruned": round(1000 * rate),
            "pruned_dead": 50,
        }
        for scope in settings.scopes
        for rate in settings.rates
    ]
    accuracies = {"dense_accuracy": whole, **({"dense_calibrated_accuracy": whole} if again else {})}
    return {**accuracies, "dense_loss": 1.0, "images": 360, "rows": rows}, {}


def _rescaled_taps(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Dead taps ten times as large cost ten times what they cost as they are: a point for every tenth of the rate."""
    settings = key.settings
    rows = [
        {
            "factor": factor,
            "rate": rate,
            "accuracy": 80.0,
            "largest_change": 0.0,
            "pruned_accuracy": 80 - 5 * factor * rate,
            "live_share_pruned": 10 * factor * rate,
        }
        for factor in settings.factors
        for rate in settings.rates
    ]
    return {"rows": rows, "dead_share": 25.0}, {}


def _spectrum(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    run, settings = key.runs[0], key.settings
    model = run.config.model
    rows = [
        {
            "rank": rank,
            "eigenvalue": eigenvalue(model.architecture, model.pool_kernel, run.seed, settings, rank),
            "residual": 0.001,
        }
        for rank in range(1, settings.eigenvalues + 1)
    ]
    return {"rows": rows, "products": 50, "images": settings.images, "converged": True}, {}


def _similarity(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `similarity_matrix` says for the seeds 0 and 1, and 0.03 (a + b - 1) more for other pairs of seeds a, b."""
    kernel = key.runs[0].config.model.pool_kernel
    first, second = (run.seed for run in key.runs)
    more = 0.03 * (first + second - 1) if first != second else 0.0
    estimators = ("debiased", "biased")
    arrays = {name: similarity_matrix(kernel, key.settings.checkpoint, name) + more for name in estimators}
    layers = [f"conv{index}" for index in range(1, 54)]
    rows = [
        {"layer": index, "name": name, **{e: float(arrays[e][index - 1, index - 1]) for e in estimators}}
        for index, name in enumerate(layers, start=1)
    ]
    return {"rows": rows, "images": 360, "layers": layers}, arrays


def _convolution(model: ModelConfig, index: int) -> str:
    """Name the convolutions of six, two a block where the network has blocks."""
    block, place = divmod(index - 1, 2)
    if model.architecture.startswith("mpnet"):
        return f"stages.{block}.0.{('small', 'large')[place]}.0"
    return f"layer{block + 1}.0.conv{place + 1}" if model.architecture.startswith("resnet") else f"conv{index}"


def _layers(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Six convolutions whose inputs see 8 pixels more each; the sixth sees more than the image of 32."""
    model = key.settings.model
    rows = [
        {
            "layer": index,
            "name": _convolution(model, index),
            "in_attention": False,
            "r_min": 8.0 * index,
            "r_max": 9.0 * index,
            "input_r_min": 8.0 * (index - 1),
            "map_size": 32,
            "unproductive_paper": 8 * (index - 1) > 32 and "no_stem" not in model.architecture,
            "unproductive_toolbox": False,
        }
        for index in range(1, 7 if model.truncated_for is None else 6)
    ]
    costs = {"parameters": 1000 * len(rows), "forward_flops": 10_000 * len(rows), "smallest_feasible_pixels": 40.0}
    last, largest = _convolution(model, 6), _convolution(model, 5)
    return {"rows": rows, "tail": [last], "border_layer_largest": largest, **costs}, {}


def _resolutions(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A network whose smallest feasible resolution is 20 pixels a letter of its name; the second size refines it."""
    smallest = 20.0 * len(key.settings.network)
    known = {"takes_image": True, "smallest_pixels": smallest, "largest_pixels": 500.0, "convolutions": 6}
    refined = {"changes": 1, "refinement": "stride 2 to 1 in conv1", "smallest_pixels_refined": smallest / 2}
    costs = {"forward_flops": 10, "forward_flops_refined": 20, "parameters_refined": 1000}
    first, second = key.settings.image_sizes
    rows = [
        {"image_size": first, "takes_image": False, "failing_layer": "conv6"},
        {"image_size": second, "unproductive": 2, "needs_refinement": True, **known, **refined, **costs},
    ]
    return {"rows": rows, "parameters": 1000}, {}


def _saturation(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    rows = [
        {
            "name": _convolution(key.runs[0].config.model, i),
            "features": 8,
            "samples": 64,
            "saturation": 0.1 * (7 - i),
            "saturation_delve": 0.05 * (7 - i),
        }
        for i in range(1, 7)
    ]
    return {"rows": rows, "images": 100}, {}


def _probes(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    seed, model = key.runs[0].seed, key.runs[0].config.model
    rows = [
        {"name": _convolution(model, i), "accuracy": 40.0 + 10 * min(i, 5) + seed, "train_accuracy": 100.0}
        for i in range(1, 7)
    ]
    return {"rows": rows, "train_images": 100, "test_images": 50}, {}


_VALUES = {
    **thesis.VALUES,
    "effective_field": pixels.effective_field,
    "pixel_sensitivity": pixels.pixel_sensitivity,
    "sharpness": solutions.sharpness,
    "layers": _layers,
    "probes": _probes,
    "resolutions": _resolutions,
    "saturation": _saturation,
    "architecture": _architecture,
    "history": _history,
    "one_shot": _one_shot,
    "rescaled_taps": _rescaled_taps,
    "spectrum": _spectrum,
    "similarity": _similarity,
    "travel": solutions.travel,
}


def _fill(store: Memory, items: tuple[Item, ...]) -> None:
    for item in items:
        if not store.has_measurement(item.key):
            values, arrays = _VALUES[item.key.analysis](item.key)
            store.save_measurement(item.key, values=values, arrays=arrays, provenance={})


@pytest.fixture(scope="session")
def open_fake() -> Callable[..., Study]:
    """Return the study of a chapter; keywords change both roles, None for a whole role leaves it out."""
    store = Memory()

    def open_study(chapter: str, *, small: Any = (), large: Any = (), name: str = "fake") -> Study:
        roles = {"small_images": (SMALL, small), "large_images": (LARGE, large)}
        filled = {role: {**base, **dict(changes)} for role, (base, changes) in roles.items() if changes is not None}
        profile = Profile.checked({**PROFILE, **filled, "name": name})
        items = plan(chapter, profile)
        _fill(store, items)
        return Study(chapter, profile, items, store)

    return open_study


@pytest.fixture(scope="session")
def formulas() -> SimpleNamespace:
    """What the measurements of the fake study are computed from."""
    return SimpleNamespace(
        receptive_field=receptive_field,
        dense=dense,
        pruned=pruned,
        eigenvalue=eigenvalue,
        accuracy_at=accuracy_at,
        similarity_matrix=similarity_matrix,
    )
