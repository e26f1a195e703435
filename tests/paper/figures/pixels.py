"""Effective fields and pixel sensitivity of the complete study without training, from simple formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from rflib.config import MeasurementKey


def effective_field(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Three layers whose field is 10 times their depth; the effective one is a tenth of it, or a bit more."""
    run, settings = key.runs[0], key.settings
    trained = 1 + run.seed if settings.checkpoint == "last" else 0
    rows = [
        {
            "name": f"conv{depth}",
            "depth": depth,
            "theoretical_field": 10.0 * depth,
            "area_side": 1.0 * depth + trained,
            "square_side": depth,
            "gaussian_width": 0.5 * depth,
        }
        for depth in (1, 5, 9)
    ]
    return {"rows": rows, "image_size": 32, "input_size": 32 * settings.mirrored, "images": 10}, {}


def pixel_sensitivity(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    model, seed = key.runs[0].config.model, key.runs[0].seed
    even = model.kernel_padding or model.architecture.startswith("vgg")
    rows = [
        {
            "period": period,
            "imbalance": (0.05 if even else 0.2) + 0.01 * seed,
            "ratio": 1.5,
            "partially_dead": 1.0 if even else 5.0,
            "uniform_imbalance": 0.0 if even else 0.3,
        }
        for period in key.settings.periods
    ]
    values = {"rows": rows, "images": 100, "strided_layers": 5, "uneven_layers": 0 if even else 5}
    phases = np.ones(2) if even else np.array([1.0, 3.0])
    chequered = np.outer(np.tile(phases, 16), np.tile(phases, 16))
    response = {"prediction_change": 2.0 if even else 4.0, "output_change": 0.1}
    return values | response, {"map": chequered + seed, "uniform": chequered}
