from __future__ import annotations

from typing import Any

import pandas as pd

from rflib.paper.chapters import should_you_go_deeper
from rflib.paper.say import NOTHING


def network(name: str, **changes: Any) -> dict[str, Any]:
    """Return a row of `should_you_go_deeper.productivity`."""
    row = {
        "architecture": name,
        "border": "conv8",
        "tail_layers": 6,
        "layers": 13,
        "saturation_before_mean": 60.0,
        "saturation_tail_mean": 20.0,
        "probe_gain_before_mean": 12.0,
        "probe_gain_tail_mean": 0.4,
        "probe_gain_best_mean": 3.1,
        "n": 1,
    }
    return row | changes


def test_what_lies_on_both_sides_of_a_border() -> None:
    table = pd.DataFrame([network("vgg16"), network("resnet18_no_stem", tail_layers=0)])
    first, second, seeds = should_you_go_deeper.say_borders(table).points
    assert first == (
        "`vgg16`: the border lies at `conv8`, with 6 of 13 convolutions from there on. The best probe before it is "
        "+12.0 points from the first, and the best behind it +3.1 from that; mean saturation is 60 and 20 %."
    )
    assert second == "`resnet18_no_stem` has no border: every one of its 13 convolutions is productive."
    assert seeds == "One seed a network: an indication, without a spread."


def test_what_a_cut_costs_and_saves() -> None:
    row = {
        "architecture": "vgg16",
        "accuracy_full_mean": 90.0,
        "accuracy_truncated_mean": 91.0,
        "gain_mean": 1.0,
        "n": 2,
        "parameters_full": 1000,
        "parameters_truncated": 50,
        "forward_flops_full": 10,
        "forward_flops_truncated": 6,
    }
    first, seeds = should_you_go_deeper.say_truncated(pd.DataFrame([row])).points
    assert first == (
        "`vgg16`: 90.0 % whole, 91.0 % without its tail, with 5 % of the parameters and 60 % of the operations."
    )
    assert seeds == "Means over 2 seeds a network, where the paper takes 10 for truncation."


def test_a_stem_beside_the_paper() -> None:
    row = {"n": 1, "forward_flops": 10.0, "smallest_feasible_pixels": 75.0}
    with_stem = row | {"architecture": "resnet18", "accuracy_mean": 80.0, "reported_accuracy": 84.61}
    without = {
        "architecture": "resnet18_no_stem",
        "accuracy_mean": 90.0,
        "reported_accuracy": 91.95,
        "n": 1,
        "forward_flops": 105.0,
        "smallest_feasible_pixels": 19.0,
    }
    first, _ = should_you_go_deeper.say_stems(pd.DataFrame([with_stem, without])).points
    assert first == (
        "`resnet18`: 80.0 % with its stem, 90.0 % without (+10.0 points; the paper +7.3), at 10.5 times the "
        "operations. The smallest image without an unproductive layer has 75 px with the stem and 19 px without."
    )


def test_what_the_deeper_half_adds_at_both_ends() -> None:
    rows = [
        {"architecture": "rf_vgg19", "pool_kernel": 4, "gain_mean": -0.5, "n": 1},
        {"architecture": "rf_vgg19", "pool_kernel": 1, "gain_mean": 9.0, "n": 2},
        {"architecture": "rf_resnet50", "pool_kernel": 2, "gain_mean": 3.0, "n": 2},
    ]
    first, second, seeds = should_you_go_deeper.say_gains(pd.DataFrame(rows)).points
    assert first == (
        "`rf_vgg19`: the deeper half adds +9.0 points at k = 1 and -0.5 points at k = 4 to the best probe of the first "
        "half."
    )
    assert second.endswith("adds +3.0 points at k = 2 to the best probe of the first half.")
    assert seeds == "Means over 1 to 2 seeds a network."
    assert should_you_go_deeper.say_gains(pd.DataFrame(rows[1:])).points[-1].startswith("Means over 2 seeds")


def test_nothing_is_said_of_nothing() -> None:
    for say in (
        should_you_go_deeper.say_borders,
        should_you_go_deeper.say_truncated,
        should_you_go_deeper.say_stems,
        should_you_go_deeper.say_gains,
    ):
        assert say(pd.DataFrame()) is NOTHING
