"""What the sentences about noise before pruning and about redundancy are filled from."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters.noise_before_pruning import benefit, variances
from rflib.paper.chapters.redundancy_and_saturation import best_field, deep
from rflib.paper.say import NOTHING, say

Given = Callable[[pd.DataFrame], None]
RUN = ["architecture", "pool_kernel", "seed"]


@pytest.fixture
def copies_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(benefit, "noise_runs", lambda *_, **__: frame)


@pytest.fixture
def variances_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(variances, "variance_runs", lambda *_, **__: frame)


def copies(kernel: int, order: str, gains: float, mean: float = 0.5) -> pd.DataFrame:
    """Return the chosen recipes of two seeds that lie a point to both sides of a mean."""
    rows = [("rf_vgg19", kernel, seed, 0.9, order, gains + 2 * seed - 1, mean) for seed in (0, 1)]
    return pd.DataFrame(rows, columns=[*RUN, "rate", "order", "benefit", "mean_benefit"])


def test_benefits_beside_their_control(copies_are: Given) -> None:
    before = [copies(1, "before", 3.0), copies(4, "before", 0.5, -2.0)]
    copies_are(pd.concat([*before, copies(1, "after", 2.0), copies(4, "after", 1.0)], ignore_index=True))
    template = (
        "{rate:g}: {benefit[count]} {benefit[range]:+.1f}, {mean_benefit[range]:+.1f}, {beyond[range]:+.1f} ({n})"
    )
    assert say(template, benefit.controlled_benefit(None), per="rate").points == (
        "0.9: 2 +0.5 to +3.0 points, -2.0 to +0.5 points, -0.5 to +1.0 points (n = 2)",
    )
    assert benefit.controlled_benefit(None)["beyond_sd"].tolist() == [0, 0], "seed by seed"


def test_without_the_control_the_benefit_is_said_alone(copies_are: Given) -> None:
    copies_are(copies(1, "before", 3.0))
    found = benefit.controlled_benefit(None)
    assert say("{benefit[range]:+.1f}", found, per="rate").points == ("+3.0 points",)
    assert say("{beyond[range]:+.1f}", found, per="rate") == NOTHING


def variance(rate: float, order: str, scale: float, discrepancy: float, change: float = 0.0, **columns: Any) -> Any:
    row = {"architecture": "rf_vgg19", "pool_kernel": 1, "seed": 0, "calibrated": False, "rate": rate, "order": order}
    return row | {"scale": scale, "discrepancy": discrepancy, "change": change} | columns


CASES = (
    *((0.5, "none", 0.0, 0.2), (0.8, "none", 0.0, 0.7), (0.9, "none", 0.0, 1.5)),
    *((0.5, "before", 0.2, 0.1, -0.1), (0.9, "before", 0.1, 1.4, -0.1), (0.9, "before", 0.2, 1.0, -0.5)),
    (0.9, "after", 0.2, 1.25, -0.25),
)


def test_variances_at_both_ends_with_both_statistics(variances_are: Given) -> None:
    cases = [variance(*case, calibrated=calibrated) for calibrated in (False, True) for case in CASES]
    variances_are(pd.DataFrame(cases))
    template = (
        "{calibrated}: {at_lowest} at {lowest:g}, {at_highest} at {highest:g}, {before:+.2f} and {after:+.2f} ({n})"
    )
    rest = ": 0.20 at 0.5, 1.50 at 0.9, -0.30 and -0.25 (n = 1)"
    assert say(template, variances.discrepancies(None), per="calibrated").points == (
        f"as they were{rest}",
        f"re-estimated{rest}",
    )


def test_a_seed_without_noise_keeps_what_it_has(variances_are: Given) -> None:
    plain = [variance(*case, seed=1) for case in CASES if case[1] == "none"]
    variances_are(pd.DataFrame([variance(*case) for case in CASES] + plain))
    first, second = variances.discrepancy_runs(None).sort_values("seed").to_dict("records")
    assert (first["at_lowest"], first["at_highest"], first["after"]) == (0.2, 1.5, -0.25)
    assert (second["at_lowest"], second["at_highest"]) == (0.2, 1.5)
    assert pd.isna(second["before"])


def test_no_noise_measured(copies_are: Given, variances_are: Given) -> None:
    copies_are(copies(1, "before", 3.0).iloc[:0])
    variances_are(pd.DataFrame([variance(*CASES[0])]).iloc[:0])
    assert say("{benefit[range]}", benefit.controlled_benefit(None), per="rate") == NOTHING
    assert say("{at_lowest}", variances.discrepancies(None)) == NOTHING


@pytest.fixture
def layers_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(deep, "layer_redundancy", lambda *_, **__: frame)


@pytest.fixture
def costs_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(deep, "deep_pruning_runs", lambda *_, **__: frame)


def layers(kernel: int, rate: float, saturation: float) -> pd.DataFrame:
    """Return two seeds of three convolutions: a shallow one, and two deep ones around these means."""
    columns = {"architecture": "rf_vgg19", "pool_kernel": kernel, "rate": rate, "zero_filters": 0.0}
    columns |= {"similarity": 0.05 * kernel, "relative_rank": 90.0 - kernel}
    rows = [
        {**columns, "seed": seed, "deep": more is not None, "saturation": 60.0 if more is None else saturation + more}
        for seed in (0, 1)
        for more in (None, -5.0, 5.0)
    ]
    return pd.DataFrame(rows)


def test_saturation_at_the_ends_of_the_grid(layers_are: Given) -> None:
    layers_are(pd.concat([layers(1, 0.0, 30.0), layers(1, 0.9, 20.0), layers(4, 0.0, 10.0), layers(4, 0.9, 5.0)]))
    found = deep.deep_layers(None)
    template = (
        "{saturation[ends]:.0f}; {shallow_saturation[ends]:.0f}; {similarity[ends]}; {relative_rank[ends]:.0f} ({n})"
    )
    assert say(template, found[found["rate"] == 0], along="pool_kernel").points == (
        "30 % at k = 1 and 10 % at k = 4; 60 % at k = 1 and 60 % at k = 4; 0.050 at k = 1 and 0.200 at k = 4; "
        "89 % at k = 1 and 86 % at k = 4 (n = 2)",
    )
    pruned = "{saturation:.0f} pruned at {rate:g}, {saturation_dense:.0f} dense"
    assert say(pruned, deep.pruned_saturation(None), along="pool_kernel").points == (
        "20 % at k = 1 and 5 % at k = 4 pruned at 0.9, 30 % at k = 1 and 10 % at k = 4 dense",
    )


def test_dense_layers_alone_have_no_pruned_saturation(layers_are: Given) -> None:
    layers_are(layers(1, 0.0, 30.0))
    assert say("{saturation:.0f}", deep.deep_layers(None), along="pool_kernel").points == ("30 %",)
    assert say("{saturation}", deep.pruned_saturation(None)) == NOTHING


def cost(kernel: int, lost: float, dead: float, **columns: Any) -> dict[str, Any]:
    row = {"architecture": "rf_vgg19", "pool_kernel": kernel, "seed": 0, "part": "deep", "scope": "live", "rate": 0.9}
    row |= {"layers": 5, "weight_share": 90.0, "dead_share": dead, "lost": lost}
    return row | {"dense_accuracy": 80.0, "accuracy": 80.0 - lost} | columns


def test_what_pruning_deep_layers_costs(costs_are: Given) -> None:
    others = [cost(1, 99.0, 0.0, rate=0.5), cost(1, 70.0, 0.0, part="tail", layers=9)]
    costs_are(pd.DataFrame([cost(4, 0.2, 89.0), cost(1, 6.0, 0.0), cost(1, 8.0, 0.0, seed=1), *others]))
    template, by = "{layers[ends]} {scope}: {lost[ends]:+.1f}, {dead_share[ends]:.0f}", ["architecture", "scope"]
    assert say(template, deep.deep_pruning(None, rate=0.9), per=by, along="pool_kernel").points == (
        "5 among live weights: +7.0 points at k = 1 and +0.2 points at k = 4, 0 % at k = 1 and 89 % at k = 4",
    )
    assert say("{layers} {lost}", deep.deep_pruning(None, part="tail", rate=0.9)).points == ("9 70.0 points",)
    assert deep.deep_pruning(None)["rate"].tolist() == [0.9, 0.9, 0.5]
    assert say("{lost}", deep.deep_pruning(None, rate=0.8)) == NOTHING


@pytest.fixture
def best_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., pd.DataFrame]:
    """Return the best fields of one network of ten classes, from accuracies of each seed at 112, 180 and 358 pixels."""

    def best(dense: list[list[float]], *, live: list[list[float]]) -> pd.DataFrame:
        rows = [
            ("rf_vgg19", seed, field, accuracy, live[seed][place])
            for seed, accuracies in enumerate(dense)
            for place, (field, accuracy) in enumerate(zip((112.0, 180.0, 358.0), accuracies, strict=True))
        ]
        runs = pd.DataFrame(rows, columns=["architecture", "seed", "receptive_field", "dense", "live"])
        runs = runs.assign(pruned=10.0)
        monkeypatch.setattr(best_field, "field_accuracy_runs", lambda *_, **__: runs)
        roles = {"small_images": SimpleNamespace(classes=10)}
        return best_field.best_fields(SimpleNamespace(profile=SimpleNamespace(roles=roles)))  # type: ignore[arg-type]

    return best


BEST = "{way}: {accuracy} at {receptive_field:.0f} of {fields}, {margin} above, in {seeds_agreeing:.0f} ({n})"
WAYS = {"per": ["architecture", "way"]}


def test_where_accuracy_peaks_and_how_sure_that_is(best_of: Callable[..., pd.DataFrame]) -> None:
    # Margins of 0.6, 0.4 and 0.2 points, and of 3.2, 3.0 and 2.8.
    dense = [[89.4, 90.0, 50.0], [89.6, 90.0, 50.0], [89.8, 90.0, 50.0]]
    live = [[90.0, 86.8, 50.0], [90.0, 87.0, 50.0], [90.0, 87.2, 50.0]]
    found = best_of(dense, live=live)
    # Student's t of two degrees of freedom is 4.303, and 0.2 / sqrt(3) times that is 0.5.
    assert say(BEST, found, **WAYS).points == (
        "dense: 90.0 % [90.0, 90.0] at 180 px of 3, 0.4 points [-0.1, 0.9] above, in 100 % (n = 3)",
        "pruned among live weights: 90.0 % [90.0, 90.0] at 112 px of 3, 3.0 points [2.5, 3.5] above, in 100 % (n = 3)",
    )
    assert found.set_index("way")["at_the_edge"].to_dict() == {"dense": False, "pruned": None, "live": True}
    assert found.set_index("way")["above_guessing"].to_dict() == {"dense": 80, "pruned": 0, "live": 80}


def test_few_seeds_have_no_interval_and_networks_that_guess_no_best_field(best_of: Callable[..., pd.DataFrame]) -> None:
    found = best_of([[87.0, 90.0, 50.0]], live=[[15.0, 10.0, 10.0]])
    assert say(BEST, found, **WAYS).points == ("dense: 90.0 % at 180 px of 3, 3.0 points above, in 100 % (n = 1)",)
    two = best_of([[87.0, 90.0, 50.0], [90.0, 89.0, 50.0]], live=[[15.0, 10.0, 10.0]] * 2)
    assert say(BEST, two, **WAYS).points == ("dense: 89.5 % at 180 px of 3, 1.0 points above, in 50 % (n = 2)",)


def test_no_redundancy_measured(layers_are: Given, costs_are: Given) -> None:
    layers_are(layers(1, 0.0, 30.0).iloc[:0])
    costs_are(pd.DataFrame([cost(1, 6.0, 0.0)]).iloc[:0])
    for frame in (deep.deep_layers(None), deep.pruned_saturation(None), deep.deep_pruning(None)):
        assert say("{n}", frame) == NOTHING
