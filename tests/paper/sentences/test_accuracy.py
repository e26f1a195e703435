from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters import accuracy_and_pruning, fine_tuning


def network(name: str = "rf_vgg19", *, n: int = 2, sd: float = 1.0, **columns: list[float]) -> pd.DataFrame:
    """Return a table of one network, one row a field; `columns` are means."""
    size = len(next(iter(columns.values())))
    table = pd.DataFrame(
        {
            "architecture": name,
            "pool_kernel": range(1, size + 1),
            "receptive_field": [178.0 * k + 2 for k in range(1, size + 1)],
            "dead_share": 0.0,
            "n": n,
        }
    )
    for quantity, means in columns.items():
        if quantity == "dead_share":
            table[quantity] = means
        else:
            table[f"{quantity}_mean"] = means
            table[f"{quantity}_sd"] = sd if n > 1 else float("nan")
    return table


@pytest.fixture
def table_is(monkeypatch: pytest.MonkeyPatch) -> Callable[[pd.DataFrame], Any]:
    """Let `accuracy_and_pruning` return a table; give a study of ten classes that has nothing else."""

    def given(table: pd.DataFrame) -> Any:
        monkeypatch.setattr(accuracy_and_pruning, "accuracy_and_pruning", lambda *_, **__: table)
        roles = {"small_images": SimpleNamespace(classes=10)}
        return SimpleNamespace(profile=SimpleNamespace(roles=roles))

    return given


def test_networks_near_guessing_are_counted(table_is: Callable[[pd.DataFrame], Any]) -> None:
    table = network(dense=[90.0, 80.0], pruned=[14.9, 79.0], live=[10.0, 12.0], layerwise=[10.0, 40.0])
    (row,) = accuracy_and_pruning.guessing(table_is(table)).to_dict("records")
    assert row == {"networks": 2, "margin": 5.0, "pruned_guess": 1, "live_guess": 2, "layerwise_guess": 1}
    assert accuracy_and_pruning.guessing(table_is(table.iloc[:0])).empty


def test_what_pruning_takes_counts_dead_and_live_weights_at_the_ends_of_each_grid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of 1000 weights 750 are dead; 900 are pruned and 720 of these are dead, so 180 of the 250 live ones go: 72 %.
    runs = {"scope": "global", "rate": 0.9, "seed": 0, "pruned_dead_share": 80.0, "live_pruned_share": 72.0}
    copies = pd.DataFrame([{**runs, "architecture": "rf_vgg19", "pool_kernel": kernel} for kernel in (1, 2, 3)])
    others = [copies.assign(scope="live"), copies.assign(rate=0.5), copies.assign(pruned_dead_share=70.0, seed=1)]
    grid = network(dense=[90.0, 80.0, 70.0])[["architecture", "pool_kernel", "receptive_field"]]
    monkeypatch.setattr(accuracy_and_pruning, "pruned_copies", lambda *_: pd.concat([copies, *others]))
    monkeypatch.setattr(
        accuracy_and_pruning, "fields", lambda *_: grid[["architecture", "pool_kernel", "receptive_field"]]
    )
    found = accuracy_and_pruning.dead_among_pruned(None)
    columns = ["receptive_field", "rate", "pruned_dead_share_mean", "live_pruned_share_mean", "n"]
    assert found[columns].values.tolist() == [[180, 0.9, 75, 72, 2], [536, 0.9, 75, 72, 2]]


def test_selection_compares_the_best_epoch_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("rf_vgg19", 1, 0, 50.0), ("rf_vgg19", 1, 0, 64.0), ("rf_vgg19", 1, 0, 60.0), ("rf_vgg19", 1, 1, 70.0)]
    curves = pd.DataFrame(rows, columns=["architecture", "pool_kernel", "seed", "test_accuracy"]).assign(purpose="grid")
    monkeypatch.setattr(accuracy_and_pruning, "training_curves", lambda *_, **__: curves)
    assert accuracy_and_pruning.selection_gains(None)["gain"].tolist() == [4.0, 0.0]


def test_fine_tuning_names_all_three_accuracies() -> None:
    table = network(dense=[90.0, 80.0], one_shot=[10.0, 60.0], fine_tuned=[85.0, 79.0], difference=[5.0, 1.0], n=1)
    brought, gap, strength = fine_tuning.say_fine_tuning(table).points
    assert brought == (
        "`rf_vgg19`: fine-tuning brings the pruned network, at 180 px from 10.0 % to 85.0 % (dense 90.0 %) and at "
        "358 px from 60.0 % to 79.0 % (dense 80.0 %)."
    )
    assert gap == "`rf_vgg19`: the gap that is left is 5.0 points at 180 px, 1.0 points at 358 px."
    assert strength == "One seed a network: an indication, without a spread."


def test_longer_fine_tuning_counts_both_ways() -> None:
    short = network(fine_tuned=[50.0, 60.0, 70.0], fine_tuned_reported=[30.0, 38.0, 36.0])
    long = network(fine_tuned=[55.0, 59.0, 70.0], fine_tuned_reported=[33.0, 37.0, float("nan")])
    here, paper, _ = fine_tuning.say_longer_fine_tuning(short, long).points
    assert here == (
        "Here, the longer fine-tuning ends higher than the shorter one for 1 of 3 networks and lower for 1; the change "
        "lies between -1.0 and +5.0 points."
    )
    assert paper == (
        "In the paper, the longer fine-tuning ends higher than the shorter one for 1 of 2 networks and lower for 1; "
        "the change lies between -1.0 and +3.0 points."
    )
