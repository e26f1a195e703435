from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.chapters import accuracy_and_pruning, fine_tuning
from rflib.paper.say import NOTHING, Sentences

EMPTY = pd.DataFrame()


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


def test_accuracy_is_given_at_every_field() -> None:
    (point,) = accuracy_and_pruning.say_dense_accuracy(network(dense=[90.0, 80.0, 70.5])).points
    assert point == "`rf_vgg19`: dense accuracy is 90.0 % at 180 px, 80.0 % at 358 px, 70.5 % at 536 px."
    (cost,) = accuracy_and_pruning.say_cost_of_pruning(network(difference=[1.0, 4.0])).points
    assert cost == "`rf_vgg19`: the accuracy lost to pruning is 1.0 points at 180 px, 4.0 points at 358 px."


def test_the_rows_may_come_in_any_order() -> None:
    table = network(dense=[90.0, 80.0, 70.0])
    assert accuracy_and_pruning.say_dense_accuracy(table[::-1]) == accuracy_and_pruning.say_dense_accuracy(table)


@pytest.mark.parametrize(
    ("n", "expected"),
    [(1, "One seed a network: an indication"), (2, "2 seeds a network: an indication"), (5, "Means over 5 seeds")],
)
def test_few_seeds_are_called_an_indication(n: int, expected: str) -> None:
    assert str(accuracy_and_pruning.say_seeds(network(n=n, dense=[90.0, 80.0]))).startswith(f"- {expected}")


def test_three_seeds_have_an_interval() -> None:
    # Student's 97.5 % quantile with two degrees of freedom is 4.303, from a printed table: 4.303 x 1.5 / sqrt(3) = 3.7.
    (point,) = accuracy_and_pruning.say_dense_accuracy(network(n=3, sd=1.5, dense=[90.0, 80.0])).points
    assert "90.0 ± 3.7 %" in point
    assert "±" not in str(accuracy_and_pruning.say_dense_accuracy(network(n=2, sd=1.5, dense=[90.0, 80.0])))


def test_the_control_counts_networks_that_guess() -> None:
    table = network(dense=[90.0, 80.0], pruned=[14.9, 79.0], live=[10.0, 12.0], layerwise=[10.0, 40.0])
    first, last = accuracy_and_pruning.say_control(table, classes=10).points
    assert first == (
        "`rf_vgg19` keeps, at 180 px, 14.9 % when all weights are ranked and 10.0 % when only live weights are (dense "
        "90.0 %); at 358 px, 79.0 % when all weights are ranked and 12.0 % when only live weights are (dense 80.0 %)."
    )
    assert last == (
        "Networks that end within 5 points of guessing (10 %), out of 2: 1 when all weights are ranked together, 2 "
        "when only live weights are, 1 when each layer is ranked on its own."
    )


def test_dead_among_pruned_counts_live_weights() -> None:
    # Of 1000 weights 750 are dead; 900 are pruned and 720 of these are dead, so 180 of the 250 live ones go: 72 %.
    table = network(dense=[80.0, 80.0], dead_share=[0.0, 75.0])
    per_seed = pd.DataFrame({"architecture": "rf_vgg19", "pool_kernel": [1, 2], "rate": 0.9})
    per_seed["pruned_dead_share"] = [0.0, 80.0]
    first, last = accuracy_and_pruning.say_dead_among_pruned(per_seed, table).points
    assert first == "`rf_vgg19` at 180 px: no tap is dead, so a rate is the share of live weights that goes."
    assert last.endswith("at rate 0.9, 80 % of the pruned weights were dead, and 72 % of the live weights went.")
    assert "0.8" not in last


def test_selection_compares_the_best_epoch_with_the_last() -> None:
    rows = [("rf_vgg19", 1, 0, 50.0), ("rf_vgg19", 1, 0, 64.0), ("rf_vgg19", 1, 0, 60.0), ("rf_vgg19", 1, 1, 70.0)]
    curves = pd.DataFrame(rows, columns=["architecture", "pool_kernel", "seed", "test_accuracy"])
    assert "by 2.0 points on average and by 4.0 at most (runs: 2)" in str(accuracy_and_pruning.say_selection(curves))


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


@pytest.mark.parametrize(
    "sentences",
    [
        accuracy_and_pruning.say_dense_accuracy(EMPTY),
        accuracy_and_pruning.say_cost_of_pruning(EMPTY),
        accuracy_and_pruning.say_seeds(EMPTY),
        accuracy_and_pruning.say_control(EMPTY, classes=0),
        accuracy_and_pruning.say_dead_among_pruned(EMPTY, EMPTY),
        accuracy_and_pruning.say_selection(EMPTY),
        fine_tuning.say_fine_tuning(EMPTY),
        fine_tuning.say_longer_fine_tuning(EMPTY, EMPTY),
    ],
)
def test_a_profile_without_the_measurements_says_so(sentences: Sentences) -> None:
    assert sentences == NOTHING


def test_sentences_are_a_markdown_list_that_repeats_nothing() -> None:
    both = Sentences(("One.", "Two.")) + Sentences(("Two.", "Three."))
    assert both._repr_markdown_() == "- One.\n- Two.\n- Three."
