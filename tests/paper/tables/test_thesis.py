"""The tables of noise before pruning and of redundancy, on measurements that are written down here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from rflib.paper import tables
from rflib.paper.chapters import noise_before_pruning, redundancy_and_saturation
from rflib.study.study import Study

SETTINGS = {
    "rates": [0.9],
    "fine_tuning": {"epochs": 2},
    "noise": {"noise": {"scales": [0.2], "rates": [0.9]}, "variance": {"scales": [0.2], "rates": [0.9]}},
    "redundancy": {"omitted_downsamplings": {"rf_vgg19": [1]}},
}
# Kind, order, selected on one half, tested on the other, mean benefit; pruned without noise: 50.
COPIES = [
    ("multiplicative", "before", 60.0, 55.0, 1.0),
    ("additive", "before", 62.0, 53.0, 2.0),
    ("multiplicative", "after", 58.0, 52.0, 0.5),
    ("additive", "after", 57.0, 59.0, 0.0),
]
# Layer, deep, saturation of seed 0.
LAYERS = [(1, False, 80.0), (2, False, 60.0), (3, True, 20.0)]


@pytest.fixture
def open_study(filled: Callable[..., Study]) -> Callable[[str], Study]:
    return partial(filled, content=lambda key: (measured(key), {}), **SETTINGS)


def measured(key: Any) -> dict[str, Any]:
    if key.analysis == "architecture":
        model = key.settings.model
        return {
            "rows": [],
            "receptive_field": 100.0 * model.pool_kernel / (1 + model.omitted_downsamplings),
            "last_map_size": 1,
            "dead_share": 0.1,
            "input_share": 1.0,
        }
    kernel, seed = key.runs[0].config.model.pool_kernel, key.runs[0].seed
    if key.analysis == "history":
        mask = key.runs[0].config.mask
        reached = 80.0 + seed + 3 * kernel * (mask is not None and mask.noise is not None)
        return {"rows": [{"epoch": epoch, "test_accuracy": reached - 2 + epoch} for epoch in (1, 2)], "best_epoch": 2}
    if key.analysis == "one_shot":
        omitted = key.runs[0].config.model.omitted_downsamplings
        live = 40.0 + seed * (1 if kernel == 1 else 3)
        accuracies = {"global": 40.0 + 10 * kernel - 5 * omitted, "live": live, "layerwise": 9.0}
        counts = {"prunable": 9, "dead": 1, "pruned": 8, "pruned_dead": 1}
        rows = [{"scope": s, "rate": 0.9, "pruned_accuracy": a, **counts} for s, a in accuracies.items()]
        dense = 90.0 - 2 * kernel - 3 * omitted + seed
        return {"rows": rows, "dense_accuracy": dense, "dense_loss": 0.1, "images": 9}
    return globals()[key.analysis](key.settings, kernel, seed)


def noise(settings: Any, kernel: int, seed: int) -> dict[str, Any]:
    rows = [
        {"kind": kind, "scale": 0.2, "rate": 0.9, "order": order, "selected": best, "tested": tested + seed}
        | {"pruned_tested": 50.0, "benefit": tested + seed - 50, "mean_benefit": mean}
        for kind, order, best, tested, mean in COPIES
    ]
    return {"rows": rows, "scope": settings.scope}


def feature_variance(settings: Any, kernel: int, seed: int) -> dict[str, Any]:
    rows = [
        {"rate": 0.9, "order": order, "scale": scale, "calibrated": calibrated, "discrepancy": value, "dispersion": 1.0}
        for calibrated in (False, True)
        for order, scale, value in (("none", 0.0, 2.0), ("before", 0.2, 1.5 + seed), ("after", 0.2, 1.75))
    ]
    return {"rows": rows, "dense_dispersion": 1.0}


def redundancy(settings: Any, kernel: int, seed: int) -> dict[str, Any]:
    rows = [
        {"rate": rate, "layer": layer, "name": f"conv{layer}", "deep": deep, "saturation": value + seed - 10 * rate}
        | {"similarity": 0.1, "relative_rank": 50.0, "zero_filters": 0.0}
        for rate in (0.0, 0.9)
        for layer, deep, value in LAYERS
    ]
    return {"rows": rows, "scope": settings.scope}


def deep_pruning(settings: Any, kernel: int, seed: int) -> dict[str, Any]:
    common = {"layers": 1, "weight_share": 30.0, "dead_share": 10.0, "rate": 0.9}
    rows = [
        {**common, "part": part, "scope": scope, "accuracy": accuracy - seed}
        for part, scope, accuracy in (("deep", "global", 85.0), ("deep", "live", 80.0), ("tail", "global", 70.0))
    ]
    return {"rows": rows, "dense_accuracy": 90.0}


def test_the_recipe_is_chosen_where_copies_are(open_study: Any) -> None:
    table = noise_before_pruning.noise_benefit(open_study("noise-before-pruning")).set_index(["pool_kernel", "order"])
    assert table.index.tolist() == [(1, "before"), (1, "after"), (2, "before"), (2, "after")]
    for kernel in (1, 2):
        before, after = table.loc[(kernel, "before")], table.loc[(kernel, "after")]
        # Additive before and multiplicative after are the best there, though others test better.
        assert (before["benefit_mean"], before["mean_benefit_mean"], before["n"]) == (3.5, 2.0, 2)
        assert (after["benefit_mean"], after["mean_benefit_mean"]) == (2.5, 0.5)
    runs = noise_before_pruning.noise_runs(open_study("noise-before-pruning"), sweep="live")
    assert set(zip(runs["order"], runs["kind"], strict=True)) == {("before", "additive"), ("after", "multiplicative")}
    assert (
        len(noise_before_pruning.noise_recipes(open_study("noise-before-pruning"), sweep="recalibrated")) == 2 * 2 * 4
    )


def test_fine_tuned_with_and_without_noise(open_study: Any) -> None:
    table = noise_before_pruning.noisy_tuning(open_study("noise-before-pruning")).set_index("pool_kernel")
    assert table["benefit_mean"].to_dict() == {1: 3, 2: 6}
    assert table["fine_tuned_mean"].to_dict() == {1: 80.5, 2: 80.5}
    assert table["noisy_fine_tuned_mean"].to_dict() == {1: 83.5, 2: 86.5}
    assert table[["kind", "scale", "rate"]].drop_duplicates().to_numpy().tolist() == [["multiplicative", 0.2, 0.9]]


@pytest.mark.parametrize("scope", ["all", "live"])
def test_variances_beside_pruning_without_noise(open_study: Any, scope: str) -> None:
    table = noise_before_pruning.feature_variances(open_study("noise-before-pruning"), scope=scope)
    assert len(table) == 2 * 2 * 3
    changes = table.groupby("order")["change_mean"].unique().map(list).to_dict()
    assert changes == {"none": [0], "before": [0], "after": [-0.25]}
    assert set(table.loc[table["order"] == "before", "discrepancy_mean"]) == {2.0}


def test_deep_layers_and_the_others(open_study: Any) -> None:
    table = redundancy_and_saturation.deep_layers(open_study("redundancy-and-saturation"))
    assert table[["pool_kernel", "rate"]].to_numpy().tolist() == [[1, 0], [1, 0.9], [2, 0], [2, 0.9]]
    assert table["saturation_mean"].tolist() == [20.5, 11.5] * 2
    assert table["shallow_saturation_mean"].tolist() == [70.5, 61.5] * 2
    layers = redundancy_and_saturation.layer_redundancy(open_study("redundancy-and-saturation"), scope="live")
    assert sorted(layers["position"].unique()) == [0, 0.5, 1]


def test_what_pruning_one_part_costs(open_study: Any) -> None:
    study = open_study("redundancy-and-saturation")
    table = redundancy_and_saturation.deep_pruning(study)
    assert table[["scope", "lost_mean"]].to_numpy().tolist() == [["global", 5.5], ["live", 10.5]] * 2
    assert redundancy_and_saturation.deep_pruning(study, part="tail")["lost_mean"].tolist() == [20.5, 20.5]


def test_the_best_field_and_how_sure_its_place_is(open_study: Any) -> None:
    table = redundancy_and_saturation.best_fields(open_study("redundancy-and-saturation")).set_index("way")
    assert table["receptive_field"].to_dict() == {"dense": 100, "pruned": 200, "live": 200}
    assert table["margin_mean"].to_dict() == {"dense": 2, "pruned": 10, "live": 1}
    assert table["margin_sd"].to_dict() == {"dense": 0, "pruned": 0, "live": pytest.approx(2**0.5)}
    # Among live weights seed 0 finds all fields alike, and the first of equals counts.
    assert table["seeds_agreeing"].to_dict() == {"dense": 100, "pruned": 100, "live": 50}
    assert table["at_the_edge"].to_dict() == {"dense": False, "pruned": True, "live": True}
    assert table[["fields", "n"]].to_numpy().tolist() == [[3, 2]] * 3


def test_among_networks_that_guess_no_field_is_the_best(open_study: Any) -> None:
    study = open_study("redundancy-and-saturation")
    guessing = study.profile.small_images.model_copy(update={"classes": 2})
    profile = study.profile.model_copy(update={"small_images": guessing})
    table = redundancy_and_saturation.best_fields(replace(study, profile=profile)).set_index("way")
    assert (table["above_guessing"] > 5).to_dict() == {"dense": True, "pruned": True, "live": False}
    shown = tables.plain(table.reset_index())
    assert [row[shown.headings.index("Field (px)")] for row in shown.rows] == ["100", "200", "–"]
    cells = dict(zip(shown.headings, shown.rows[-1], strict=True))
    assert {cells[name] for name in ("Margin (points)", "Seeds agreeing (%)", "At the edge")} == {"–"}


def test_fields_below_the_grid_stand_before_it(open_study: Any) -> None:
    table = redundancy_and_saturation.accuracy_by_field(open_study("redundancy-and-saturation"))
    assert table["receptive_field"].tolist() == [50, 100, 200]
    assert table["omitted_downsamplings"].tolist() == [1, 0, 0]
    assert table["dense_mean"].tolist() == [85.5, 88.5, 86.5]
    # The paper has no such network.
    assert table["label"].isna().tolist() == table["dense_reported_mean"].isna().tolist() == [True, False, False]


def test_a_smaller_field_with_fewer_seeds_than_the_grid_is_no_candidate(open_study: Any) -> None:
    study = open_study("redundancy-and-saturation")
    kept = [i for i in study.items if i.purpose != "smaller_fields" or not i.key.runs or i.key.runs[0].seed == 0]
    partial = Study(study.chapter, study.profile, tuple(kept), study.store)
    assert set(redundancy_and_saturation.best_fields(partial)["fields"]) == {2}
    assert len(redundancy_and_saturation.accuracy_by_field(partial)) == 3, "it is drawn all the same"


def test_a_profile_without_the_plan_has_no_tables(open_study: Any) -> None:
    study = open_study("noise-before-pruning")
    bare = Study(study.chapter, study.profile, (), study.store)
    for name in ("noise_benefit", "noisy_tuning", "feature_variances"):
        assert getattr(noise_before_pruning, name)(bare).empty
    for name in ("deep_layers", "deep_pruning", "best_fields"):
        assert getattr(redundancy_and_saturation, name)(bare).empty
