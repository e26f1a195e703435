from __future__ import annotations

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


def test_what_pruning_takes_counts_dead_and_live_weights_at_the_ends_of_each_grid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of 1000 weights 750 are dead; 900 are pruned and 720 of these are dead, so 180 of the 250 live ones go: 72 %.
    runs = {"scope": "global", "rate": 0.9, "seed": 0, "pruned_dead_share": 80.0, "live_pruned_share": 72.0}
    copies = pd.DataFrame([{**runs, "architecture": "rf_vgg19", "pool_kernel": kernel} for kernel in (1, 2, 3)])
    others = [copies.assign(scope="live"), copies.assign(rate=0.5), copies.assign(pruned_dead_share=70.0, seed=1)]
    grid = network(dense=[90.0, 80.0, 70.0])[["architecture", "pool_kernel", "receptive_field"]]
    monkeypatch.setattr(accuracy_and_pruning.shown, "pruned_copies", lambda *_: pd.concat([copies, *others]))
    monkeypatch.setattr(accuracy_and_pruning.shown, "fields", lambda *_: grid)
    found = accuracy_and_pruning.dead_among_pruned(None)
    columns = ["receptive_field", "rate", "pruned_dead_share_mean", "live_pruned_share_mean", "n"]
    assert found[columns].values.tolist() == [[180, 0.9, 75, 72, 2], [536, 0.9, 75, 72, 2]]


def test_selection_compares_the_best_epoch_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("rf_vgg19", 1, 0, 50.0), ("rf_vgg19", 1, 0, 64.0), ("rf_vgg19", 1, 0, 60.0), ("rf_vgg19", 1, 1, 70.0)]
    curves = pd.DataFrame(rows, columns=["architecture", "pool_kernel", "seed", "test_accuracy"]).assign(purpose="grid")
    monkeypatch.setattr(accuracy_and_pruning.shown, "training_curves", lambda *_, **__: curves)
    assert accuracy_and_pruning.selection_gains(None)["gain"].tolist() == [4.0, 0.0]


def test_longer_fine_tuning_counts_both_ways_here_and_in_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    short = network(fine_tuned=[50.0, 60.0, 70.0], fine_tuned_reported=[30.0, 38.0, 36.0])
    long = network(fine_tuned=[55.0, 59.0, 70.0], fine_tuned_reported=[33.0, 37.0, float("nan")])
    both = {False: short, True: long}
    monkeypatch.setattr(fine_tuning, "fine_tuning", lambda *_, long, **__: both[long])
    found = fine_tuning.longer(None)
    gains = {where: rows["gain"].tolist() for where, rows in found.groupby("where", sort=False)}
    assert gains == {"Here": [5.0, -1.0, 0.0], "In the paper": [3.0, -1.0]}
    assert found["higher"].tolist() == [True, False, False, True, False]
