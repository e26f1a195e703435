from __future__ import annotations

import pandas as pd

from rflib.paper.chapters.pruning_rates import say_accuracies as accuracies

NOTHING = "This profile holds no measurements for this picture."


def test_accuracies_are_listed_from_the_smallest_field_to_the_largest() -> None:
    table = pd.DataFrame(
        {
            "architecture": "rf_vgg19",
            "pool_kernel": [2, 1],
            "receptive_field": [358.0, 180.0],
            "dense_mean": [78.4, 84.2],
            "pruned_mean": [10.1, float("nan")],
            "live_mean": [9.6, 10.4],
        }
    )
    assert accuracies(table) == (
        "rf_vgg19 at k = 1, 2: 84, 78 % dense; –, 10 % pruned among all weights; 10, 10 % among live weights."
    )
    assert accuracies(pd.DataFrame()) == NOTHING
