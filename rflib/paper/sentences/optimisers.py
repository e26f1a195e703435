"""Sentences about optimisers: what they cost, what pruning takes from their networks, and what goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, magnitude, strength, value
from rflib.paper.tables import FAMILIES, GUESSING_POINTS

_SECOND = "second order"
_NAMES = {
    "largest": "the largest eigenvalue",
    "trace": "the trace",
    "sam": "SAM's sharpness",
    "asam": "ASAM's sharpness",
    "filter_similarity": "the similarity of filters",
    "relative_rank": "the relative rank of filters",
    "largest_pruned": "the largest eigenvalue after pruning",
    "trace_pruned": "the trace after pruning",
}


def accuracy(table: pd.DataFrame, *, guess: float = 10.0) -> Sentences:
    """Say how accurate each optimiser's networks are, dense and pruned, and at what cost; takes `tables.by_optimiser`.

    `guess` is the accuracy of guessing, in percent.
    """
    if table.empty:
        return NOTHING
    points = [_accuracies(row) for _, row in table.iterrows()]
    floor = (
        f"Networks that end within {GUESSING_POINTS:g} points of guessing ({guess:g} %), pruned globally: "
        f"{(table['pruned_mean'] <= guess + GUESSING_POINTS).sum()} of {len(table)}."
    )
    return Sentences((*points, floor, strength(table)))


def prunability(table: pd.DataFrame) -> Sentences:
    """Say what pruning takes from second-order networks beside the others, by field; takes `tables.by_optimiser`."""
    points = []
    for kernel, group in table.groupby("pool_kernel") if len(table) else ():
        second, others = (group[(group["kind"] == _SECOND) == wanted] for wanted in (True, False))
        if second.empty or others.empty:
            continue
        plain, live = (second[f"{loss}_mean"].mean() - others[f"{loss}_mean"].mean() for loss in ("lost", "lost_live"))
        points.append(
            f"At k = {kernel} pruning takes {plain:+z.1f} points from second-order networks ({_listed(second)}) beyond "
            f"what it takes from the others ({_listed(others)}); among live weights {live:+z.1f}."
        )
    return Sentences((*points, strength(table))) if points else NOTHING


def recovery(table: pd.DataFrame) -> Sentences:
    """Say how the pruned accuracy of each optimiser moves from the smallest field to the largest."""
    points = []
    for name, group in table.groupby("optimiser", sort=False) if len(table) else ():
        first, last = (group.sort_values("pool_kernel").iloc[place] for place in (0, -1))
        if first["pool_kernel"] == last["pool_kernel"]:
            continue
        moves = [last[f"{quantity}_mean"] - first[f"{quantity}_mean"] for quantity in ("pruned", "live", "dense")]
        points.append(
            f"`{name}` ({FAMILIES[str(name)]}): from k = {first['pool_kernel']} to k = {last['pool_kernel']} pruned "
            f"accuracy changes by {moves[0]:+z.1f} points, among live weights by {moves[1]:+z.1f}, dense accuracy by "
            f"{moves[2]:+z.1f}."
        )
    return Sentences((*points, strength(table))) if points else NOTHING


def solutions(table: pd.DataFrame) -> Sentences:
    """Say how sharp and how diverse the solutions of each kind of optimiser are; takes `tables.by_optimiser`."""
    if table.empty or "largest_mean" not in table:
        return NOTHING
    points = []
    for name, group in table.groupby("optimiser", sort=False):
        cells = [
            f"{what} {' and '.join(magnitude(each) for each in group.sort_values('pool_kernel')[f'{quantity}_mean'])}"
            for quantity, what in (
                ("largest", "largest eigenvalue"),
                ("trace", "trace"),
                ("asam", "ASAM's sharpness"),
                ("filter_similarity", "mean |cosine| of filters"),
            )
        ]
        points.append(f"`{name}`: {'; '.join(cells)}.")
    kernels = ", ".join(str(kernel) for kernel in sorted(table["pool_kernel"].unique()))
    return Sentences((f"In the order of k = {kernels}:", *points, strength(table)))


def explanations(table: pd.DataFrame) -> Sentences:
    """Give the rank correlation of each quantity with what pruning takes; takes `tables.explanations`."""
    if table.empty:
        return NOTHING
    points = [
        f"k = {kernel}, rank correlation with the lost accuracy over {int(group['optimisers'].iloc[0])} optimisers: "
        f"{_named(group, 'lost')} "
        f"Among live weights: {_named(group, 'lost_live')}"
        for kernel, group in table.groupby("pool_kernel")
    ]
    caution = (
        "A rank correlation over a handful of optimisers is often large by chance, and the more so the largest of "
        "several: the claims name their two quantities beforehand."
    )
    return Sentences((*points, caution, strength(table)))


def _accuracies(row: pd.Series) -> str:
    epochs = "one epoch" if row["epochs"] == 1 else f"{row['epochs']} epochs"
    return (
        f"`{row['optimiser']}`, k = {row['pool_kernel']}: {value(row, 'dense')} dense, {value(row, 'pruned')} pruned, "
        f"{value(row, 'live')} pruned among live weights, after {epochs} at the gradient evaluations of "
        f"{row['evaluations']:g} of SGD."
    )


def _listed(table: pd.DataFrame) -> str:
    return ", ".join(f"`{name}`" for name in table["optimiser"])


def _named(group: pd.DataFrame, loss: str) -> str:
    """List the quantities with their correlation with the loss."""
    named = [f"{name} ({correlation:+z.2f})" for name, correlation in _correlations(group, loss)]
    return f"{', '.join(named)}." if named else "none, since the loss does not vary."


def _correlations(group: pd.DataFrame, loss: str) -> Iterator[tuple[str, float]]:
    for _, row in group.iterrows():
        if not isnan(row[f"{loss}_mean"]):
            yield _NAMES[row["quantity"]], float(row[f"{loss}_mean"])
