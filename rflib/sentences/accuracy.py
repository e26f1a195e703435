"""Sentences about accuracy: how it moves with the field, what pruning costs, how much of that was dead weight.

Every function takes frames of `rflib.tables` and states what they hold; accuracies are in percent, differences of
accuracies in points. Nothing is claimed beyond the ends of a grid, the order over it and the number of seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import pandas as pd

from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import NOTHING, ends, moves, networks, pixels, strength, value
from rflib.tables import GUESSING_POINTS


def dense_accuracy(table: pd.DataFrame) -> Sentences:
    """Say how dense accuracy moves from the smallest to the largest field, measured and in the paper."""
    return moves(table, "dense", "dense accuracy", "%")


def cost_of_pruning(table: pd.DataFrame) -> Sentences:
    """Say how dense minus pruned moves from the smallest to the largest field, measured and in the paper."""
    return moves(table, "difference", "the accuracy lost to pruning", "points")


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


def verdict(table: pd.DataFrame, *, classes: int, large_dead_share: float = 20.0) -> Sentences:
    """Say, where many taps are dead, whether the accuracy that survives pruning survives the control as well.

    What is kept is counted as a share of what the dense network has above guessing among `classes`; less than a quarter
    is called little, and the control is said to take most of it if less than half of that remains. `large_dead_share`
    is in percent.
    """
    if table.empty:
        return NOTHING
    points = []
    for name, group in networks(table):
        affected = group[group["dead_share"] >= large_dead_share]
        if affected.empty:
            points.append(
                f"`{name}`: no field of this grid leaves {large_dead_share:g} % of the taps dead, so dead taps explain "
                f"little here."
            )
        points += [_row_verdict(name, row, classes) for _, row in affected.iterrows()]
    return Sentences((*points, strength(table)))


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
    """Say what fine-tuning brings back at the ends of each grid, and how the gap that is left moves with the field."""
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
    return Sentences(tuple(points)) + moves(table, "difference", "the gap that is left", "points") + seeds(table)


def longer_fine_tuning(short: pd.DataFrame, long: pd.DataFrame) -> Sentences:
    """Say whether the longer fine-tuning ends above the shorter one, measured and in the paper."""
    if short.empty or long.empty:
        return NOTHING
    both = short.merge(long, on=["architecture", "pool_kernel"], suffixes=("_short", "_long"))
    points = []
    for where, column in (("Here", "fine_tuned_mean"), ("In the paper", "fine_tuned_reported_mean")):
        if f"{column}_long" in both:
            gains = (both[f"{column}_long"] - both[f"{column}_short"]).dropna()
            points += [_gains(where, gains)] if len(gains) else []
    return Sentences((*points, strength(long)))


def kept_shares(row: pd.Series, classes: int) -> tuple[float, float] | None:
    """Return which shares of what a network had above guessing are left by pruning among all, and among live weights.

    None for a network within a few points of guessing: it has nothing to lose.
    """
    guess = 100 / classes
    above = row["dense_mean"] - guess
    if above <= GUESSING_POINTS:
        return None
    plain, live = (min(max((row[f"{column}_mean"] - guess) / above, 0.0), 1.0) for column in ("pruned", "live"))
    return plain, live


def _guessing(table: pd.DataFrame, classes: int) -> str:
    guess = 100 / classes
    counts = {c: int((table[f"{c}_mean"] <= guess + GUESSING_POINTS).sum()) for c in ("pruned", "live", "layerwise")}
    return (
        f"Networks that end within {GUESSING_POINTS:g} points of guessing ({guess:g} %), out of {len(table)}: "
        f"{counts['pruned']} when all weights are ranked together, {counts['live']} when only live weights are, "
        f"{counts['layerwise']} when each layer is ranked on its own."
    )


def _row_verdict(name: str, row: pd.Series, classes: int) -> str:
    start = f"`{name}` at {pixels(row)}, {row['dead_share']:.0f} % of its taps dead"
    kept = kept_shares(row, classes)
    if kept is None:
        return f"{start}: the dense network itself hardly does better than guessing, so nothing follows."
    shares = " and ".join(f"{100 * share:.0f} %" for share in kept)
    return f"{start}, keeps {shares} of what it had above guessing, without and with the control. {_reading(*kept)}"


def _reading(plain: float, live: float) -> str:
    if plain < 0.25:
        return "Little survives plain pruning, so there is no robustness to explain."
    if live < plain / 2:
        return "Most of what survives plain pruning is gone when the same share of the live weights goes."
    return "More than half of what survives plain pruning survives the control: dead taps explain a part at most."


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
        f"lower for {lower}; the change lies between {gains.min():+.1f} and {gains.max():+.1f} points."
    )
