"""What the sentences about optimisers are filled from."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters import optimisers_and_prunability as chapter
from rflib.paper.say import NOTHING, say


def row(name: str, kind: str, kernel: int, **means: float) -> dict[str, Any]:
    """Return a row of `by_optimiser`."""
    values = {"dense": 90.0, "pruned": 60.0, "live": 50.0, "lost": 30.0, "lost_live": 40.0, **means}
    named = {f"{quantity}_mean": value for quantity, value in values.items()}
    return {"optimiser": name, "kind": kind, "pool_kernel": kernel, "n": 2, **named}


TABLE = pd.DataFrame(
    [
        row("sgd", "first order", 2),
        row("sam", "flatness", 2, lost=20.0, lost_live=20.0),
        row("soap", "second order", 2, lost=55.0, lost_live=30.5, pruned=11.0),
    ]
)


@pytest.mark.parametrize(("guess", "near"), [(10.0, 1), (6.0, 1), (1.0, 0)])
def test_networks_near_guessing_are_counted(guess: float, near: int) -> None:
    assert chapter.near_guessing(TABLE, guess=guess).values.tolist() == [[3, near, 5]]
    assert chapter.near_guessing(pd.DataFrame(), guess=guess).empty


def test_what_pruning_takes_from_second_order_networks() -> None:
    third = row("soap", "second order", 4)
    assert chapter.second_order(pd.concat([TABLE, pd.DataFrame([third])])).values.tolist() == [
        [2, 30.0, 0.5, "soap", "sgd, sam"]
    ]
    assert chapter.second_order(TABLE.iloc[:2]).empty
    assert say("{lost}", chapter.second_order(pd.DataFrame()), per="pool_kernel") == NOTHING


def test_a_change_needs_two_fields() -> None:
    larger = pd.DataFrame([row("soap", "second order", 4, pruned=41.0, live=49.0, dense=80.0)])
    template = "{optimiser}: {pruned[change]}, {live[change]}, {dense[change]}"
    said = say(template, pd.concat([TABLE, larger]), per="optimiser", along="pool_kernel")
    assert said.points == ("soap: +30.0 points, -1.0 points, -10.0 points",)


def test_solutions_have_their_columns_also_where_they_were_not_measured() -> None:
    names = ["architecture", "pool_kernel", "optimiser", "kind", "epochs", "evaluations", "seed"]
    accuracies = ("dense", "pruned", "live", "lost", "lost_live", "train_loss")
    run = dict.fromkeys(names, 1) | {"architecture": "rf_vgg19", "optimiser": "sgd", "kind": "first order"}
    table = chapter.by_optimiser(pd.DataFrame([run | dict.fromkeys(accuracies, 50.0)]))
    assert say("{largest}", table, per="optimiser") == NOTHING
