"""Sentences about the networks themselves: labels, parameters, dead taps, pixels that never reach the output."""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, networks

# A pool that crops leaves less than this share of the pixels; float division makes 100 inexact.
_WHOLE_INPUT = 99.999


def labels(table: pd.DataFrame) -> Sentences:
    """Say how many of the paper's labels are the computed field plus one, and name the others."""
    known = table.dropna(subset=["label"]) if not table.empty else table
    if known.empty:
        return NOTHING
    apart = known["label"].astype(float) - known["receptive_field"]
    first = f"Of {len(known)} labels, {int((apart == 1).sum())} are the computed field plus one pixel."
    others = [
        f"k = {row['pool_kernel']}: label {row['label']:.0f}, computed {row['receptive_field']:.0f}"
        for _, row in known[apart != 1].iterrows()
    ]
    return Sentences((first, f"The others: {'; '.join(others)}.") if others else (first,))


def parameters(table: pd.DataFrame) -> Sentences:
    """Say whether the number of parameters is the same at every field, and how far the networks differ."""
    if table.empty:
        return NOTHING
    points = []
    for name, group in networks(table):
        counts = group["parameters"]
        same = f"{counts.iloc[0]:,} parameters at every field"
        points.append(f"`{name}` has {same if counts.nunique() == 1 else f'{counts.min():,} to {counts.max():,}'}.")
    sizes = table.groupby("architecture")["parameters"].first()
    if len(sizes) > 1:
        points.append(f"The largest network has {sizes.max() / sizes.min():.2f} times the parameters of the smallest.")
    return Sentences(tuple(points))


def dead_taps(table: pd.DataFrame) -> Sentences:
    """Say between which neighbouring fields the share of dead taps rises most, and what happens to the map there."""
    if table.empty:
        return NOTHING
    return Sentences(tuple(_steepest(name, group) for name, group in networks(table)))


def unseen_input(table: pd.DataFrame) -> Sentences:
    """Say at which fields a part of the image never reaches the output."""
    if table.empty:
        return NOTHING
    points = []
    for name, group in networks(table[table["input_share"] < _WHOLE_INPUT]):
        parts = [f"{row['input_share']:.0f} % at k = {row['pool_kernel']}" for _, row in group.iterrows()]
        elsewhere = "; elsewhere all can" if len(group) < (table["architecture"] == name).sum() else ""
        points.append(f"`{name}`: of the image's pixels, {', '.join(parts)} can reach the output{elsewhere}.")
    return Sentences(tuple(points) or ("At every field of this grid the whole image can reach the output.",))


def _steepest(name: str, group: pd.DataFrame) -> str:
    rises = group["dead_share"].diff().fillna(0).tolist()
    step = rises.index(max(rises))
    if rises[step] <= 0:
        share = group["dead_share"].iloc[0]
        return f"`{name}`: the share of dead taps does not rise over these fields; it is {share:.0f} %."
    before, after = group.iloc[step - 1], group.iloc[step]
    return (
        f"`{name}`: the share rises most from k = {before['pool_kernel']} to k = {after['pool_kernel']}, from "
        f"{before['dead_share']:.0f} % to {after['dead_share']:.0f} %. The side of the last map goes from "
        f"{before['last_map_size']} to {after['last_map_size']} px there."
    )
