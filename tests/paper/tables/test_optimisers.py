"""The tables by optimiser and by width, on measurements that are written down here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import pytest
from scipy.stats import spearmanr

from rflib.paper.chapters import optimisers_and_prunability, width_and_curvature
from rflib.study.study import Study

# What pruning takes at 0.9 from seed 0 at k = 1: global, live; and the largest eigenvalue.
WORLD = {"sgd": (20.0, 10.0, 4.0), "sam": (10.0, 12.0, 2.0), "adahessian": (40.0, 14.0, 8.0)}


def values_of(key: Any) -> dict[str, Any]:
    if key.analysis == "architecture":
        fields = {"receptive_field": 178.0 * key.settings.model.pool_kernel, "last_map_size": 1}
        return {**fields, "dead_share": 0.1, "input_share": 1.0, "rows": [{"name": "a"}]}
    run = key.runs[0]
    model, training = run.config.model, run.config.training
    taken, live, largest = WORLD[training.optimiser.name]
    dense = 80.0 + run.seed + 4 * model.width - model.pool_kernel
    if key.analysis == "history":
        return {
            "rows": [{"epoch": e, "train_loss": 1.0 / e, "test_accuracy": dense} for e in range(1, training.epochs + 1)]
        }
    if key.analysis == "one_shot":
        lost = {"global": taken, "live": live, "layerwise": 1.0}
        rows = [
            {"scope": s, "rate": r, "pruned_accuracy": dense - lost[s] * r / 0.9, "pruned": 9, "pruned_dead": 1}
            for s in key.settings.scopes
            for r in key.settings.rates
        ]
        return {"dense_accuracy": dense, "rows": rows}
    if key.analysis == "spectrum":
        top = 12.0 / model.width + run.seed + 100 * (key.settings.checkpoint == "initial")
        return {"rows": [{"rank": rank, "eigenvalue": top - rank, "residual": 0.0} for rank in (1, 2, 3)]}
    rest = ("trace", "trace_error", "sam", "asam", "largest_pruned", "trace_pruned", "trace_error_pruned")
    similarity = {"filter_similarity": 1 / largest, "relative_rank": 0.5}
    steps = [
        {"line": line, "step": s, "loss": 1 + largest * s * s} for line in ("eigenvector", "random") for s in (-1, 0, 1)
    ]
    return {"rows": steps, "largest": largest + run.seed, **similarity, **dict.fromkeys(rest, 1.0)}


@pytest.fixture
def study(filled: Callable[..., Study]) -> Callable[[str], Study]:
    optimisers = {
        "pool_kernels": [1, 2],
        "others": [{"optimiser": {"name": "sam"}}, {"optimiser": {"name": "adahessian"}, "learning_rate": 0.15}],
    }
    curvature = {"architecture": "rf_vgg19", "multiples": [1, 2], "pool_kernels": [1, 2]}
    return partial(
        filled,
        content=lambda key: (values_of(key), {}),
        pool_kernels={},
        training={"epochs": 6},
        optimisers=optimisers,
        curvature=curvature,
    )


def test_optimisers_with_their_epochs_by_budget(study: Any) -> None:
    table = optimisers_and_prunability.optimisers(study("optimisers-and-prunability")).set_index("optimiser")
    assert table["kind"].tolist() == ["first order", "flatness", "second order"]
    assert table["epochs_at_equal_epochs"].tolist() == [6, 6, 6]
    assert table["epochs_at_equal_evaluations"].tolist() == [6, 3, 2]
    assert table.loc["adahessian", "learning_rate"] == 0.15
    assert "betas 0.9 and 0.999" in table.loc["adahessian", "options"]
    assert optimisers_and_prunability.optimisers(study("optimisers-and-prunability"), role="large_images").empty


def test_runs_by_optimiser_are_kept_apart(study: Any) -> None:
    runs = optimisers_and_prunability.optimiser_runs(study("optimisers-and-prunability"))
    assert len(runs) == 2 * 3 * 2, "fields, optimisers, seeds"
    assert runs["optimiser"].tolist()[:6] == ["sgd", "sgd", "sam", "sam", "adahessian", "adahessian"]
    row = runs.set_index(["optimiser", "pool_kernel", "seed"]).loc[("adahessian", 2, 1)]
    assert row["dense"] == 80 + 1 + 2 - 2
    assert (row["lost"], row["lost_live"]) == (pytest.approx(40), pytest.approx(14))
    assert row["pruned"] == pytest.approx(row["dense"] - 40)
    assert (row["epochs"], row["evaluations"], row["train_loss"]) == (6, 18, pytest.approx(1 / 6))
    assert row["largest"] == 9
    equal = optimisers_and_prunability.optimiser_runs(study("optimisers-and-prunability"), budget="evaluations")
    assert set(equal["evaluations"]) == {6}
    assert "largest" not in equal, "sharpness is measured at equal epochs"
    half = optimisers_and_prunability.optimiser_runs(study("optimisers-and-prunability"), rate=0.5)
    assert half["lost"].max() == pytest.approx(40 * 0.5 / 0.9)


def test_means_by_optimiser(study: Any) -> None:
    table = optimisers_and_prunability.by_optimiser(
        optimisers_and_prunability.optimiser_runs(study("optimisers-and-prunability"))
    )
    row = table.set_index(["optimiser", "pool_kernel"]).loc[("sam", 1)]
    assert (row["largest_mean"], row["n"], row["dense_mean"]) == (2.5, 2, 81.5)


def test_the_loss_rises_from_the_solution(study: Any) -> None:
    table = optimisers_and_prunability.loss_lines(study("optimisers-and-prunability"))
    rises = table.set_index(["optimiser", "pool_kernel", "line", "step"])["rise_mean"]
    assert [rises["adahessian", 1, "random", step] for step in (-1, 0, 1)] == [8, 0, 8]


def test_explanations_are_rank_correlations_within_seeds(study: Any) -> None:
    runs = optimisers_and_prunability.optimiser_runs(study("optimisers-and-prunability"))
    table = optimisers_and_prunability.explanations(runs).set_index(["quantity", "pool_kernel"])
    by_hand = spearmanr([4, 2, 8], [20, 10, 40]).statistic
    assert table.loc[("largest", 1), "lost_mean"] == pytest.approx(by_hand) == pytest.approx(1)
    assert table.loc[("filter_similarity", 1), "lost_mean"] == pytest.approx(-1)
    live = spearmanr([4, 2, 8], [10, 12, 14]).statistic
    assert table.loc[("largest", 2), "lost_live_mean"] == pytest.approx(live)
    assert pd.isna(table.loc[("sam", 1), "lost_mean"]), "a constant explains nothing"
    assert table["optimisers"].unique().tolist() == [3]


def test_widths_with_their_spectra(study: Any) -> None:
    runs = width_and_curvature.curvature_runs(study("width-and-curvature"))
    assert len(runs) == 2 * 2 * 2
    row = runs.set_index(["pool_kernel", "width_multiple", "seed"]).loc[(2, 2, 1)]
    assert row["dense"] == 80 + 1 + 4 - 2
    assert (row["largest_last"], row["largest_initial"]) == (12 + 1 - 1, 112)
    assert row["spread_last"] == row["spread_initial"] == 2
    assert (row["receptive_field"], row["train_loss"]) == (356, pytest.approx(1 / 6))
    table = width_and_curvature.by_width(runs)
    assert table[["pool_kernel", "width_multiple"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert table["largest_last_mean"].tolist() == [23.5, 11.5, 23.5, 11.5]
    assert table["lost_live_mean"].tolist() == pytest.approx([10] * 4)


def test_a_profile_without_the_plans_has_no_tables(study: Any) -> None:
    whole = study("optimisers-and-prunability")
    bare = Study(whole.chapter, whole.profile, (), whole.store)
    assert optimisers_and_prunability.optimiser_runs(bare).empty
    assert optimisers_and_prunability.by_optimiser(optimisers_and_prunability.optimiser_runs(bare)).empty
    assert optimisers_and_prunability.explanations(optimisers_and_prunability.optimiser_runs(bare)).empty
    assert optimisers_and_prunability.loss_lines(bare).empty
    assert width_and_curvature.curvature_runs(bare).empty
    assert width_and_curvature.by_width(width_and_curvature.curvature_runs(bare)).empty
