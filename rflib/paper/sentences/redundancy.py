"""Sentences about deep layers: how saturated they are, what pruning them alone costs, and where the best field lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from rflib.paper.say import FEWEST_FOR_AN_INTERVAL, NOTHING, Sentences, ends, over_seeds
from rflib.paper.tables import GUESSING_POINTS, half_width

_WAYS = {"dense": "dense", "pruned": "pruned among all weights", "live": "pruned among live weights"}
_SCOPES = {"global": "all", "live": "live"}


def saturation(table: pd.DataFrame) -> Sentences:
    """Say how saturation and filters of the deep layers move with the pool kernel; takes `tables.deep_layers`."""
    if table.empty:
        return NOTHING
    points = []
    for name, rows in _ends(table[table["rate"] == 0]):
        at = " and ".join(f"{row['saturation_mean']:.0f} % at k = {row['pool_kernel']}" for row in rows)
        points.append(
            f"`{name}`, dense: the deep layers are saturated by {at}; the others by "
            f"{_joined(rows, 'shallow_saturation_mean', '.0f')} %. Their filters' mean |cosine| is "
            f"{_joined(rows, 'similarity_mean', '.3f')}, their effective rank "
            f"{_joined(rows, 'relative_rank_mean', '.0f')} % of the largest possible."
        )
    return Sentences((*points, over_seeds(table)))


def pruned_saturation(table: pd.DataFrame) -> Sentences:
    """Say what pruning makes of the deep layers' saturation; takes `tables.deep_layers`."""
    rates = sorted(table["rate"].unique()) if len(table) else []
    if len(rates) < 2:
        return NOTHING
    keys = ["architecture", "pool_kernel"]
    dense, pruned = (table[table["rate"] == rate].set_index(keys)["saturation_mean"] for rate in (0, rates[-1]))
    points = [
        f"`{name}`, k = {kernel}: {dense[name, kernel]:.0f} % dense, {pruned[name, kernel]:.0f} % pruned at "
        f"{rates[-1]:g}."
        for name, kernel in dense.index
    ]
    return Sentences((*points, over_seeds(table)))


def deep(table: pd.DataFrame, *, rate: float = 0.9) -> Sentences:
    """Say what pruning one part alone costs at the smallest and the largest kernel; takes `tables.deep_pruning`."""
    chosen = table[(table["rate"] - rate).abs() < 1e-9] if len(table) else table
    if chosen.empty:
        return NOTHING
    points = []
    for scope, group in chosen.groupby("scope", sort=False):
        for name, rows in _ends(group):
            costs = " and ".join(
                f"{row['lost_mean']:+z.1f} points at k = {row['pool_kernel']} ({row['dead_share']:.0f} % of its "
                "weights dead)"
                for row in rows
            )
            points.append(
                f"`{name}`, {_counts(rows)} convolutions pruned at {rate:g} among {_SCOPES[str(scope)]} weights: "
                f"this costs {costs}."
            )
    return Sentences((*points, over_seeds(chosen)))


def _counts(rows: list[pd.Series]) -> str:
    """Return how many convolutions are pruned, both numbers where they differ between kernels."""
    return " and ".join(dict.fromkeys(str(row["layers"]) for row in rows))


def best_fields(table: pd.DataFrame) -> Sentences:
    """Say where accuracy peaks, dense and pruned, and how sure that place is; takes `tables.best_fields`."""
    if table.empty:
        return NOTHING
    points = []
    for name, group in table.groupby("architecture", sort=False):
        rows = group.to_dict("records")
        places = [f"{row['receptive_field']:.0f} px {_WAYS[row['way']]}" for row in rows if not _guesses(row)]
        if places:
            points.append(f"`{name}`: among {rows[0]['fields']} fields the best is {', '.join(places)}.")
        points += [f"`{name}`, {_WAYS[row['way']]}: {_optimum(row)}" for row in rows]
    return Sentences((*points, over_seeds(table)))


def _optimum(row: Mapping[Any, Any]) -> str:
    """Say by how much the best field is the best, with the margin's interval from three seeds on."""
    if _guesses(row):
        return f"no field does better than guessing by {GUESSING_POINTS:g} points, so there is no best one."
    margin = f"{row['margin_mean']:.1f} points"
    if row["n"] >= FEWEST_FOR_AN_INTERVAL:
        half = half_width(row["margin_sd"], row["n"])
        margin += f" (95 % interval {row['margin_mean'] - half:+z.1f} to {row['margin_mean'] + half:+z.1f})"
    text = f"{row['accuracy_mean']:.1f} %, {margin} above the second best field and best in "
    text += f"{row['seeds_agreeing']:.0f} % of the seeds."
    if row["at_the_edge"]:
        text += " It lies at the edge of the grid."
    return text


def _guesses(row: Mapping[Any, Any]) -> bool:
    return bool(row["above_guessing"] <= GUESSING_POINTS)


def _ends(table: pd.DataFrame) -> Iterator[tuple[str, list[pd.Series]]]:
    """Yield each network with the rows of its smallest and its largest kernel, one row where it has one kernel."""
    for name, group in table.groupby("architecture", sort=False):
        yield str(name), ends(group.sort_values("pool_kernel"))


def _joined(rows: list[pd.Series], column: str, form: str) -> str:
    return " and ".join(f"{row[column]:{form}}" for row in rows)
