"""Cells of pruned accuracy, one network at one rate each, as evidence for claims of several chapters.

Where pruned networks guess at every field, fields can be in no order, whatever is claimed: such a cell decides
nothing. Never more than the cell is left out for it.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from rflib.paper.verdicts.assessment import floor, trend
from rflib.paper.verdicts.evidence import TREND, Evidence
from rflib.paper.verdicts.margins import GUESSING_POINTS, NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import Readings, by_seed

NOTHING_LEFT = "pruned networks guess at every field and rate"
_MARGIN = (
    f"The means must change by more than {NOTICEABLE_POINTS:g} point, and by more than the choice of the test images "
    "makes."
)
TREND_OF_ACCURACY = f"{TREND} {_MARGIN} The family is every network and image size."
TREND_OF_CELLS = (
    f"Where pruned networks guess at every field, within {GUESSING_POINTS:g} points, nothing is decided. "
    f"{TREND_OF_ACCURACY}"
)


def known(found: Iterable[Evidence | None]) -> list[Evidence]:
    """Return what is there."""
    return [each for each in found if each is not None]


def accuracy_trend(readings: Readings, where: str, group: pd.DataFrame, value: str, expected: int) -> Evidence | None:
    """Return the trend of an accuracy, or of a difference of accuracies, over the pool kernels."""
    return trend(where, by_seed(group, value), expected, images=readings.test_images[group["role"].iloc[0]])


def cell(readings: Readings, where: str, group: pd.DataFrame, way: str, value: str, expected: int) -> Evidence | None:
    """Return a trend at one rate; a floor where networks pruned in this way guess at every field."""
    means = group.groupby("pool_kernel")[way].mean().dropna()
    if len(means) > 1 and readings.guesses(group["role"].iloc[0], means):
        rate = group["rate"].iloc[0]
        return floor(where, expected, f"pruned networks guess at every field at rate {rate:g}")
    return accuracy_trend(readings, where, group, value, expected)


def over_rates(readings: Readings, where: str, kept: pd.DataFrame, value: str, expected: int) -> Evidence | None:
    """Return the trend of the mean over the rates that are given; a floor where there is none."""
    if kept.empty:
        return floor(where, expected, NOTHING_LEFT)
    keys = ["role", "pool_kernel", "seed"]
    means = kept.groupby(keys, sort=False)[value].mean().reset_index()
    return accuracy_trend(readings, where, means, value, expected)
