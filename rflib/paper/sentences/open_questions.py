"""Sentences about what the draft promised: the normalised difference, pool dilation, maps of constant size.

Frames come from `rflib.paper.tables`; accuracies are in percent, their differences in points.
"""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, networks, pixels, strength

KNOBS = {"padded": "maps kept by padding", "dilated": "maps kept by dilation"}


def normalised(per_seed: pd.DataFrame, table: pd.DataFrame, *, rate: float = 0.9) -> Sentences:
    """Give (dense - pruned) / dense at every field."""
    if per_seed.empty or table.empty:
        return NOTHING
    chosen = per_seed[(per_seed["rate"] - rate).abs() < 1e-9]
    means = chosen.groupby(["architecture", "pool_kernel"], sort=False)["normalised_difference"].mean().reset_index()
    both = table.merge(means, on=["architecture", "pool_kernel"])
    points = []
    for name, group in networks(both):
        listed = ", ".join(f"{row['normalised_difference']:.3f} at {pixels(row)}" for _, row in group.iterrows())
        points.append(f"`{name}`: {listed}.")
    return Sentences((*points, strength(table)))


def other_knobs(grid: pd.DataFrame, variants: pd.DataFrame) -> Sentences:
    """Say, for each variant and k, what changes beside the paper's network of the same k."""
    if grid.empty or variants.empty:
        return NOTHING
    points = []
    for _, row in variants.sort_values(["map_size", "pool_dilation", "pool_kernel"]).iterrows():
        plain = grid[(grid["architecture"] == row["architecture"]) & (grid["pool_kernel"] == row["pool_kernel"])]
        if not plain.empty:
            points.append(_beside_plain(row, plain.iloc[0]))
    return Sentences((*points, strength(variants))) if points else NOTHING


def constant_maps(grid: pd.DataFrame, variants: pd.DataFrame) -> Sentences:
    """Say how dense accuracy and the cost of pruning change with k when the maps keep their size (RR-24).

    At k = 1 the pool changes nothing and every variant is the paper's network, so both start from its row.
    """
    if grid.empty or variants.empty:
        return NOTHING
    points = []
    kept = variants[variants["map_size"].isin(KNOBS)]
    for (name, map_size), group in kept.groupby(["architecture", "map_size"], sort=False):
        own = grid[grid["architecture"] == name]
        start = own[(own["pool_kernel"] == 1) & ~own["pool_kernel"].isin(group["pool_kernel"])]
        group = pd.concat([start, group]).sort_values("pool_kernel")
        same = own[own["pool_kernel"].isin(group["pool_kernel"])]
        if len(group) > 1 and len(same) == len(group):
            points.append(
                f"`{name}`, k = {group['pool_kernel'].iloc[0]} to {group['pool_kernel'].iloc[-1]}: dense accuracy "
                f"changes by {_changes(same, group, 'dense_mean')} points with {KNOBS[str(map_size)]}, and the loss to "
                f"pruning by {_changes(same, group, 'difference_mean')} points."
            )
    return Sentences((*points, strength(kept))) if points else NOTHING


def _beside_plain(row: pd.Series, plain: pd.Series) -> str:
    what = KNOBS.get(row["map_size"], f"pool dilated by {row['pool_dilation']}")
    parts = [
        f"{label} {row[column]:.{digits}f}{unit} ({plain[column]:.{digits}f}{unit})"
        for label, column, digits, unit in (
            ("field", "receptive_field", 0, " px"),
            ("dead taps", "dead_share", 0, " %"),
            ("dense", "dense_mean", 1, " %"),
            ("lost to pruning", "difference_mean", 1, " points"),
        )
    ]
    return f"{what.capitalize()}, k = {row['pool_kernel']} (in brackets, the paper's network): {', '.join(parts)}."


def _changes(plain: pd.DataFrame, kept: pd.DataFrame, column: str) -> str:
    first, second = (part.sort_values("pool_kernel")[column].iloc[[0, -1]].diff().iloc[-1] for part in (plain, kept))
    return f"{first:+z.1f} points with shrinking maps and by {second:+z.1f}"
