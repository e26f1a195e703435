"""Noise before pruning and redundancy of the complete study without training, from simple formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from rflib.config import MeasurementKey

Measured = tuple[dict[str, Any], dict[str, np.ndarray]]


def noise(key: MeasurementKey) -> Measured:
    """Noise before pruning gains 10 points a unit of scale a k, half among live weights; a tenth if it comes after."""
    run, settings = key.runs[0], key.settings
    kernel, part = run.config.model.pool_kernel, 0.5 if settings.scope == "live" else 1.0
    rows = []
    for kind in settings.kinds:
        for scale in settings.scales:
            for rate in settings.rates:
                for order in settings.orders:
                    gain = part * 10 * scale * kernel * (rate > 0.8) * (1.0 if order == "before" else 0.1) + run.seed
                    row = {"kind": kind, "scale": scale, "rate": rate, "order": order, "mean": 50 + gain / 2}
                    row |= {"deviation": 1.0, "selected": 60 + gain, "tested": 50 + gain, "pruned_selection": 50.0}
                    rows.append({**row, "pruned_tested": 50.0, "mean_benefit": gain / 2, "benefit": gain})
    values = {"scope": settings.scope, "calibrated": settings.calibration_images > 0, "draws": settings.draws}
    return {"rows": rows, **values, "dense_accuracy": 90.0, "selection_images": 10, "test_images": 10}, {}


def feature_variance(key: MeasurementKey) -> Measured:
    """The discrepancy is k times the rate, a tenth of that with new statistics, and noise takes the scale off."""
    run, settings = key.runs[0], key.settings
    rows = [
        {
            "rate": rate,
            "order": order,
            "scale": scale,
            "calibrated": calibrated,
            "discrepancy": run.config.model.pool_kernel * rate * (0.1 if calibrated else 1.0) - 0.05 * scale + run.seed,
            "dispersion": 1.0,
        }
        for rate in settings.rates
        for order, scale in [("none", 0.0), *((o, s) for o in settings.orders for s in settings.scales)]
        for calibrated in (False, True)
    ]
    return {"rows": rows, "scope": settings.scope, "kind": settings.kind, "draws": 5, "dense_dispersion": 1.5}, {}


def redundancy(key: MeasurementKey) -> Measured:
    """Six convolutions, the last two deep; saturation falls with the layer, the kernel and the rate."""
    run, settings = key.runs[0], key.settings
    kernel = run.config.model.pool_kernel
    rows = [
        {
            "rate": rate,
            "layer": layer,
            "name": f"conv{layer}",
            "deep": layer > 4,
            "tail": layer > 3,
            "input_r_min": 10.0 * layer,
            "saturation": 90.0 - 10 * layer - 2 * kernel - 10 * rate + run.seed,
            "samples": 100,
            "similarity": 0.1 * kernel,
            "relative_rank": 80.0 - 10 * kernel,
            "zero_filters": 50 * rate,
        }
        for rate in (0.0, *settings.rates)
        for layer in range(1, 7)
    ]
    return {"rows": rows, "scope": settings.scope, "images": 100}, {}


def deep_pruning(key: MeasurementKey) -> Measured:
    """Pruning the deep layers costs 8 points at kernel 1 and less at larger ones, among live weights twice as much."""
    run, settings = key.runs[0], key.settings
    kernel = run.config.model.pool_kernel
    rows = [
        {
            "part": part,
            "layers": 2 if part == "deep" else 3,
            "weight_share": 40.0,
            "dead_share": 20.0 * (kernel - 1),
            "scope": scope,
            "rate": rate,
            "accuracy": 90 - 8 / kernel * (2 if scope == "live" else 1) * rate - run.seed,
        }
        for part in ("deep", "tail")
        for scope in settings.scopes
        for rate in settings.rates
    ]
    return {"rows": rows, "dense_accuracy": 90.0, "images": 100}, {}


VALUES = {
    "deep_pruning": deep_pruning,
    "feature_variance": feature_variance,
    "noise": noise,
    "redundancy": redundancy,
}
ROLE = {"noise": {"pool_kernels": {"rf_vgg19": [1, 4]}}, "redundancy": {"omitted_downsamplings": {"rf_vgg19": [1]}}}
