from __future__ import annotations

import pandas as pd

from rflib.paper.chapters import loss_landscape
from rflib.paper.say import NOTHING, ONE_SEED

EMPTY = pd.DataFrame()


def spectrum(
    largest: list[float],
    smallest: list[float],
    *,
    checkpoint: str = "initial",
    statistics: str = "batch",
    seed: int = 0,
) -> pd.DataFrame:
    """Return one row a pool kernel, as `loss_landscape.spectrum_summary` does."""
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


def test_largest_and_spread_go_from_the_smallest_k_to_the_largest() -> None:
    first, strength = loss_landscape.say_spectra(spectrum([10.0, 30.0, 20.0], [1.0, 2.0, 3.0])).points
    assert first == (
        "`rf_vgg19` before training: the largest eigenvalue is 10 at k = 1, 30 at k = 2, 20 at k = 3; the spread of "
        "the computed ones is 9 at k = 1, 28 at k = 2, 17 at k = 3."
    )
    assert strength == "One seed a network: an indication, without a spread."


def test_spectra_are_means_over_seeds_and_leave_out_frozen_statistics() -> None:
    both = [spectrum([10.0, 20.0], [0.0, 0.0]), spectrum([30.0, 60.0], [0.0, 0.0], seed=1)]
    summary = pd.concat([*both, spectrum([999.0, 999.0], [0.0, 0.0], statistics="frozen")])
    first, strength = loss_landscape.say_spectra(summary).points
    assert first == (
        "`rf_vgg19` before training: the largest eigenvalue is 20 at k = 1, 40 at k = 2; the spread of the computed "
        "ones is 20 at k = 1, 40 at k = 2."
    )
    assert strength == "2 seeds a network: an indication, fewer than the five of the paper."


def test_a_spread_lost_in_its_residuals_is_not_given() -> None:
    summary = spectrum([1.0, 2.0, 3.0], [0.0] * 3)
    summary.loc[1, "worst_residual"] = 0.5
    assert loss_landscape.say_spectra(summary).points[0] == (
        "`rf_vgg19` before training: the largest eigenvalue is 1 at k = 1, 2 at k = 2, 3 at k = 3; the spread of the "
        "computed ones is not resolved at k = 2."
    )


def test_cost_counts_products_and_doubtful_spectra() -> None:
    summary = spectrum([1.0, 2.0], [0.0, 0.0]).assign(worst_residual=[0.01, 0.3])
    products, residuals = loss_landscape.say_cost(summary).points
    assert products.startswith("2 spectra of 20 eigenvalues on 128 images took between 30 and 31 Hessian products")
    assert "is 0.3 at most; it exceeds 0.1 in 1 of 2 spectra" in residuals


def test_frozen_statistics_stand_beside_those_of_each_batch() -> None:
    summary = pd.concat([spectrum([10.0, 20.0], [0.0, 0.0]), spectrum([77.0], [0.0], statistics="frozen")])
    point, strength = loss_landscape.say_frozen_statistics(summary).points
    assert point == "`rf_vgg19` at k = 1, before training: 10 with the statistics of each batch, 77 with frozen ones."
    assert strength == "One seed a network: an indication, without a spread."
    second = [spectrum([20.0], [0.0], seed=1), spectrum([79.0], [0.0], seed=1, statistics="frozen")]
    point, strength = loss_landscape.say_frozen_statistics(pd.concat([summary, *second])).points
    assert point == "`rf_vgg19` at k = 1, before training: 15 with the statistics of each batch, 78 with frozen ones."
    assert strength == "2 seeds a network: an indication, fewer than the five of the paper."
    assert loss_landscape.say_frozen_statistics(spectrum([1.0], [0.0])) == NOTHING


def test_the_end_of_training_has_accuracy_and_loss() -> None:
    curves = pd.concat([run([50.0, 90.0], kernel=1), run([99.0, 80.0], kernel=4, loss=0.9)])
    first, _ = loss_landscape.say_curves(curves).points
    assert first == (
        "`rf_resnet50`: test accuracy at the last epoch is 90.0 % at k = 1, 80.0 % at k = 4; training loss is 0.5 at "
        "k = 1, 0.9 at k = 4."
    )


def test_curves_take_the_grid_and_not_the_doubled_runs() -> None:
    curves = pd.concat([run([90.0], kernel=1), doubled([10.0, 20.0], period=1)])
    assert loss_landscape.say_curves(curves).points[0] == (
        "`rf_resnet50`: test accuracy at the last epoch is 90.0 % at k = 1; training loss is 0.5 at k = 1."
    )
    assert loss_landscape.say_curves(doubled([10.0, 20.0], period=1)) == NOTHING


def test_twice_the_training_stands_beside_the_smallest_field() -> None:
    table = pd.concat(
        [run([60.0, 95.0], kernel=1), run([1.0, 2.0], kernel=2), doubled([10.0, 50.0, 85.0, 70.0], period=2)]
    )
    first, strength = loss_landscape.say_doubled(table).points
    assert first == (
        "`rf_resnet50` at k = 4, 4 epochs with T_max = 2: 85.0 % at the best test epoch and 70.0 % at the last. At "
        "k = 1, 2 epochs give 95.0 % at the best test epoch and 95.0 % at the last."
    )
    assert strength == ONE_SEED
    # Seed 1 adds 2 points to everything; seed 2 has no partner at k = 1 and seed 3 no doubled run.
    others = table.assign(seed=1, test_accuracy=table["test_accuracy"] + 2)
    alone = pd.concat(
        [doubled([0.0, 0.0, 0.0, 0.0], period=2).assign(seed=2), run([1.0, 1.0], kernel=1).assign(seed=3)]
    )
    first, strength = loss_landscape.say_doubled(pd.concat([table, others, alone])).points
    assert first == (
        "`rf_resnet50` at k = 4, 4 epochs with T_max = 2: 86.0 % at the best test epoch and 71.0 % at the last. At "
        "k = 1, 2 epochs give 96.0 % at the best test epoch and 96.0 % at the last."
    )
    assert strength == "Means over 2 seeds a network."


def test_twice_the_training_needs_a_smaller_field() -> None:
    table = pd.concat([run([60.0, 95.0], kernel=4), doubled([10.0, 50.0, 60.0, 70.0], period=2)])
    assert loss_landscape.say_doubled(table).points == (
        "`rf_resnet50` at k = 4: this grid has no smaller field to compare with.",
    )


def test_both_schedules_have_their_middle_and_their_end() -> None:
    table = pd.concat([doubled([50.0, 90.0, 70.0, 70.0], period=2), doubled([50.0, 70.0, 80.0, 90.0], period=4)])
    printed, matching, strength = loss_landscape.say_bump(table).points
    assert printed == (
        "`rf_resnet50` at k = 4, T_max = 2: around epoch 2 test accuracy is 90.0 %, in the last quarter 70.0 %."
    )
    assert matching == (
        "`rf_resnet50` at k = 4, T_max = 4: around epoch 2 test accuracy is 70.0 %, in the last quarter 90.0 %."
    )
    assert strength == ONE_SEED
    higher = table.assign(seed=1, test_accuracy=table["test_accuracy"] + 2)
    printed, _, strength = loss_landscape.say_bump(pd.concat([table, higher])).points
    assert printed == (
        "`rf_resnet50` at k = 4, T_max = 2: around epoch 2 test accuracy is 91.0 %, in the last quarter 71.0 %."
    )
    assert strength == "Means over 2 seeds a network."


def test_without_measurements_nothing_is_said() -> None:
    functions = (
        loss_landscape.say_spectra,
        loss_landscape.say_cost,
        loss_landscape.say_frozen_statistics,
        loss_landscape.say_curves,
        loss_landscape.say_doubled,
        loss_landscape.say_bump,
    )
    assert [function(EMPTY) for function in functions] == [NOTHING] * len(functions)
