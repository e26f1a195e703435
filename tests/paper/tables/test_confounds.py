"""What stands behind one-shot pruning beside the field, over studies whose every cell says which run it is of.

Dense accuracy is 90, less 10 for every step of the pool, and 1 more a seed. A pruned network has 40 less, whatever
ranking and rate; with re-estimated statistics both have 5 more. Trained without weight decay a network has 3 more, on
enlarged images 7 more. Guessing is 10 %. Of 1000 weights 200 are dead, and pruning takes 100 of these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from rflib.config import MeasurementKey
from rflib.paper.chapters import manipulating_the_receptive_field, open_questions
from rflib.study.study import Study

Filled = Callable[..., Study]
CALIBRATED = {"calibration_images": 9, "rates": [0.8, 0.9]}
ENLARGED = {"controls": {"enlarged": {"image_size": 64, "epochs": 1, "runs": {1: [0], 2: [0, 1]}}}}
UNDECAYED = {"controls": {"undecayed": {"rf_vgg19": [2]}, "seeds": [0]}}
READINGS = {
    "pool_kernels": {"rf_vgg19": [1, 2, 3]},
    "readings": {"overlapping": {"rf_vgg19": [2, 3]}, "others": {"rf_vgg16": [2]}},
}


def cells(key: MeasurementKey) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what the formulas above say of a measurement."""
    settings: Any = key.settings
    if key.analysis == "architecture":
        model = settings.model
        values = {"receptive_field": 100.0 * model.pool_kernel, "last_map_size": model.pool_stride, "rows": []}
        return {**values, "dead_share": 0.1 * model.pool_kernel, "input_share": 0.5}, {}
    if key.analysis != "one_shot":
        return {"rows": [{"epoch": 1, "learning_rate": 0.1, "train_loss": 1.0, "test_accuracy": 1.0}]}, {}
    run = key.runs[0]
    dense = 90.0 - 10 * run.config.model.pool_stride + run.seed
    dense += 3 * (run.config.training.optimiser.weight_decay == 0) + 7 * (run.config.data.image_size == 64)
    row = {"pruned_accuracy": dense - 40, "prunable": 1000, "dead": 200, "pruned_dead": 100}
    again = {"calibrated_accuracy": dense - 35} if settings.calibration_images else {}
    rows = [
        {**row, **again, "scope": scope, "rate": rate, "pruned": round(1000 * rate)}
        for scope in ("global", "live", "layerwise")
        for rate in settings.rates
    ]
    found = {"dense_accuracy": dense, "rows": rows}
    return found | ({"dense_calibrated_accuracy": dense + 5} if again else {}), {}


def records(frame: Any, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(frame[list(columns)].itertuples(index=False, name=None))


def test_a_recipe_stands_beside_the_one_that_the_grid_was_trained_by(filled: Filled) -> None:
    study = filled("open-questions", cells, rates=[0.5, 0.8], calibrated=CALIBRATED, **UNDECAYED)
    frame = open_questions.recipes(study)
    columns = ["pool_kernel", "recipe", "n", "dense_mean", "pruned_mean", "pruned_calibrated_mean"]
    # 700 of 800 live weights go at 0.8; the grid has seeds 0 and 1, and k = 1 was trained by one recipe alone.
    assert records(frame, columns) == [
        (2, "as trained here", 2, 70.5, 30.5, 35.5),
        (2, "without weight decay", 1, 73.0, 33.0, 38.0),
    ]
    assert frame["live_pruned_share_mean"].tolist() == [87.5, 87.5]
    assert frame["dead_share"].tolist() == [20.0, 20.0]
    assert open_questions.recipes(study, rate=0.3).empty


def test_printed_recipes_have_their_names(filled: Filled) -> None:
    study = filled("open-questions", cells, rates=[0.8], protocol={"pool_kernels": [1], "epochs": 1}, seeds=[0])
    assert open_questions.recipes(study)["recipe"].tolist() == [
        "as trained here",
        "as printed, clipped by norm",
        "as printed, clipped by value",
        "as printed, without clipping",
    ]


def test_the_same_pictures_at_two_sizes(filled: Filled) -> None:
    study = filled("open-questions", cells, rates=[0.6, 0.7], calibrated=CALIBRATED, **ENLARGED)
    frame = open_questions.enlarged(study)
    columns = ["image_size", "pool_kernel", "rate", "n", "dense_mean", "pruned_mean", "pruned_calibrated_mean"]
    own = [(32, 1, rate, 1, 80.0, 40.0, 45.0) for rate in (0.8, 0.9)]
    own += [(32, 2, rate, 2, 70.5, 30.5, 35.5) for rate in (0.8, 0.9)]
    large = [(64, kernel, rate, n, *(each + 7 for each in rest)) for _, kernel, rate, n, *rest in own]
    assert records(frame.sort_values(["image_size", "pool_kernel", "rate"]), columns) == own + large
    first = frame[frame["image_size"] == 32].iloc[0]
    # 30 of the 70 points above guessing are left, and with re-estimated statistics 35 of 75.
    assert first["kept_mean"] == pytest.approx(100 * 30 / 70)
    assert first["kept_calibrated_mean"] == pytest.approx(100 * 35 / 75)
    assert open_questions.enlarged(filled("open-questions", cells, calibrated=CALIBRATED)).empty


def test_readings_of_the_pool_beside_the_labels_of_the_paper(filled: Filled) -> None:
    frame = manipulating_the_receptive_field.readings(filled("manipulating-the-receptive-field", cells, **READINGS))
    columns = ["reading", "pool_kernel", "label", "receptive_field", "last_map_size", "dead_share", "input_share"]
    own, other = "window k, stride k", "window k + 1, stride k, padding 1"
    assert records(frame, columns) == [
        (own, 1, 181, 100.0, 1, 10.0, 50.0),
        (own, 2, 359, 200.0, 2, 20.0, 50.0),
        (own, 3, 537, 300.0, 3, pytest.approx(30.0), 50.0),
        (other, 2, 359, 300.0, 2, pytest.approx(30.0), 50.0),
        (other, 3, 537, 400.0, 3, 40.0, 50.0),
        ("VGG16, window k, stride k, rounded up", 2, 359, 200.0, 2, 20.0, 50.0),
    ]
    assert set(frame["architecture"]) == {"rf_vgg19"}


def test_measured_readings_stand_beside_the_grid_of_the_same_k(filled: Filled) -> None:
    study = filled("open-questions", cells, calibrated=CALIBRATED, seeds=[0], **READINGS)
    frame = manipulating_the_receptive_field.measured_readings(study)
    columns = ["pool_kernel", "reading", "n", "dense_mean", "pruned_mean", "pruned_calibrated_mean"]
    own, other = "window k, stride k", "window k + 1, stride k, padding 1"
    assert records(frame, columns) == [
        (2, "VGG16, window k, stride k, rounded up", 1, 70.0, 30.0, 35.0),
        (2, other, 1, 70.0, 30.0, 35.0),
        (2, own, 1, 70.0, 30.0, 35.0),
        (3, other, 1, 60.0, 20.0, 25.0),
        (3, own, 1, 60.0, 20.0, 25.0),
    ]
    assert manipulating_the_receptive_field.measured_readings(
        filled("open-questions", cells, calibrated=CALIBRATED)
    ).empty


@pytest.mark.parametrize(
    "make",
    [
        open_questions.recipes,
        open_questions.enlarged,
        manipulating_the_receptive_field.readings,
        manipulating_the_receptive_field.measured_readings,
    ],
)
def test_nothing_measured_is_an_empty_frame(make: Callable[..., Any], nothing: Study) -> None:
    assert make(nothing).empty
    assert make(nothing, role="large_images").empty
