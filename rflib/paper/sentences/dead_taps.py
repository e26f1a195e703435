"""Dead taps put to the test, in numbers: what larger fields keep among all weights and among those that can learn.

Frames come from `rflib.paper.tables`. "Kept" is the accuracy above guessing that pruning leaves, as a share of the
dense network's, averaged over the rates (`tables.tolerance`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan, sqrt

import pandas as pd
from scipy.stats import t as student

from rflib.paper.say import FEWEST_RANKED, NOTHING, Sentences, networks, pixels, strength, value
from rflib.paper.sentences.open_questions import KNOBS
from rflib.paper.tables import trend
from rflib.paper.verdicts.margins import FEW_DEAD, MANY_DEAD


def paired(per_seed: pd.DataFrame, table: pd.DataFrame) -> Sentences:
    """Say how plain and controlled pruning differ within the same runs where many taps are dead.

    Every pair is one trained network at one rate; the interval is over networks and seeds, each averaged over rates.
    Where no tap is dead both rankings are one, and there is nothing to compare.
    """
    if per_seed.empty or table.empty:
        return NOTHING
    gaps = per_seed.assign(gap=per_seed["pruned"] - per_seed["live"]).merge(
        table[["architecture", "pool_kernel", "dead_share"]], on=["architecture", "pool_kernel"]
    )
    runs = gaps.groupby(["architecture", "pool_kernel", "seed", "dead_share"])["gap"].mean().reset_index()
    values = runs[runs["dead_share"] >= MANY_DEAD]["gap"]
    return Sentences((f"In networks with at least {MANY_DEAD:g} % dead taps: {_gap(values)}",))


def few_dead_taps(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Say what is kept at every field among networks that have hardly any dead taps.

    `tables` maps titles to `tables.tolerance`.
    """
    points = []
    for title, name, group in _grids({t: table[table["dead_share"] < FEW_DEAD] for t, table in _held(tables).items()}):
        listed = ", ".join(f"{value(row, 'kept')} at {pixels(row)}" for _, row in group.iterrows())
        points.append(f"{title}, `{name}`, fields with fewer than {FEW_DEAD:g} % dead taps: kept {listed}.")
    return Sentences(tuple(points)) if points else NOTHING


def same_field(grid: pd.DataFrame, variants: pd.DataFrame) -> Sentences:
    """Say what is kept at the same field when the maps do not shrink, and at the smallest field of the grid.

    Both are `tables.tolerance`. Only pairs in which the paper's network has many dead taps and the variant has few.
    """
    if grid.empty or variants.empty:
        return NOTHING
    keys = ["architecture", "pool_kernel"]
    both = variants[variants["dead_share"] < FEW_DEAD].merge(
        grid[grid["dead_share"] >= MANY_DEAD][[*keys, "receptive_field", "kept_mean", "dead_share"]],
        on=[*keys, "receptive_field"],
        suffixes=("", "_plain"),
    )
    points = [_beside_the_smallest(row, grid) for _, row in both.iterrows()]
    return Sentences((*points, strength(variants))) if points else NOTHING


def correlations(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Give the rank correlation, over all networks, of what is kept with the dead taps and with the field."""
    every = pd.concat([*_held(tables).values()]) if _held(tables) else pd.DataFrame()
    if len(every) < FEWEST_RANKED:
        return NOTHING

    def rank(x: str, y: str) -> str:
        correlation = trend(every[x].tolist(), every[y].tolist())
        return "none (constant)" if isnan(correlation) else f"{correlation:+z.2f}"

    return Sentences(
        (
            f"Over all {len(every)} networks, the rank correlation of what plain pruning keeps is "
            f"{rank('dead_share', 'kept_mean')} with the share of dead taps and {rank('receptive_field', 'kept_mean')} "
            f"with the field.",
            f"Of what the control keeps it is {rank('dead_share', 'kept_live_mean')} with the share of dead taps and "
            f"{rank('receptive_field', 'kept_live_mean')} with the field. Field and dead taps grow together, so these "
            f"numbers describe and do not separate them.",
        )
    )


def advantages(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Say what the largest field of each network keeps beyond the smallest, among all weights and among live ones.

    `tables` maps titles to `tables.advantage`; the maps shrink as in the paper.
    """
    points = []
    for title, table in _held(tables).items():
        shrinking = table[(table["map_size"] == "shrinking") & (table["pool_dilation"] == 1)]
        points += [f"{title}, `{name}`: {_advantage(group.iloc[-1])}" for name, group in networks(shrinking)]
    return Sentences(tuple(points)) if points else NOTHING


def _held(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {title: table for title, table in tables.items() if not table.empty}


def _grids(tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield title, network and rows by field, of every network that has more than one."""
    for title, table in tables.items():
        for name, group in networks(table):
            if len(group) > 1:
                yield title, name, group


def _gap(values: pd.Series) -> str:
    """Describe plain minus controlled accuracy over runs, with a Student interval from three runs on."""
    if values.empty:
        return "this profile has none."
    text = f"averaged over the rates, plain pruning leaves {values.mean():+z.1f} points beside the control"
    if len(values) < 3:
        return f"{text} (runs: {len(values)})."
    half_width = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / sqrt(len(values))
    return f"{text} (runs: {len(values)}; 95 % interval of the mean over runs: ± {half_width:.1f})."


def _beside_the_smallest(row: pd.Series, grid: pd.DataFrame) -> str:
    smallest = grid[grid["architecture"] == row["architecture"]].sort_values("receptive_field").iloc[0]
    return (
        f"`{row['architecture']}` at {pixels(row)}: with shrinking maps and {row['dead_share_plain']:.0f} % dead taps "
        f"pruning leaves {row['kept_mean_plain']:.0f} %, with {KNOBS[row['map_size']]} and {row['dead_share']:.0f} % "
        f"it leaves {row['kept_mean']:.0f} %. At {pixels(smallest)}, the smallest field, it leaves "
        f"{smallest['kept_mean']:.0f} %."
    )


def _advantage(row: pd.Series) -> str:
    return (
        f"from k = {row['base_kernel']} to k = {row['pool_kernel']} ({pixels(row)}, {row['dead_share']:.0f} % dead "
        f"taps) the share kept changes by {value(row, 'gain', 'points')}, among live weights by "
        f"{value(row, 'gain_live', 'points')}; seed by seed the control takes {value(row, 'removed', 'points')} away."
    )
