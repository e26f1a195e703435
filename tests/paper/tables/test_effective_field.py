"""The tables of `effective-receptive-field` on networks whose fields and pixels are written down here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rflib.paper.chapters import effective_receptive_field
from rflib.study.study import Study

# Depth and field in theory; effective fields of seed 0, untrained and trained.
FIELDS = [(1, 3.0, 2.0, 2.0), (5, 20.0, 14.0, 12.0), (9, 80.0, 25.0, 26.0)]


@pytest.fixture
def study(filled: Callable[..., Study]) -> Study:
    fields = {"architectures": ["vgg11", "resnet18"], "multiples": [1, 2], "cardinalities": [1, 4]}
    return filled("effective-receptive-field", measured, pool_kernels={}, effective_field=fields)


def measured(key: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if key.analysis == "layers":
        wide, groups = key.settings.model.width > 0.5, key.settings.model.cardinality
        return {"rows": [{"r_max": 7.0}, {"r_max": 96.0}], "parameters": 400 if wide else 100 // groups}, {}
    run = key.runs[0]
    model, seed = run.config.model, run.seed
    if key.analysis == "history":
        reached = 80 + seed + 4 * (model.width > 0.5) - model.cardinality + 6 * model.kernel_padding
        reached -= 30 * (run.config.data.task == "shifts")
        rows = [{"epoch": epoch, "test_accuracy": reached - 10 * (2 - epoch)} for epoch in (1, 2)]
        return {"rows": rows, "best_epoch": 2}, {}
    if key.analysis == "effective_field":
        place = 2 if key.settings.checkpoint == "initial" else 3
        factor = key.settings.mirrored
        rows = [
            {
                "name": f"conv{row[0]}",
                "depth": row[0],
                "theoretical_field": row[1],
                "area_side": factor * row[place] + seed,
                "square_side": 3,
                "gaussian_width": 1.0,
            }
            for row in FIELDS
        ]
        return {"rows": rows, "image_size": 32, "input_size": 32 * factor, "images": 4}, {}
    even = model.architecture == "vgg11" or model.kernel_padding
    rows = [
        {
            "period": period,
            "imbalance": (0.02 if even else 0.2) + seed / 100,
            "ratio": 1.5,
            "partially_dead": 0.0 if even else 4.0,
            "uniform_imbalance": 0.0 if even else 0.1 * period,
        }
        for period in (2, 4)
    ]
    layers = {"strided_layers": 5, "uneven_layers": 0 if even else 5}
    response = {"prediction_change": 1.0 if even else 3.0, "output_change": 0.1 if even else 0.3}
    shape = np.arange(1.0, 5.0).reshape(2, 2) + (4 if even else 0) + seed
    return {"rows": rows, "images": 4, **layers, **response}, {"map": shape, "uniform": np.ones((2, 2))}


def test_one_row_a_layer_checkpoint_and_seed(study: Study) -> None:
    frame = effective_receptive_field.effective_fields(study)
    assert len(frame) == 2 * 2 * 2 * 3
    one = frame[(frame["architecture"] == "vgg11") & (frame["seed"] == 1) & (frame["checkpoint"] == "last")]
    assert one["area_side"].tolist() == [3, 13, 27]
    assert one["visible_field"].tolist() == [3, 20, 32]
    mirrored = effective_receptive_field.effective_fields(study, mirrored=True)
    assert mirrored["visible_field"].max() == 80


def test_a_network_along_its_depth_by_hand(study: Study) -> None:
    row = effective_receptive_field.field_and_accuracy(study).set_index("architecture").loc["resnet18"]
    assert (row["convolutions"], row["theoretical_field"], row["visible_field"], row["n"]) == (9, 80, 32, 2)
    assert (row["untrained_mean"], row["trained_mean"]) == (25.5, 26.5)
    assert (row["growth_mean"], row["growth_sd"]) == (1, 0)
    assert (row["early_mean"], row["late_mean"]) == (10, 14)
    assert row["accuracy_mean"] == 79.5
    assert len(effective_receptive_field.field_runs(study)) == 4


def test_scales_are_paired_with_the_first(study: Study) -> None:
    table = effective_receptive_field.constant_field(study)
    assert table[["width", "cardinality"]].to_numpy().tolist() == [[0.5, 1], [1, 1], [0.5, 4]]
    assert table["receptive_field"].tolist() == [96, 96, 96]
    assert table["parameters"].tolist() == [100, 400, 25]
    assert table["accuracy_mean"].tolist() == [79.5, 83.5, 76.5]
    assert table["change_mean"].tolist() == [0, 4, -3]
    assert len(effective_receptive_field.scaled_runs(study)) == 6


def test_pixels_of_one_period(study: Study) -> None:
    table = effective_receptive_field.imbalance(study).set_index("architecture")
    assert table["imbalance_mean"].round(3).to_dict() == {"vgg11": 0.025, "resnet18": 0.205}
    assert table["uneven_layers"].to_dict() == {"vgg11": 0, "resnet18": 5}
    coarse = effective_receptive_field.imbalance(study, period=4).set_index("architecture")
    assert coarse.loc["resnet18", "uniform_imbalance"] == 0.4
    assert len(effective_receptive_field.pixel_runs(study)) == 4


def test_padding_is_paired_by_seed_and_task(study: Study) -> None:
    table = effective_receptive_field.kernel_padding(study).set_index("task")
    assert table.index.tolist() == ["classes", "shifts"]
    assert table["accuracy_plain_mean"].tolist() == [79.5, 49.5]
    assert table["accuracy_padded_mean"].tolist() == [85.5, 55.5]
    assert (table["accuracy_change_mean"] == 6).all()
    assert table["imbalance_change_mean"].round(3).tolist() == [-0.18, -0.18]
    assert table["prediction_change_change_mean"].tolist() == [-2, -2]
    assert len(effective_receptive_field.padded_runs(study)) == 4


def test_maps_are_means_of_maps_over_their_mean(study: Study) -> None:
    maps = effective_receptive_field.sensitivity_maps(study, "resnet18")
    assert set(maps) == {(kind, padded) for kind in ("trained", "uniform") for padded in (False, True)}
    first, second = np.array([[1, 2], [3, 4]]), np.array([[2, 3], [4, 5]])
    assert maps["trained", False] == pytest.approx((first / 2.5 + second / 3.5) / 2)
    assert maps["uniform", True].tolist() == [[1, 1], [1, 1]]
    assert effective_receptive_field.sensitivity_maps(study, "resnet34") == {}


def test_a_profile_without_the_plan_has_no_tables(study: Study) -> None:
    bare = Study(study.chapter, study.profile, (), study.store)
    names = ("effective_fields", "field_and_accuracy", "constant_field", "imbalance", "kernel_padding")
    for name in names:
        assert getattr(effective_receptive_field, name)(bare).empty
