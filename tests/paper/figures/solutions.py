"""Solutions in the complete study without training, from simple formulas: their sharpness, and how far they lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from rflib.config import MeasurementKey

PLANS: dict[str, Any] = {
    "optimisers": {"others": [{"optimiser": {"name": name}} for name in ("sam", "adahessian")]},
    "curvature": {"architecture": "rf_vgg19", "pool_kernels": [2, 4]},
}
SHARPNESS = {"sgd": 10.0, "sam": 5.0, "adahessian": 40.0}


def sharpness(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A parabola along both lines, as steep as the optimiser's largest eigenvalue times the pool kernel."""
    run, settings = key.runs[0], key.settings
    largest = SHARPNESS[run.config.training.optimiser.name] * run.config.model.pool_kernel + run.seed
    lines = {"eigenvector": settings.eigenvector_steps, "random": settings.random_steps}
    rows = [
        {"line": line, "step": step, "loss": 0.1 + largest * step**2 / 2}
        for line, steps in lines.items()
        for step in steps
    ]
    values = {
        "largest": largest,
        "trace": 3 * largest,
        "trace_error": 0.1,
        "largest_pruned": 2 * largest,
        "trace_pruned": 4 * largest,
        "trace_error_pruned": 0.1,
        "sam": largest / 100,
        "asam": largest / 50,
        "filter_similarity": 1 / largest,
        "relative_rank": 0.5 + largest / 1000,
    }
    return {"rows": rows, "images": 10, **values}, {}


def travel(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    rate = key.runs[0].config.training.learning_rate
    values = {"distance": 100 * rate, "initial_norm": 10.0, "final_norm": 12.0, "learning_rate_sum": 1e4 * rate}
    return values, {}
