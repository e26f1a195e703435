from __future__ import annotations

from typing import Any

import pandas as pd

from rflib.paper.chapters import receptive_field_refinement
from rflib.paper.say import NOTHING


def network(name: str, **changes: Any) -> dict[str, Any]:
    """Return a row of `receptive_field_refinement.refinements`."""
    row = {
        "architecture": name,
        "image_size": 64,
        "takes_image": True,
        "needs_refinement": True,
        "changes": 1.0,
        "parameters": 10,
        "parameters_refined": 10.0,
        "flops_ratio": 2.0,
    }
    return row | changes


TABLE = pd.DataFrame(
    [
        network("a"),
        network("b", changes=2.0, flops_ratio=4.0),
        network("c", changes=None, parameters_refined=None, flops_ratio=None),
        network("d", takes_image=False, needs_refinement=None, changes=None, parameters_refined=None, flops_ratio=None),
        network("e", image_size=224, needs_refinement=False, changes=None, parameters_refined=None, flops_ratio=None),
    ]
)


def test_who_needs_a_refinement_is_counted_by_image_size() -> None:
    first, second = receptive_field_refinement.say_needs(TABLE).points
    assert first == (
        "At 64 pixels, 3 of 3 networks need a refinement (`d` cannot take such images): 1 with one change, "
        "1 with 2 changes, for `c` none suffices."
    )
    assert second == "At 224 pixels, 0 of 1 networks need a refinement."


def test_what_refinements_cost() -> None:
    first, second = receptive_field_refinement.say_costs(TABLE).points
    assert first == (
        "Of 2 refinements, 2 leave the number of parameters as it is. They multiply the operations of one image by 2 "
        "to 4, in the median by 3."
    )
    assert second == "Where one change suffices, the factor is 2, in the median 2."


def test_what_probes_gain_on_both_sides() -> None:
    rows = [
        {"architecture": "a", "seed": seed, "unproductive": 3, "gain_before": 20.0 + seed, "gain_behind": -1.0}
        for seed in (0, 1)
    ]
    rows.append({"architecture": "b", "seed": 0, "unproductive": 0, "gain_before": None, "gain_behind": None})
    first, second = receptive_field_refinement.say_predictions(pd.DataFrame(rows)).points
    assert first == (
        "`a`: 3 convolutions are predicted to be unproductive. Probes gain +20.5 points before the first of them and "
        "-1.0 from there on."
    )
    assert second.startswith("`b`: none of its convolutions")


def test_what_training_shows() -> None:
    row = {
        "architecture": "a",
        "accuracy_original_mean": 80.0,
        "accuracy_refined_mean": 82.0,
        "gain_mean": 2.0,
        "efficiency_original_mean": 160.0,
        "efficiency_refined_mean": 164.0,
        "parameters_original": 500_000,
        "parameters_refined": 500_000,
        "forward_flops_original": 10,
        "forward_flops_refined": 25,
        "n": 1,
    }
    first, second, seeds = receptive_field_refinement.say_trained(pd.DataFrame([row, row | {"gain_mean": 0.5}])).points
    assert first == (
        "`a`: 80.0 % as it is, 82.0 % refined (+2.0 points), with the same parameters and 2.5 times the operations. "
        "That is 160 and 164 points a million parameters."
    )
    assert "(+0.5 points)" in second
    assert seeds == "One seed a network: an indication, without a spread."


def test_nothing_is_said_of_nothing() -> None:
    for say in (
        receptive_field_refinement.say_needs,
        receptive_field_refinement.say_costs,
        receptive_field_refinement.say_predictions,
        receptive_field_refinement.say_trained,
    ):
        assert say(pd.DataFrame()) is NOTHING
