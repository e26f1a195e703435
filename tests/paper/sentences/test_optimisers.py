from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters import optimisers_and_prunability, width_and_curvature
from rflib.paper.say import NOTHING

EMPTY = pd.DataFrame()
SEEDS = "2 seeds a network: an indication, fewer than the five of the paper."


def row(name: str, kind: str, kernel: int, **means: float) -> dict[str, Any]:
    """Return a row of `optimisers_and_prunability.by_optimiser`."""
    values = {"dense": 90.0, "pruned": 60.0, "live": 50.0, "lost": 30.0, "lost_live": 40.0, **means}
    named = {f"{quantity}_{part}": value for quantity, value in values.items() for part in ("mean", "sd")}
    return {"optimiser": name, "kind": kind, "pool_kernel": kernel, "epochs": 5, "evaluations": 10.0, "n": 2, **named}


TABLE = pd.DataFrame(
    [
        row("sgd", "first order", 2),
        row("sam", "flatness", 2, lost=20.0, lost_live=20.0),
        row("soap", "second order", 2, lost=55.0, lost_live=30.5, pruned=11.0),
    ]
)


def test_accuracy_and_cost_and_who_guesses() -> None:
    first, _, _, floor, seeds = optimisers_and_prunability.say_accuracy(TABLE).points
    assert first == (
        "`sgd`, k = 2: 90.0 % dense, 60.0 % pruned, 50.0 % pruned among live weights, after 5 epochs at the gradient "
        "evaluations of 10 of SGD."
    )
    assert floor == "Networks that end within 5 points of guessing (10 %), pruned globally: 1 of 3."
    assert seeds == SEEDS
    at_the_bound = optimisers_and_prunability.say_accuracy(TABLE, guess=6.0).points[3]
    assert at_the_bound == "Networks that end within 5 points of guessing (6 %), pruned globally: 1 of 3."
    assert optimisers_and_prunability.say_accuracy(TABLE, guess=1.0).points[3].endswith("pruned globally: 0 of 3.")
    single = pd.DataFrame([row("sgd", "first order", 2) | {"epochs": 1, "evaluations": 1.0}])
    assert (
        "after one epoch at the gradient evaluations of 1 of SGD"
        in optimisers_and_prunability.say_accuracy(single).points[0]
    )


def test_what_pruning_takes_from_second_order_networks() -> None:
    first, seeds = optimisers_and_prunability.say_prunability(TABLE).points
    assert first == (
        "At k = 2 pruning takes +30.0 points from second-order networks (`soap`) beyond what it takes from the others "
        "(`sgd`, `sam`); among live weights +0.5."
    )
    assert seeds == SEEDS
    assert optimisers_and_prunability.say_prunability(TABLE.iloc[:2]) == NOTHING


def test_recovery_from_the_smallest_field_to_the_largest() -> None:
    larger = pd.DataFrame([row("soap", "second order", 4, pruned=41.0, live=49.0, dense=80.0)])
    first, _ = optimisers_and_prunability.say_recovery(pd.concat([TABLE, larger])).points
    assert first == (
        "`soap` (second order): from k = 2 to k = 4 pruned accuracy changes by +30.0 points, among live weights by "
        "-1.0, dense accuracy by -10.0."
    )
    assert optimisers_and_prunability.say_recovery(TABLE) == NOTHING


def test_solutions_in_the_order_of_the_fields() -> None:
    sharp = {"trace": 100.0, "asam": 0.5, "filter_similarity": 0.25}
    table = pd.DataFrame([row("sgd", "first order", k, largest=10.0 * k, **sharp) for k in (4, 2)])
    start, first, _ = optimisers_and_prunability.say_solutions(table).points
    assert start == "In the order of k = 2, 4:"
    assert first == (
        "`sgd`: largest eigenvalue 20 and 40; trace 100 and 100; ASAM's sharpness 0.5 and 0.5; mean |cosine| of "
        "filters 0.25 and 0.25."
    )
    assert optimisers_and_prunability.say_solutions(TABLE) == NOTHING


def test_what_goes_with_the_loss() -> None:
    rows = [("largest", 0.8, None), ("filter_similarity", -0.9, None), ("trace", 0.3, None)]
    table = pd.DataFrame(
        [
            {"quantity": q, "pool_kernel": 2, "optimisers": 4, "lost_mean": a, "lost_live_mean": b, "n": 2}
            for q, a, b in rows
        ]
    ).astype({"lost_live_mean": float})
    first, caution, _ = optimisers_and_prunability.say_explanations(table).points
    assert first == (
        "k = 2, rank correlation with the lost accuracy over 4 optimisers: the largest eigenvalue (+0.80), the "
        "similarity of filters (-0.90), the trace (+0.30). Among live weights: none, since the loss does not vary."
    )
    assert caution.startswith("A rank correlation over a handful")


def width(kernel: int, multiple: float, dense: float, largest: float) -> dict[str, Any]:
    """Return a row of `width_and_curvature.by_width`."""
    values = {"dense": dense, "train_loss": 0.5 / multiple, "lost": 30.0 / multiple, "lost_live": 20.0}
    spectra = {"largest_initial": 100.0, "largest_last": largest}
    named = {f"{quantity}_{part}": each for quantity, each in (values | spectra).items() for part in ("mean", "sd")}
    return {"pool_kernel": kernel, "width_multiple": multiple, "receptive_field": 178.0 * kernel, "n": 2, **named}


WIDTHS = pd.DataFrame([width(1, 1, 90, 10), width(1, 2, 92, 10), width(4, 1, 70, 40), width(4, 2, 75, 10)])


def test_training_by_width() -> None:
    _, second, seeds = width_and_curvature.say_training(WIDTHS).points
    assert second == (
        "k = 4 (712 px): from ×1 to ×2 dense accuracy goes from 70.0 % to 75.0 %, training loss from 0.5 to 0.25."
    )
    assert seeds == SEEDS


def test_spectra_and_pruning_by_width() -> None:
    assert width_and_curvature.say_spectra(WIDTHS).points[1] == (
        "k = 4: the largest eigenvalue of the widest network beside that of the narrowest: before training it is 1 "
        "times as large and after training it is 0.25 times as large."
    )
    assert width_and_curvature.say_pruning(WIDTHS).points[0] == (
        "k = 1: pruning takes 30.0 points from the narrowest network and 15.0 from the widest; among live weights 20.0 "
        "and 20.0."
    )


@pytest.mark.parametrize(
    ("large", "widest", "said"),
    [((70.0, 75.0), "+5.0", "-20.0"), ((90.0, 90.0), "+0.0", "+0.0"), ((95.0, 93.0), "-2.0", "+5.0")],
)
def test_what_field_and_width_change_is_given_whatever_its_sign(
    large: tuple[float, float], widest: str, said: str
) -> None:
    table = pd.DataFrame([width(1, 1, 90, 10), width(1, 2, 92, 10), width(4, 1, large[0], 9), width(4, 2, large[1], 9)])
    assert width_and_curvature.say_limits(table).points == (
        f"The step from k = 1 to k = 4 changes dense accuracy of the narrowest network by {said} points; the step to "
        f"the widest network changes it by {widest} points at k = 4.",
    )


def test_without_measurements_that_is_what_is_said() -> None:
    for words in (
        optimisers_and_prunability.say_accuracy,
        optimisers_and_prunability.say_prunability,
        optimisers_and_prunability.say_recovery,
        optimisers_and_prunability.say_solutions,
    ):
        assert words(EMPTY) == NOTHING
    for words in (
        optimisers_and_prunability.say_explanations,
        width_and_curvature.say_training,
        width_and_curvature.say_spectra,
        width_and_curvature.say_limits,
        width_and_curvature.say_pruning,
    ):
        assert words(EMPTY) == NOTHING
