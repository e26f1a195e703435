"""The tables of the paper over a store that was filled by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rflib.errors import UsageError
from rflib.paper import frames, tables
from rflib.paper.chapters import (
    accuracy_and_pruning,
    experimental_settings,
    fine_tuning,
    large_receptive_fields,
    loss_landscape,
    manipulating_the_receptive_field,
    representations,
    width_and_depth,
)
from rflib.paper.chapters.open_questions import tolerance
from rflib.study.study import Study

Filled = Callable[..., Study]
ROOT_HALF = math.sqrt(0.5)


def test_table_1_sets_measured_beside_reported(filled: Filled) -> None:
    table = frames.accuracy_and_pruning(filled("accuracy-and-pruning"))
    assert table["pool_kernel"].tolist() == [1, 2]
    first = table.iloc[0].to_dict()
    expected = {
        "label": 181,
        "receptive_field": 180,
        "last_map_size": 4,
        "dead_share": 10,
        "input_share": 100,
        "n": 2,
        "dense_mean": 80.5,
        "dense_sd": ROOT_HALF,
        "pruned_mean": 31,
        "pruned_sd": math.sqrt(2),
        "difference_mean": 49.5,
        "difference_sd": ROOT_HALF,
        "live_mean": 10,
        "live_sd": 0,
        "layerwise_mean": 40,
        "dense_reported_mean": 93.5,
        "dense_reported_sd": 0.11,
        "pruned_reported_mean": 10.9,
        "difference_reported_mean": 82.6,
    }
    assert {name: first[name] for name in expected} == pytest.approx(expected)


def test_the_spread_of_a_difference_is_taken_seed_by_seed(filled: Filled) -> None:
    """Dense and pruned rise by 1 and 2 with the seed, so their difference varies less than either could alone."""
    per_seed = frames.one_shot(filled("accuracy-and-pruning"), "small_images")
    chosen = per_seed[(per_seed["pool_kernel"] == 1) & (per_seed["rate"] == 0.9)]
    assert chosen["difference"].tolist() == [50, 49]
    assert chosen["normalised_difference"].tolist() == pytest.approx([50 / 80, 49 / 81])
    assert chosen["live_difference"].tolist() == [70, 71]
    assert chosen["pruned_dead_share"].tolist() == pytest.approx([100 * 100 / 900] * 2)


def test_a_large_field_is_compared_with_the_smallest_within_a_seed(filled: Filled) -> None:
    """Seed 1 has 81 % at the smallest field, and the mean over both seeds would be 80.5 %."""
    study = filled("large-receptive-fields", pool_kernels={"rf_resnet50": [1, 2]}, large_pool_kernels=[5])
    seed_1 = tuple(i for i in study.items if i.purpose != "large" or not i.key.runs or i.key.runs[0].seed == 1)
    (row,) = large_receptive_fields.beside_the_smallest(replace(study, items=seed_1)).to_dict("records")
    assert (row["architecture"], row["pool_kernel"], row["n"]) == ("rf_resnet50", 5, 1)
    assert row["change_mean"] == 41 - 81
    assert large_receptive_fields.beside_the_smallest(filled("accuracy-and-pruning")).empty


def test_another_rate_takes_other_columns(filled: Filled) -> None:
    study = filled("pruning-rates")
    half = frames.accuracy_and_pruning(study, rate=0.5)
    assert half["pruned_mean"].tolist() == [36, 56]
    assert half["pruned_reported_mean"].tolist() == pytest.approx(
        frames._reported("small_images", 0.5).query("architecture == 'rf_vgg19'")["pruned_reported_mean"][:2]
    )
    with pytest.raises(UsageError, match=r"rate 0\.7: expected one of \[.*0\.5.*0\.9.*\]"):
        frames.accuracy_and_pruning(study, rate=0.7)


def test_one_seed_has_no_spread(filled: Filled) -> None:
    table = frames.accuracy_and_pruning(filled("accuracy-and-pruning", seeds=[1]))
    assert table["n"].tolist() == [1, 1]
    assert table["dense_sd"].isna().all()
    assert table["dense_mean"].tolist() == [81, 71]


def test_variants_stand_beside_no_reported_number(filled: Filled) -> None:
    study = filled("open-questions", variants={"pool_kernels": [2], "dilated_pool_kernels": [2]})
    table = frames.accuracy_and_pruning(study, purpose="variant")
    assert sorted(zip(table["map_size"], table["pool_dilation"], strict=True)) == [
        ("dilated", 1),
        ("padded", 1),
        ("shrinking", 2),
    ]
    assert table["label"].isna().all()
    assert table["dense_reported_mean"].isna().all()
    assert table["dense_mean"].tolist() == [70.5] * 3


def test_table_3_follows_fine_tuning(filled: Filled) -> None:
    study = filled("fine-tuning", long_fine_tuning_epochs=5)
    table = fine_tuning.fine_tuning(study)
    first = table.iloc[0].to_dict()
    # The last of 3 epochs: 60 + 3 + seed + 10 k.
    expected = {
        "label": 181,
        "dense_mean": 80.5,
        "one_shot_mean": 31,
        "fine_tuned_mean": 73.5,
        "fine_tuned_sd": ROOT_HALF,
        "difference_mean": 7,
        "difference_sd": 0,
        "dense_reported_mean": 93.52,
        "n": 2,
    }
    assert {name: first[name] for name in expected} == pytest.approx(expected)
    assert first["fine_tuned_reported_mean"] > 80
    longer = fine_tuning.fine_tuning(study, long=True)
    assert longer["fine_tuned_mean"].tolist() == [75.5, 85.5]
    assert "fine_tuned_reported_mean" not in longer.columns, "the paper fine-tunes longer on the large images alone"


def test_table_8_keeps_the_cell_that_the_paper_left_pending(filled: Filled) -> None:
    widths = {"multiples": [1, 2, 3], "pool_kernels": [3, 13], "shallow_pool_kernels": [6]}
    study = filled("width-and-depth", role="large_images", widths=widths)
    table = width_and_depth.width_and_depth(study)
    assert table[["pool_kernel", "width_multiple"]].values.tolist() == [[k, m] for k in (3, 13) for m in (1, 2, 3)]
    assert table["label"].tolist() == [318] * 3 + [1415] * 3
    assert table["dense_reported_mean"].tolist()[:2] == [59.10, 60.97]
    assert table["pending"].tolist() == [False, False, True, False, False, False]
    assert table["dense_mean"].tolist() == [60.5] * 3 + [-39.5] * 3
    cells = tables.captioned(table, name="table-8", caption="Widths.", study=study)
    column = cells.headings.index("Dense, paper")
    printed = [row[column] for row in cells.rows]
    assert printed[2] == "Pending"
    assert [cell != "Pending" for cell in printed].count(True) == 5
    assert "37.36" in printed[4]

    both = width_and_depth.depth(study)
    assert both[["architecture", "pool_kernel"]].values.tolist() == [
        ["rf_resnet50", 3],
        ["rf_resnet26", 6],
        ["rf_resnet50", 13],
    ]


def test_networks_stand_beside_their_labels(filled: Filled) -> None:
    study = filled("manipulating-the-receptive-field", large_pool_kernels=[13])
    table = manipulating_the_receptive_field.receptive_fields(study)
    assert table[["architecture", "pool_kernel", "label", "receptive_field"]].values.tolist() == [
        ["rf_vgg19", 1, 181, 180],
        ["rf_vgg19", 2, 359, 358],
        ["rf_resnet50", 13, 1415, 2316],
    ]
    assert table["dead_share"].tolist() == pytest.approx([10, 20, 130])
    growth = manipulating_the_receptive_field.field_growth(study)
    assert growth["layer"].tolist() == [1, 2] * 3
    assert growth["r_max"].tolist() == [4, 8] * 3


def test_the_landscape_by_hand(filled: Filled) -> None:
    study = filled("loss-landscape", spectrum={"eigenvalues": 3}, frozen_spectrum_kernels=[2])
    rows = loss_landscape.spectra(study)
    assert len(rows) == 3 * (2 + 2 + 2), "two kernels before and after training, and one of them frozen"
    summary = loss_landscape.spectrum_summary(study)
    assert summary["largest"].tolist() == [100, 100, 200, 200, 200, 200]
    assert summary["smallest"].tolist() == [25, 25, 50, 50, 50, 50]
    assert summary["worst_residual"].tolist() == pytest.approx([0.005] * 2 + [0.0025] * 4)
    assert summary["batch_statistics"].tolist().count("frozen") == 2
    curves = frames.training_curves(study)
    assert len(curves) == 2 * 2 * 2
    assert set(curves["purpose"]) == {"grid"}


def test_training_curves_leave_fine_tuning_out(filled: Filled) -> None:
    study = filled("fine-tuning", long_fine_tuning_epochs=5)
    assert set(frames.training_curves(study)["purpose"]) == {"grid"}


def test_networks_stay_in_the_order_of_the_plan(filled: Filled) -> None:
    """Also where one network has fewer kernels and another seed than the other."""
    study = filled(
        "accuracy-and-pruning", pool_kernels={"rf_resnet50": [1, 4], "rf_vgg19": [1, 2, 3, 4]}, seeds=[0, 1, 2]
    )
    items = [i for i in study.items if not (i.key.runs and "resnet" in i.key.runs[0].name and i.key.runs[0].seed)]
    table = frames.accuracy_and_pruning(Study(study.chapter, study.profile, tuple(items), study.store))
    found = list(zip(table["architecture"], table["pool_kernel"], table["n"], strict=True))
    assert found == [("rf_resnet50", k, 1) for k in (1, 4)] + [("rf_vgg19", k, 3) for k in (1, 2, 3, 4)]


def test_similarity_by_hand(filled: Filled) -> None:
    study = filled("representations", pool_kernels={"rf_resnet50": [1, 2]}, similarity={"images": 64})
    assert len(representations.similarity_by_layer(study)) == 2 * 2 * 3
    summary = representations.similarity_summary(study, middle=1)
    assert len(summary) == 2 * 2 * 2
    halves = summary.groupby("half")["debiased"].unique()
    assert halves["up to the middle"].tolist() == pytest.approx([0.1])
    assert halves["after the middle"].tolist() == pytest.approx([0.25])
    assert summary["pairs"].tolist() == [1] * 8
    within = representations.similarity_within(study, middle=1)
    assert len(within) == 2 * 2 * 2
    assert within["across"].tolist() == [0.0] * 8, "layers 2 and 3 with layer 1, off the diagonal of ones"
    assert representations.similarity_within(study).empty, "no layer after the 25th"
    matrices = representations.similarity_matrices(study)
    assert list(matrices) == [1, 2]
    assert matrices[1].loc["conv1", "conv1"] == 1
    assert matrices[1].loc["conv1", "layer1.0.conv1"] == 0


def test_similarities_are_means_over_all_pairs_of_seeds(filled: Filled) -> None:
    """The pairs (0, 1), (0, 2) and (1, 2) are 0, 0.03 and 0.06 above 0.1 a layer."""
    study = filled("representations", pool_kernels={"rf_resnet50": [1, 2]}, similarity={"images": 64}, seeds=[0, 1, 2])
    rows = representations.similarity_by_layer(study)
    assert len(rows) == 2 * 2 * 3 * 3
    pairs = rows[["seed", "second_seed"]].drop_duplicates().values.tolist()
    assert pairs == [[0, 1], [0, 2], [1, 2]]
    assert rows[rows["layer"] == 1].groupby(["seed", "second_seed"])["debiased"].unique().tolist() == [
        pytest.approx([more]) for more in (0.1, 0.13, 0.16)
    ]
    summary = representations.similarity_summary(study, middle=1)
    assert summary["pairs"].tolist() == [3] * 8
    halves = summary.groupby("half")[["debiased", "biased"]].agg(["min", "max"])
    assert halves.loc["up to the middle"].tolist() == pytest.approx([0.13, 0.13, 0.23, 0.23])
    assert halves.loc["after the middle"].tolist() == pytest.approx([0.28, 0.28, 0.53, 0.53])
    assert representations.similarity_matrices(study)[2].loc["conv1", "conv1"] == 1, "the first pair alone"
    assert set(representations.similarity_within(study, middle=1)["seed"]) == {0, 1, 2}


def test_tolerance_by_hand(filled: Filled) -> None:
    """Guessing is 10: kept is (pruned - 10) / (dense - 10), averaged over both rates and then over seeds."""
    table = tolerance(filled("accuracy-and-pruning"))
    by_seed = [((30 - 10) + (35 - 10)) / 2 / 70, ((32 - 10) + (37 - 10)) / 2 / 71]
    assert table["kept_mean"][0] == pytest.approx(100 * sum(by_seed) / 2)
    assert table["kept_live_mean"].tolist() == [0, 0]
    assert table["advantage_mean"].tolist() == table["kept_mean"].tolist()


def test_the_protocol_sets_the_profile_beside_the_paper(filled: Filled) -> None:
    table = experimental_settings.protocol(filled("experimental-settings")).set_index("setting")
    assert table.loc["epochs"].tolist() == ["200", "2"]
    assert table.loc["batch size", "paper"] == "not stated"
    assert table.loc["number of models per combination", "images"] == "2"
    assert table.loc["gradient clipping", "images"] == "0.1 by norm"
    assert table.loc["momentum", "images"] == "0.9"


@pytest.mark.parametrize(
    ("name", "momentum"),
    [
        ("sam", "0.9"),
        ("adamw", "betas 0.9 and 0.999"),
        ("adahessian", "betas 0.9 and 0.999"),
        ("soap", "betas 0.95 and 0.95"),
    ],
)
def test_every_optimiser_has_a_momentum_or_betas(filled: Filled, name: str, momentum: str) -> None:
    study = filled("experimental-settings", training={"epochs": 2, "optimiser": {"name": name}})
    assert experimental_settings.protocol(study).set_index("setting").loc["momentum", "images"] == momentum


EMPTY = {
    "accuracy-and-pruning": (
        frames.accuracy_and_pruning,
        frames.recalibrated,
        accuracy_and_pruning.new_statistics,
        tolerance,
    ),
    "fine-tuning": (fine_tuning.fine_tuning,),
    "width-and-depth": (width_and_depth.width_and_depth, width_and_depth.depth),
    "manipulating-the-receptive-field": (
        manipulating_the_receptive_field.receptive_fields,
        manipulating_the_receptive_field.field_growth,
    ),
    "loss-landscape": (loss_landscape.spectra, loss_landscape.spectrum_summary, frames.training_curves),
    "representations": (representations.similarity_by_layer, representations.similarity_summary),
}


@pytest.mark.parametrize(("chapter", "make"), [(chapter, make) for chapter, made in EMPTY.items() for make in made])
def test_an_empty_study_gives_an_empty_frame_that_says_how_to_fill_it(
    nothing: Study, chapter: str, make: Callable[[Study], Any]
) -> None:
    study = replace(nothing, chapter=chapter)
    frame = make(study)
    assert frame.empty
    text = tables.captioned(frame, name="table-1", caption="Caption.", study=study).markdown()
    assert "The profile `filled` does not cover this table" in text
    assert f"`rflib run {chapter} --profile" in text
    assert ":name: table-1" in text


@pytest.mark.parametrize(
    "make",
    [
        *(frames.accuracy_and_pruning, fine_tuning.fine_tuning, manipulating_the_receptive_field.receptive_fields),
        *(frames.recalibrated, accuracy_and_pruning.new_statistics),
    ],
)
def test_a_role_that_a_profile_lacks_gives_an_empty_frame(filled: Filled, make: Callable[..., object]) -> None:
    frame = make(filled("fine-tuning"), role="large_images")
    assert frame.empty  # type: ignore[attr-defined]
