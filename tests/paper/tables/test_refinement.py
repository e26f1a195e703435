"""The tables of `receptive-field-refinement` on measurements that are written down here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rflib.paper.chapters import receptive_field_refinement
from rflib.study.study import Study

TOO_SMALL = {"takes_image": False, "failing_layer": "conv9"}
FEASIBLE = {"takes_image": True, "smallest_pixels": 50.0, "largest_pixels": 90.0, "convolutions": 9, "unproductive": 0}
REFINED = {
    "changes": 2,
    "refinement": "stride 2 to 1 in a; stride 2 to 1 in b",
    "smallest_pixels_refined": 30.0,
    "forward_flops": 100,
    "forward_flops_refined": 250,
    "parameters_refined": 1000,
}
ROWS: dict[str, list[dict[str, Any]]] = {
    "vgg16": [
        {**FEASIBLE, "unproductive": 3, "needs_refinement": True, **REFINED},
        {**FEASIBLE, "needs_refinement": False},
    ],
    "resnet18": [TOO_SMALL, {**FEASIBLE, "needs_refinement": True}],
}
# Input fields of four convolutions of 32-pixel images, and probes of seed 0.
LAYERS = [(1, 50.0), (20, 70.0), (33, 71.0), (40, 69.0)]


def values_of(key: Any) -> dict[str, Any]:
    if key.analysis == "resolutions":
        sizes = zip(key.settings.image_sizes, ROWS[key.settings.network], strict=True)
        return {"parameters": 1000, "rows": [{"image_size": size, "failing_layer": None, **row} for size, row in sizes]}
    if key.analysis == "layers":
        rows = [
            {"layer": i, "name": f"conv{i}", "unproductive_paper": field > 32} for i, (field, _) in enumerate(LAYERS, 1)
        ]
        refined = key.settings.model.refined_for is not None
        return {"rows": rows, "parameters": 500_000, "forward_flops": 30 if refined else 10}
    run = key.runs[0]
    if key.analysis == "probes":
        rows = [{"name": f"conv{i}", "accuracy": probe + run.seed} for i, (_, probe) in enumerate(LAYERS, 1)]
        return {"rows": rows}
    last = 82.0 if run.config.model.refined_for is not None else 80.0
    return {"rows": [{"epoch": epoch, "test_accuracy": last + run.seed + epoch - 2} for epoch in (1, 2)]}


@pytest.fixture
def study(filled: Callable[..., Study]) -> Study:
    refinement = {"networks": ["vgg16", "resnet18"], "image_sizes": [32, 64], "trained": ["resnet18"]}
    return filled(
        "receptive-field-refinement", lambda key: (values_of(key), {}), pool_kernels={}, refinement=refinement
    )


def test_every_network_has_a_cell_for_every_image(study: Study) -> None:
    table = receptive_field_refinement.resolutions(study).set_index("architecture")
    assert table.loc["vgg16", ["smallest_pixels", "largest_pixels", "parameters"]].tolist() == [50, 90, 1000]
    assert table.loc["vgg16", "at 32 px"] == "3 of 9 unproductive; 2 changes"
    assert table.loc["vgg16", "at 64 px"] == "0 of 9 unproductive; feasible"
    assert table.loc["resnet18", "at 32 px"] == "too small for conv9"
    assert table.loc["resnet18", "at 64 px"] == "0 of 9 unproductive; no refinement found"


def test_refinements_of_one_image_size(study: Study) -> None:
    frame = receptive_field_refinement.refinements(study, image_size=32).set_index("architecture")
    assert frame.index.tolist() == ["vgg16", "resnet18"]
    assert frame.loc["vgg16", "flops_ratio"] == 2.5
    assert frame.loc["resnet18", "failing_layer"] == "conv9"
    assert len(receptive_field_refinement.refinements(study)) == 4
    assert receptive_field_refinement.refinements(study, role="large_images").empty


def test_trained_networks_are_paired_by_seed(study: Study) -> None:
    (row,) = receptive_field_refinement.trained_refinements(study).to_dict("records")
    assert (row["accuracy_original_mean"], row["accuracy_refined_mean"], row["n"]) == (80.5, 82.5, 2)
    assert (row["gain_mean"], row["gain_sd"]) == (2, 0)
    assert (row["efficiency_original_mean"], row["efficiency_refined_mean"]) == (161, 165)
    assert (row["forward_flops_original"], row["forward_flops_refined"]) == (10, 30)
    assert row["parameters_original"] == row["parameters_refined"] == 500_000


def test_probes_on_both_sides_of_the_prediction(study: Study) -> None:
    frame = receptive_field_refinement.predicted_layers(study)
    assert frame["seed"].tolist() == [0, 1]
    assert set(frame["unproductive"]) == {2}
    assert set(frame["gain_before"]) == {70 - 50}
    assert set(frame["gain_behind"]) == {71 - 70}, "best against best"


def test_a_profile_without_the_plan_has_no_tables(study: Study) -> None:
    bare = Study(study.chapter, study.profile, (), study.store)
    for table in (
        receptive_field_refinement.resolutions,
        receptive_field_refinement.refinements,
        receptive_field_refinement.trained_refinements,
        receptive_field_refinement.predicted_layers,
    ):
        assert table(bare).empty
