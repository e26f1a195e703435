"""Sentences about fields far larger than the image, and about width and depth.

Frames come from `rflib.paper.tables`; accuracies are in percent, their differences in points.
"""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, pixels, strength, value
from rflib.paper.tables import GUESSING_POINTS

_NETWORK = ["architecture", "pool_kernel"]


def collapse(large: pd.DataFrame, grid: pd.DataFrame, changes: pd.DataFrame, *, classes: int) -> Sentences:
    """Say how far dense accuracy falls from the smallest field of the grid to the large ones.

    `large` and `grid` are `tables.accuracy_and_pruning` for the two purposes, `changes` is
    `tables.beside_the_smallest`.
    """
    if large.empty:
        return NOTHING
    large = large.sort_values("receptive_field")
    same = grid[grid["architecture"].isin(large["architecture"])] if not grid.empty else grid
    points = []
    if not same.empty:
        small = same.sort_values("receptive_field").iloc[0]
        points.append(f"At {pixels(small)}, the smallest field measured, dense accuracy is {value(small, 'dense')}.")
    if not changes.empty:
        paired = large.merge(changes[["architecture", "pool_kernel", "change_mean"]])
        listed = ", ".join(f"{row['change_mean']:+z.1f} at {pixels(row)}" for _, row in paired.iterrows())
        points.append(f"Points gained or lost beside that, seed by seed: {listed}.")
    guess = 100 / classes
    points.append(
        f"Large-field networks within {GUESSING_POINTS:g} points of guessing ({guess:g} %): "
        f"{(large['dense_mean'] <= guess + GUESSING_POINTS).sum()} of {len(large)}."
    )
    return Sentences((*points, strength(large)))


def equality(large: pd.DataFrame, per_seed: pd.DataFrame, *, rate: float = 0.9) -> Sentences:
    """Say what pruning takes at large fields, and how many of the live weights must go for it.

    At a share d of dead taps, pruning a share r must take at least (r - d) / (1 - d) of the live weights. `per_seed`
    is `tables.one_shot` for the same networks.
    """
    if large.empty or per_seed.empty:
        return NOTHING
    large = large.sort_values("receptive_field")
    listed = ", ".join(f"{row['difference_mean']:+z.2f} at {pixels(row)}" for _, row in large.iterrows())
    points = [f"Dense minus pruned, in points: {listed}; the paper prints zero, with zero spread, for every network."]
    points += [_live_part(row, per_seed, rate) for _, row in large.iterrows()]
    return Sentences((*points, _can_all_be_dead(large, rate), strength(large)))


def widths(table: pd.DataFrame) -> Sentences:
    """Say what twice and thrice the width gain at each field."""
    if table.empty:
        return NOTHING
    points: list[str] = []
    for field in sorted(table["receptive_field"].unique()):
        group = table[table["receptive_field"] == field]
        group = group.sort_values("width_multiple")
        first = group.iloc[0]
        steps = [f"{value(row, 'dense')} at {row['width_multiple']} times" for _, row in group.iloc[1:].iterrows()]
        if steps:
            points.append(
                f"At {field:.0f} px dense accuracy goes from {value(first, 'dense')} at the profile's own width to "
                f"{', '.join(steps)} that width."
            )
    return Sentences((*points, strength(table)))


def pending(table: pd.DataFrame) -> Sentences:
    """Give the measured value of the cell that the paper leaves pending."""
    cell = table[table["pending"]] if not table.empty else table
    if cell.empty:
        return Sentences(("This profile does not measure the cell that the paper leaves pending.",))
    row = cell.iloc[0]
    return Sentences(
        (
            f"The pending cell, {row['label']} px by the paper's label at {row['width_multiple']} times the width, is "
            f"{value(row, 'dense')} here, on this profile's data.",
        )
    )


def depth(table: pd.DataFrame) -> Sentences:
    """Say how the shallower network compares at equal k and at the nearest field (`tables.depth`)."""
    names = list(table["architecture"].unique()) if not table.empty else []
    if len(names) < 2:
        return NOTHING
    sizes = table.groupby("architecture")["receptive_field"].min()
    deep = table[table["architecture"] == sizes.idxmax()]
    shallow = table[table["architecture"] == sizes.idxmin()]
    points = []
    for _, row in deep.sort_values("receptive_field").iterrows():
        equal = shallow[shallow["pool_kernel"] == row["pool_kernel"]]
        if not equal.empty:
            points.append(f"At equal k = {row['pool_kernel']}: {_against(equal.iloc[0], row)}")
            nearest = shallow.loc[(shallow["receptive_field"] - row["receptive_field"]).abs().idxmin()]
            if nearest["pool_kernel"] != row["pool_kernel"]:
                points.append(f"At the nearest field measured: {_against(nearest, row)}")
    return Sentences((*points, strength(table))) if points else NOTHING


def _live_part(row: pd.Series, per_seed: pd.DataFrame, rate: float) -> str:
    runs = per_seed[(per_seed[_NETWORK] == row[_NETWORK]).all(axis=1) & ((per_seed["rate"] - rate).abs() < 1e-9)]
    dead, share = row["dead_share"] / 100, runs["pruned_dead_share"].mean() / 100
    live = rate * (1 - share) / (1 - dead)
    return (
        f"{pixels(row)}: {row['dead_share']:.0f} % of the taps are dead; of what was pruned {100 * share:.0f} % was "
        f"dead, and {100 * live:.0f} % of the live weights went. Accuracy: {value(row, 'dense')} dense, "
        f"{value(row, 'pruned')} pruned, {value(row, 'live')} under the control."
    )


def _can_all_be_dead(large: pd.DataFrame, rate: float) -> str:
    most = large["dead_share"].max()
    live = max(0.0, 100 * (100 * rate - most) / (100 - most))
    return (
        f"At most {most:.0f} % of the taps are dead, and {100 * rate:.0f} % are pruned: at least {live:.0f} % of the "
        f"live weights go everywhere."
    )


def _against(shallow: pd.Series, deep: pd.Series) -> str:
    gap = shallow["dense_mean"] - deep["dense_mean"]
    return (
        f"`{shallow['architecture']}` ({pixels(shallow)}) has {value(shallow, 'dense')}, {gap:+z.1f} points from "
        f"`{deep['architecture']}` ({pixels(deep)}) with {value(deep, 'dense')}."
    )
