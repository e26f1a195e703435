"""What the sentences of the loss landscape are filled from."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from rflib.paper.chapters import loss_landscape
from rflib.paper.say import NOTHING, say

Given = Callable[[pd.DataFrame], None]


@pytest.fixture
def spectra_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(loss_landscape.curvature, "spectrum_summary", lambda *_, **__: frame)


@pytest.fixture
def curves_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(loss_landscape.training, "training_curves", lambda *_, **__: frame)


def spectrum(
    largest: list[float],
    smallest: list[float],
    *,
    checkpoint: str = "initial",
    statistics: str = "batch",
    seed: int = 0,
) -> pd.DataFrame:
    """Return one row a pool kernel, as `spectrum_summary` does."""
    return pd.DataFrame(
        {
            "architecture": "rf_vgg19",
            "pool_kernel": range(1, len(largest) + 1),
            "checkpoint": checkpoint,
            "batch_statistics": statistics,
            "seed": seed,
            "largest": largest,
            "smallest": smallest,
            "eigenvalues": 20,
            "images": 128,
            "products": range(30, 30 + len(largest)),
            "worst_residual": 0.01,
        }
    )


def run(
    accuracies: list[float], *, kernel: int = 4, period: int | None = None, purpose: str = "grid", loss: float = 0.5
) -> pd.DataFrame:
    """Return one run of `frames.training_curves`, one row an epoch; the loss is that of the last epoch."""
    epochs = len(accuracies)
    return pd.DataFrame(
        {
            "architecture": "rf_resnet50",
            "pool_kernel": kernel,
            "seed": 0,
            "purpose": purpose,
            "epochs": epochs,
            "cosine_period_epochs": period or epochs,
            "epoch": range(1, epochs + 1),
            "test_accuracy": accuracies,
            "train_loss": loss,
        }
    )


def doubled(accuracies: list[float], *, period: int, kernel: int = 4) -> pd.DataFrame:
    return run(accuracies, kernel=kernel, period=period, purpose=f"doubled_{period}")


def test_networks_are_means_over_seeds_and_leave_out_frozen_statistics(spectra_are: Given) -> None:
    both = [spectrum([10.0, 20.0], [0.0, 1.0]), spectrum([30.0, 60.0], [0.0, 1.0], seed=1)]
    spectra_are(pd.concat([*both, spectrum([999.0, 999.0], [0.0, 0.0], statistics="frozen")]))
    found = loss_landscape.by_network(None)
    assert found[["pool_kernel", "largest_mean", "spread_mean", "n"]].values.tolist() == [
        [1, 20, 20, 2],
        [2, 40, 39, 2],
    ]


def test_a_spread_lost_in_its_residuals_is_missing(spectra_are: Given) -> None:
    summary = spectrum([1.0, 2.0, 3.0], [0.0] * 3)
    summary.loc[1, "worst_residual"] = 0.5
    spectra_are(summary)
    assert say("{spread:digits}", loss_landscape.by_network(None), along="pool_kernel").points == (
        "1 at k = 1 and 3 at k = 3",
    )


def test_frozen_statistics_stand_beside_those_of_each_batch(spectra_are: Given) -> None:
    first = [spectrum([10.0, 20.0], [0.0, 0.0]), spectrum([77.0], [0.0], statistics="frozen")]
    second = [spectrum([20.0], [0.0], seed=1), spectrum([79.0], [0.0], seed=1, statistics="frozen")]
    spectra_are(pd.concat([*first, *second]))
    assert say(
        "{pool_kernel} {checkpoint}: {batch:g} and {frozen:g} ({n})", loss_landscape.frozen_statistics(None)
    ).points == ("1 before training: 15 and 78 (n = 2)",)
    spectra_are(spectrum([1.0], [0.0]))
    assert loss_landscape.frozen_statistics(None).empty


def test_the_end_of_training_is_that_of_the_grid(curves_are: Given) -> None:
    grid = [run([50.0, 90.0], kernel=1), run([99.0, 80.0], kernel=4, loss=0.9)]
    curves_are(pd.concat([*grid, doubled([10.0, 20.0], period=1)]))
    found = loss_landscape.last_epochs(None)
    assert found[["pool_kernel", "test_accuracy_mean", "train_loss_mean"]].values.tolist() == [
        [1, 90, 0.5],
        [4, 80, 0.9],
    ]


def test_twice_the_training_stands_beside_the_smallest_field_of_the_same_seeds(curves_are: Given) -> None:
    table = pd.concat(
        [run([60.0, 95.0], kernel=1), run([1.0, 2.0], kernel=2), doubled([10.0, 50.0, 85.0, 70.0], period=2)]
    )
    # Seed 1 adds 2 points to everything; seed 2 has no partner at k = 1 and seed 3 no doubled run.
    others = table.assign(seed=1, test_accuracy=table["test_accuracy"] + 2)
    alone = [doubled([0.0, 0.0, 0.0, 0.0], period=2).assign(seed=2), run([1.0, 1.0], kernel=1).assign(seed=3)]
    curves_are(pd.concat([table, others, *alone]))
    (row,) = loss_landscape.twice_the_epochs(None).to_dict("records")
    assert (row["pool_kernel"], row["epochs"], row["cosine_period_epochs"], row["n"]) == (4, 4, 2, 2)
    assert (row["base_kernel"], row["base_epochs"]) == (1, 2)
    assert (row["best_mean"], row["last_mean"], row["base_best_mean"], row["base_last_mean"]) == (86, 71, 96, 96)


def test_twice_the_training_needs_a_smaller_field(curves_are: Given) -> None:
    curves_are(pd.concat([run([60.0, 95.0], kernel=4), doubled([10.0, 50.0, 60.0, 70.0], period=2)]))
    assert say("{best}", loss_landscape.twice_the_epochs(None)) == NOTHING
    curves_are(run([60.0, 95.0], kernel=4))
    assert say("{best}", loss_landscape.twice_the_epochs(None)) == NOTHING


def test_both_schedules_have_their_middle_and_their_end(curves_are: Given) -> None:
    both = [doubled([50.0, 90.0, 70.0, 70.0], period=2), doubled([50.0, 70.0, 80.0, 90.0], period=4)]
    curves_are(pd.concat([run([60.0], kernel=1), *both]))
    found = loss_landscape.twice_the_epochs(None)
    assert found[["cosine_period_epochs", "middle_mean", "late_mean"]].values.tolist() == [[2, 90, 70], [4, 70, 90]]
