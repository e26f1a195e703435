"""Sentences about accuracy: how it moves with the field, what pruning costs, how much of that was dead weight.

Every function takes frames of `rflib.paper.tables` and states what they hold; accuracies are in percent, differences of
accuracies in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, by_field, ends, networks, pixels, strength, value
from rflib.paper.tables import GUESSING_POINTS


def dense_accuracy(table: pd.DataFrame) -> Sentences:
    """Give dense accuracy at every field."""
    return by_field(table, "dense", "dense accuracy", "%")


def cost_of_pruning(table: pd.DataFrame) -> Sentences:
    """Give dense minus pruned at every field."""
    return by_field(table, "difference", "the accuracy lost to pruning", "points")


def seeds(table: pd.DataFrame) -> Sentences:
    """Say how far the number of seeds behind a table carries."""
    return NOTHING if table.empty else Sentences((strength(table),))


def control(table: pd.DataFrame, *, classes: int) -> Sentences:
    """Say what the control, the same rate among live weights, leaves at the ends of each grid.

    Ends with the number of networks that only guess among `classes`, for each of the three rankings.
    """
    if table.empty:
        return NOTHING
    points = []
    for name, group in networks(table):
        parts = [
            f"at {pixels(row)}, {value(row, 'pruned')} when all weights are ranked and {value(row, 'live')} when only "
            f"live weights are (dense {value(row, 'dense')})"
            for row in ends(group)
        ]
        points.append(f"`{name}` keeps, {'; '.join(parts)}.")
    return Sentences((*points, _guessing(table, classes)))


def dead_among_pruned(per_seed: pd.DataFrame, table: pd.DataFrame, rates: Sequence[float] = (0.8, 0.9)) -> Sentences:
    """Say how much of what was pruned was dead, and which share of the live weights went with it.

    `per_seed` is `tables.one_shot`; `table` gives the fields and their shares of dead taps.
    """
    if per_seed.empty or table.empty:
        return NOTHING
    points = []
    for name, group in networks(table):
        for row in ends(group):
            runs = per_seed[(per_seed["architecture"] == name) & (per_seed["pool_kernel"] == row["pool_kernel"])]
            parts = [part for rate in rates if (part := _dead_part(runs, rate, row["dead_share"]))]
            if row["dead_share"] == 0:
                parts = ["no tap is dead, so a rate is the share of live weights that goes"]
            points.append(f"`{name}` at {pixels(row)}: {'; '.join(parts)}.")
    return Sentences(tuple(points))


def selection(curves: pd.DataFrame) -> Sentences:
    """Say how much runs gain when the best test epoch takes the place of the last (`tables.training_curves`)."""
    if curves.empty:
        return NOTHING
    runs = curves.groupby(["architecture", "pool_kernel", "seed"], sort=False)["test_accuracy"]
    gains = runs.max() - runs.last()
    return Sentences(
        (
            f"Each run's best test epoch in the place of its last would raise dense accuracy by {gains.mean():.1f} "
            f"points on average and by {gains.max():.1f} at most (runs: {len(gains)}). That gain is owed to choosing "
            f"on the test set.",
        )
    )


def fine_tuning(table: pd.DataFrame) -> Sentences:
    """Say what fine-tuning brings back at the ends of each grid, and which gap is left at every field."""
    if table.empty:
        return NOTHING
    points = []
    for name, group in networks(table):
        parts = [
            f"at {pixels(row)} from {value(row, 'one_shot')} to {value(row, 'fine_tuned')} (dense "
            f"{value(row, 'dense')})"
            for row in ends(group)
        ]
        points.append(f"`{name}`: fine-tuning brings the pruned network, {' and '.join(parts)}.")
    return Sentences(tuple(points)) + by_field(table, "difference", "the gap that is left", "points") + seeds(table)


def longer_fine_tuning(short: pd.DataFrame, long: pd.DataFrame) -> Sentences:
    """Say by how much the longer fine-tuning ends above the shorter one, measured and in the paper."""
    if short.empty or long.empty:
        return NOTHING
    both = short.merge(long, on=["architecture", "pool_kernel"], suffixes=("_short", "_long"))
    points = []
    for where, column in (("Here", "fine_tuned_mean"), ("In the paper", "fine_tuned_reported_mean")):
        if f"{column}_long" in both:
            gains = (both[f"{column}_long"] - both[f"{column}_short"]).dropna()
            points += [_gains(where, gains)] if len(gains) else []
    return Sentences((*points, strength(long)))


def _guessing(table: pd.DataFrame, classes: int) -> str:
    guess = 100 / classes
    counts = {c: int((table[f"{c}_mean"] <= guess + GUESSING_POINTS).sum()) for c in ("pruned", "live", "layerwise")}
    return (
        f"Networks that end within {GUESSING_POINTS:g} points of guessing ({guess:g} %), out of {len(table)}: "
        f"{counts['pruned']} when all weights are ranked together, {counts['live']} when only live weights are, "
        f"{counts['layerwise']} when each layer is ranked on its own."
    )


def _dead_part(runs: pd.DataFrame, rate: float, dead_share: float) -> str:
    dead = runs[(runs["rate"] - rate).abs() < 1e-9]["pruned_dead_share"].mean()
    if isnan(dead):
        return ""
    live = 100 * rate * (1 - dead / 100) / (1 - dead_share / 100)
    return f"at rate {rate:g}, {dead:.0f} % of the pruned weights were dead, and {live:.0f} % of the live weights went"


def _gains(where: str, gains: pd.Series) -> str:
    higher, lower = int((gains > 0).sum()), int((gains < 0).sum())
    return (
        f"{where}, the longer fine-tuning ends higher than the shorter one for {higher} of {len(gains)} networks and "
        f"lower for {lower}; the change lies between {gains.min():+z.1f} and {gains.max():+z.1f} points."
    )
