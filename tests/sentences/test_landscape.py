from __future__ import annotations

import pandas as pd
import pytest

from rflib.sentences import landscape
from rflib.sentences.wording import NOTHING

EMPTY = pd.DataFrame()


def spectrum(
    largest: list[float],
    smallest: list[float],
    *,
    checkpoint: str = "initial",
    statistics: str = "batch",
    seed: int = 0,
) -> pd.DataFrame:
    """Return one row a pool kernel, as `tables.spectrum_summary` does."""
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
    """Return one run of `tables.training_curves`, one row an epoch; the loss is that of the last epoch."""
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
    first, strength = landscape.spectra(spectrum([10.0, 30.0, 20.0], [1.0, 2.0, 3.0])).points
    assert first.startswith("`rf_vgg19` before training: the largest eigenvalue goes from 10 at k = 1 to 20 at k = 3")
    assert "the spread of the computed ones goes from 9 at k = 1 to 17 at k = 3" in first
    assert strength == "One seed a network: an indication, without a spread."


def test_spectra_are_means_over_seeds_and_leave_out_frozen_statistics() -> None:
    both = [spectrum([10.0, 20.0], [0.0, 0.0]), spectrum([30.0, 60.0], [0.0, 0.0], seed=1)]
    summary = pd.concat([*both, spectrum([999.0, 999.0], [0.0, 0.0], statistics="frozen")])
    first, strength = landscape.spectra(summary).points
    assert "goes from 20 at k = 1 to 40 at k = 2 (rises throughout)" in first
    assert strength.startswith("2 seeds a network")


@pytest.mark.parametrize(
    ("largest", "smallest", "expected"),
    [
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], "as the paper says"),
        ([3.0, 2.0, 1.0], [0.0, 0.0, 0.0], "the opposite of what the paper says"),
        ([1.0, 2.0, 3.0], [0.0, 1.0, 2.0], "not borne out here"),  # the spread does not change
        ([1.0, 2.0, 3.0], [0.0, 1.5, 2.8], "not borne out here"),  # larger, but narrower
    ],
)
def test_wider_needs_both_height_and_spread(largest: list[float], smallest: list[float], expected: str) -> None:
    first, _ = landscape.wider_before_training(spectrum(largest, smallest)).points
    assert first.startswith("`rf_vgg19`: ")
    assert expected in first


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        ([1.0, 2.0, 3.0], "rises with the field before training, as the paper says"),
        ([3.0, 2.0, 1.0], "the opposite of what the paper says"),
        ([2.0, 3.0, 1.0, 2.5], "has no clear direction"),
    ],
)
def test_a_spread_lost_in_its_residuals_is_not_compared(largest: list[float], expected: str) -> None:
    summary = spectrum(largest, [0.0] * len(largest))
    summary.loc[1, "worst_residual"] = 0.5
    assert "the spread of the computed ones is not resolved at k = 2." in landscape.spectra(summary).points[0]
    first, _ = landscape.wider_before_training(summary).points
    assert expected in first
    assert first.endswith("The spread is not resolved, so the claim is half tested.")


def test_the_claim_before_training_ignores_trained_spectra() -> None:
    trained = spectrum([3.0, 2.0, 1.0], [0.0, 0.0, 0.0], checkpoint="last")
    assert landscape.wider_before_training(trained) == NOTHING
    summary = pd.concat([spectrum([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]), trained])
    assert "as the paper says" in landscape.wider_before_training(summary).points[0]


def test_cost_counts_products_and_doubtful_spectra() -> None:
    summary = spectrum([1.0, 2.0], [0.0, 0.0]).assign(worst_residual=[0.01, 0.3])
    products, residuals = landscape.cost(summary).points
    assert products.startswith("2 spectra of 20 eigenvalues on 128 images took between 30 and 31 Hessian products")
    assert "is 0.3 at most; it exceeds 0.1 in 1 of 2 spectra" in residuals


def test_frozen_statistics_stand_beside_those_of_each_batch() -> None:
    summary = pd.concat([spectrum([10.0, 20.0], [0.0, 0.0]), spectrum([77.0], [0.0], statistics="frozen")])
    (point,) = landscape.frozen_statistics(summary).points
    assert point == "`rf_vgg19` at k = 1, before training: 10 with the statistics of each batch, 77 with frozen ones."
    assert landscape.frozen_statistics(spectrum([1.0], [0.0])) == NOTHING


@pytest.mark.parametrize(
    ("accuracy", "loss", "expected"),
    [
        (80.0, 0.9, "with the higher training loss: it fits less well"),
        (80.0, 0.4, "at no higher training loss: it fits as well and generalises less"),
        (89.5, 0.9, "does not end noticeably"),
    ],
)
def test_the_end_of_training_tells_fitting_from_generalising(accuracy: float, loss: float, expected: str) -> None:
    curves = pd.concat([run([50.0, 90.0], kernel=1), run([99.0, accuracy], kernel=4, loss=loss)])
    first, _ = landscape.curves(curves).points
    assert f"goes from 90.0 % at k = 1 to {accuracy:.1f} % at k = 4" in first
    assert expected in first


@pytest.mark.parametrize(
    ("largest", "loss", "expected"),
    [
        ([80.0, 90.0, 94.0], 0.4, "ends lower at no higher training loss, by no more than the seeds scatter."),
        ([80.0, 90.0, 94.0], 0.9, "ends lower at a higher training loss, by no more than the seeds scatter."),
        ([87.8, 88.0, 88.2], 0.4, "it fits as well and generalises less."),
    ],
)
def test_a_fall_within_the_scatter_of_the_seeds_is_no_finding(largest: list[float], loss: float, expected: str) -> None:
    pairs = [(run([90.0], kernel=1), run([value], kernel=4, loss=loss)) for value in largest]
    curves = pd.concat([each.assign(seed=seed) for seed, pair in enumerate(pairs) for each in pair])
    assert landscape.curves(curves).points[0].endswith(expected)


def test_curves_take_the_grid_and_not_the_doubled_runs() -> None:
    curves = pd.concat([run([90.0], kernel=1), doubled([10.0, 20.0], period=1)])
    assert "is 90.0 % at k = 1, the only field measured" in landscape.curves(curves).points[0]
    assert landscape.curves(doubled([10.0, 20.0], period=1)) == NOTHING


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        (85.0, "stays 10.0 points below: it does not make up for the field"),
        (94.5, "within 1 point of each other"),
        (98.0, "ends 3.0 points above, against the claim"),
    ],
)
def test_twice_the_training_is_compared_with_the_smallest_field(best: float, expected: str) -> None:
    table = pd.concat(
        [run([60.0, 95.0], kernel=1), run([1.0, 2.0], kernel=2), doubled([10.0, 50.0, best, 70.0], period=2)]
    )
    first, strength = landscape.doubled(table).points
    assert f"4 epochs with T_max = 2: {best:.1f} % at the best test epoch and 70.0 % at the last." in first
    assert "At k = 1, 2 epochs give 95.0 % at the best test epoch and 95.0 % at the last." in first
    assert expected in first
    assert strength.startswith("One seed")


def test_twice_the_training_needs_a_smaller_field() -> None:
    table = pd.concat([run([60.0, 95.0], kernel=4), doubled([10.0, 50.0, 60.0, 70.0], period=2)])
    assert "no smaller field to compare with" in landscape.doubled(table).points[0]


@pytest.mark.parametrize(
    ("printed", "matching", "expected"),
    [
        ([50.0, 90.0, 70.0, 70.0], [50.0, 70.0, 80.0, 90.0], "Only the schedule with T_max as printed has the bump"),
        ([50.0, 90.0, 70.0, 70.0], [50.0, 90.0, 70.0, 70.0], "the schedule alone does not explain it"),
        ([50.0, 90.0, 90.0, 90.0], [50.0, 70.0, 80.0, 90.0], "there is no bump above 1 point"),
    ],
)
def test_the_bump_belongs_to_the_schedule_that_turns_round(
    printed: list[float], matching: list[float], expected: str
) -> None:
    table = pd.concat([doubled(printed, period=2), doubled(matching, period=4)])
    *points, verdict = landscape.bump(table).points
    assert points[0].endswith(f"around epoch 2 test accuracy is 90.0 %, in the last quarter {printed[-1]:.1f} %.")
    assert expected in verdict


def test_without_measurements_nothing_is_said() -> None:
    functions = (
        landscape.spectra,
        landscape.wider_before_training,
        landscape.cost,
        landscape.frozen_statistics,
        landscape.curves,
        landscape.doubled,
        landscape.bump,
    )
    assert [function(EMPTY) for function in functions] == [NOTHING] * len(functions)
