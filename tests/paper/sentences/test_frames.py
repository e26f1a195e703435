from __future__ import annotations

import pandas as pd

from rflib.paper.chapters.loss_landscape import say_spectrum as spectrum
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


def test_a_spectrum_is_told_by_its_ends_before_and_after_training() -> None:
    rows = [
        ("rf_vgg19", 4, "initial", "batch", 700.0, 200.0),
        ("rf_vgg19", 4, "initial", "batch", 800.0, 210.0),
        ("rf_vgg19", 4, "last", "batch", 10.46, 0.5),
        ("rf_vgg19", 4, "last", "frozen", 95.0, 1.0),
        ("rf_vgg19", 3, "last", "batch", 19.0, 2.0),
    ]
    columns = ["architecture", "pool_kernel", "checkpoint", "batch_statistics", "largest", "smallest"]
    summary = pd.DataFrame(rows, columns=columns).assign(eigenvalues=90)
    assert spectrum(summary, architecture="rf_vgg19", pool_kernel=4) == (
        "rf_vgg19 at k = 4: the largest eigenvalue before training is 750 and number 90 is 205, "
        "the largest eigenvalue after it is 10.5 and number 90 is 0.5."
    )
    assert "before training" not in spectrum(summary, architecture="rf_vgg19", pool_kernel=3)
    assert spectrum(summary, architecture="rf_vgg19", pool_kernel=2) == NOTHING
    assert spectrum(pd.DataFrame(), architecture="rf_vgg19", pool_kernel=2) == NOTHING
