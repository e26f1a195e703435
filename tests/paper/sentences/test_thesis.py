"""Sentences about noise before pruning and about redundancy, word for word on tables written down here."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters import redundancy_and_saturation
from rflib.paper.say import NOTHING


def layers(kernel: int, rate: float, saturation: float) -> dict[str, Any]:
    row = {"architecture": "rf_vgg19", "pool_kernel": kernel, "rate": rate, "saturation_mean": saturation, "n": 2}
    return row | {
        "shallow_saturation_mean": 60.0,
        "similarity_mean": 0.05 * kernel,
        "relative_rank_mean": 90.0 - kernel,
    }


def test_saturation_at_the_ends_of_the_grid() -> None:
    table = pd.DataFrame([layers(1, 0.0, 30.0), layers(1, 0.9, 20.0), layers(4, 0.0, 10.0), layers(4, 0.9, 5.0)])
    assert redundancy_and_saturation.say_saturation(table).points[0] == (
        "`rf_vgg19`, dense: the deep layers are saturated by 30 % at k = 1 and 10 % at k = 4; the others by 60 and "
        "60 %. Their filters' mean |cosine| is 0.050 and 0.200, their effective rank 89 and 86 % of the "
        "largest possible."
    )
    assert redundancy_and_saturation.say_pruned_saturation(table).points[:2] == (
        "`rf_vgg19`, k = 1: 30 % dense, 20 % pruned at 0.9.",
        "`rf_vgg19`, k = 4: 10 % dense, 5 % pruned at 0.9.",
    )
    assert redundancy_and_saturation.say_saturation(table.iloc[:2]).points[0] == (
        "`rf_vgg19`, dense: the deep layers are saturated by 30 % at k = 1; the others by 60 %. Their filters' mean "
        "|cosine| is 0.050, their effective rank 89 % of the largest possible."
    )


def test_what_pruning_deep_layers_costs() -> None:
    common = {"architecture": "rf_vgg19", "layers": 5, "scope": "live", "rate": 0.9, "n": 2}
    rows = [
        {**common, "pool_kernel": kernel, "lost_mean": lost, "dead_share": dead}
        for kernel, lost, dead in ((4, 0.2, 89.0), (1, 7.0, 0.0))
    ]
    assert redundancy_and_saturation.say_deep(pd.DataFrame(rows)).points[0] == (
        "`rf_vgg19`, 5 convolutions pruned at 0.9 among live weights: this costs +7.0 points at k = 1 (0 % of its "
        "weights dead) and +0.2 points at k = 4 (89 % of its weights dead)."
    )
    alone = redundancy_and_saturation.say_deep(pd.DataFrame(rows[:1])).points[0]
    assert alone.endswith("live weights: this costs +0.2 points at k = 4 (89 % of its weights dead).")
    tail = redundancy_and_saturation.say_deep(pd.DataFrame([rows[1], {**rows[0], "layers": 9}])).points[0]
    assert tail.startswith("`rf_vgg19`, 5 and 9 convolutions pruned")
    assert redundancy_and_saturation.say_deep(pd.DataFrame(rows), rate=0.5) == NOTHING


def test_where_accuracy_peaks_and_how_sure_that_is() -> None:
    row = {"architecture": "rf_vgg19", "way": "dense", "receptive_field": 180.0, "fields": 5, "accuracy_mean": 90.0}
    row["above_guessing"] = 80.0
    unsure = {**row, "margin_mean": 0.4, "margin_sd": 0.2, "at_the_edge": True, "seeds_agreeing": 50.0, "n": 3}
    sure = {**unsure, "way": "live", "receptive_field": 112.0, "margin_mean": 3.0, "at_the_edge": False}
    points = redundancy_and_saturation.say_best_fields(pd.DataFrame([unsure, sure])).points
    # Student's t of two degrees of freedom is 4.303, and 0.2 / sqrt(3) times that is 0.5; of two seeds there is none.
    assert points == (
        "`rf_vgg19`: among 5 fields the best is 180 px dense, 112 px pruned among live weights.",
        "`rf_vgg19`, dense: 90.0 %, 0.4 points (95 % interval -0.1 to +0.9) above the second best field and best in "
        "50 % of the seeds. It lies at the edge of the grid.",
        "`rf_vgg19`, pruned among live weights: 90.0 %, 3.0 points (95 % interval +2.5 to +3.5) above the second best "
        "field and best in 50 % of the seeds.",
        "Means over 3 seeds a network.",
    )
    guessing = redundancy_and_saturation.say_best_fields(pd.DataFrame([{**sure, "above_guessing": 5.0}])).points
    assert guessing[0].endswith(": no field does better than guessing by 5 points, so there is no best one.")
    for few in ({"n": 1, "margin_sd": float("nan")}, {"n": 2}):
        assert redundancy_and_saturation.say_best_fields(pd.DataFrame([{**sure, **few}])).points[1] == (
            "`rf_vgg19`, pruned among live weights: 90.0 %, 3.0 points above the second best field and best in 50 % of "
            "the seeds."
        )


@pytest.mark.parametrize(
    "say",
    [
        *(
            redundancy_and_saturation.say_saturation,
            redundancy_and_saturation.say_pruned_saturation,
        ),
        *(redundancy_and_saturation.say_deep, redundancy_and_saturation.say_best_fields),
    ],
)
def test_nothing_measured(say: Any) -> None:
    assert say(pd.DataFrame()) == NOTHING
