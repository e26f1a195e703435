"""Sentences about noise before pruning and about redundancy, word for word on tables written down here."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters import noise_before_pruning, redundancy_and_saturation
from rflib.paper.say import NOTHING


def copies(kernel: int, order: str, benefit: float, mean: float = 0.5) -> dict[str, Any]:
    row = {"architecture": "rf_vgg19", "pool_kernel": kernel, "rate": 0.9, "order": order, "n": 2}
    return row | {"benefit_mean": benefit, "mean_benefit_mean": mean}


def test_benefits_beside_their_control() -> None:
    rows = [copies(1, "before", 3.0), copies(4, "before", 0.5, -2.0), copies(1, "after", 2.0), copies(4, "after", 1.0)]
    assert noise_before_pruning.say_benefit(pd.DataFrame(rows)).points == (
        "Rate 0.9: the selected copy is +0.5 to +3.0 points from pruning without noise over 2 networks, the mean copy "
        "-2.0 to +0.5. Beside noise after pruning, selected in the same way, that is -0.5 to +1.0 points more.",
        "Means over 2 seeds a network.",
    )
    assert "Beside noise" not in noise_before_pruning.say_benefit(pd.DataFrame(rows[:1])).points[0]


def test_what_fine_tuning_leaves() -> None:
    row = {"architecture": "rf_vgg19", "pool_kernel": 4, "rate": 0.9, "kind": "additive", "scale": 0.2, "n": 1}
    row |= {"fine_tuned_mean": 80.0, "noisy_fine_tuned_mean": 82.0, "benefit_mean": 2.0}
    assert noise_before_pruning.say_fine_tuned(pd.DataFrame([row])).points == (
        "`rf_vgg19`, k = 4, rate 0.9, additive noise of scale 0.2: fine-tuned 80.0 % without noise and 82.0 % with it "
        "(+2.0 points).",
        "One seed a network: an indication, without a spread.",
    )


def test_variances_with_both_statistics() -> None:
    cases = [("none", 0.5, 0.2, 0.0), ("none", 0.9, 1.5, 0.0), ("before", 0.9, 1.2, -0.3), ("after", 0.9, 1.25, -0.25)]
    rows = [
        {
            "calibrated": calibrated,
            "order": order,
            "rate": rate,
            "discrepancy_mean": size,
            "change_mean": change,
            "n": 2,
        }
        for calibrated in (False, True)
        for order, rate, size, change in cases
    ]
    own, new, _ = noise_before_pruning.say_variances(pd.DataFrame(rows)).points
    rest = (
        ", the discrepancy is 0.20 at rate 0.5 and 1.50 at 0.9. Noise before pruning at 0.9 changes it by -0.30. Noise "
        "after pruning at 0.9 changes it by -0.25."
    )
    assert own == f"With batch-norm statistics as they were{rest}"
    assert new == f"With batch-norm statistics re-estimated{rest}"


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
            noise_before_pruning.say_benefit,
            noise_before_pruning.say_fine_tuned,
            noise_before_pruning.say_variances,
            redundancy_and_saturation.say_saturation,
            redundancy_and_saturation.say_pruned_saturation,
        ),
        *(redundancy_and_saturation.say_deep, redundancy_and_saturation.say_best_fields),
    ],
)
def test_nothing_measured(say: Any) -> None:
    assert say(pd.DataFrame()) == NOTHING
