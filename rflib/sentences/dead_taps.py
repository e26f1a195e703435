"""Dead taps put to the test: is the robustness to pruning at a large field that of weights that can learn?

Frames come from `rflib.tables`. "Kept" is the accuracy above guessing that pruning leaves, as a share of the dense
network's, averaged over the rates (`tables.tolerance`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan, sqrt

import pandas as pd
from scipy.stats import t as student

from rflib.sentences.markdown import Sentences
from rflib.sentences.open_questions import KNOBS
from rflib.sentences.wording import FEWEST_RANKED, NOTHING, NOTICEABLE_POINTS, ends, networks, pixels, strength, value
from rflib.tables import trend

# In percent: below the first a network has hardly any dead taps, from the second on it has many.
FEW_DEAD = 5.0
MANY_DEAD = 20.0
# In points of what is kept: a smaller change from the smallest field to the largest is called none.
NOTICEABLE_GAIN = 5.0


def paired(per_seed: pd.DataFrame, table: pd.DataFrame) -> Sentences:
    """Say how plain and controlled pruning differ within the same runs, where many taps are dead and where few are.

    Every pair is one trained network at one rate; the interval is over networks and seeds, each averaged over rates.
    """
    if per_seed.empty or table.empty:
        return NOTHING
    gaps = per_seed.assign(gap=per_seed["pruned"] - per_seed["live"]).merge(
        table[["architecture", "pool_kernel", "dead_share"]], on=["architecture", "pool_kernel"]
    )
    runs = gaps.groupby(["architecture", "pool_kernel", "seed", "dead_share"])["gap"].mean().reset_index()
    groups = {
        f"at least {MANY_DEAD:g} % dead taps": runs[runs["dead_share"] >= MANY_DEAD]["gap"],
        f"fewer than {FEW_DEAD:g} % dead taps": runs[runs["dead_share"] < FEW_DEAD]["gap"],
    }
    return Sentences(tuple(f"In networks with {name}: {_gap(values)}" for name, values in groups.items()))


def few_dead_taps(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Say whether pruning is tolerated better at a larger field among networks that have hardly any dead taps.

    `tables` maps titles to `tables.tolerance`. Where this holds, dead taps cannot be the reason.
    """
    points = []
    for title, name, group in _grids({t: table[table["dead_share"] < FEW_DEAD] for t, table in _held(tables).items()}):
        first, last = ends(group)
        points.append(
            f"{title}, `{name}`, {len(group)} fields with fewer than {FEW_DEAD:g} % dead taps: kept "
            f"{first['kept_mean']:.0f} % at {pixels(first)} and {last['kept_mean']:.0f} % at {pixels(last)}. "
            f"{_without_dead(last['kept_mean'] - first['kept_mean'])}"
        )
    return Sentences(tuple(points)) if points else NOTHING


def same_field(grid: pd.DataFrame, variants: pd.DataFrame) -> Sentences:
    """Say what is kept at the same field when the maps do not shrink and the taps therefore stay alive.

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
    points = [
        f"`{row['architecture']}` at {pixels(row)}: with shrinking maps and {row['dead_share_plain']:.0f} % dead taps "
        f"pruning leaves {row['kept_mean_plain']:.0f} %, with {KNOBS[row['map_size']]} and "
        f"{row['dead_share']:.0f} % it leaves {row['kept_mean']:.0f} %. "
        f"{_without_shrinking(row['kept_mean'] - row['kept_mean_plain'])}"
        for _, row in both.iterrows()
    ]
    return Sentences((*points, strength(variants))) if points else NOTHING


def correlations(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Give the rank correlation, over all networks, of what is kept with the dead taps and with the field."""
    every = pd.concat([*_held(tables).values()]) if _held(tables) else pd.DataFrame()
    if len(every) < FEWEST_RANKED:
        return NOTHING

    def rank(x: str, y: str) -> str:
        correlation = trend(every[x].tolist(), every[y].tolist())
        return "none (constant)" if isnan(correlation) else f"{correlation:+.2f}"

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


def verdict(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Say in plain words, for each network, whether a larger field makes it robust to pruning once dead taps are out.

    `tables` maps titles to `tables.advantage`: what the largest field keeps beyond the smallest one, under the plain
    ranking and under the control; the maps shrink as in the paper.
    """
    points, kinds, seeds = [], [], []
    for title, table in _held(tables).items():
        shrinking = table[(table["map_size"] == "shrinking") & (table["pool_dilation"] == 1)]
        for name, group in networks(shrinking):
            kind, reading = _kind(group.iloc[-1])
            kinds.append(kind)
            seeds.append(int(group["n"].iloc[-1]))
            points.append(f"{title}, `{name}`: {reading}")
    return Sentences((*points, _overall(kinds), _seeds(min(seeds)))) if points else NOTHING


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
    more = int((values > NOTICEABLE_POINTS).sum())
    text = (
        f"averaged over the rates, plain pruning leaves {values.mean():+.1f} points beside the control, and "
        f"more than {NOTICEABLE_POINTS:g} point above it in {more} of {len(values)} runs"
    )
    if len(values) < 3:
        return f"{text}."
    half_width = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / sqrt(len(values))
    return f"{text} (95 % interval of the mean over runs: ± {half_width:.1f})."


def _without_dead(gain: float) -> str:
    if gain > NOTICEABLE_GAIN:
        return "The larger field keeps more, and dead taps are not the reason."
    if gain < -NOTICEABLE_GAIN:
        return "The larger field keeps less: without dead taps the trend is the opposite of the paper's."
    return "The larger field does not keep noticeably more: without dead taps the trend is not there."


def _without_shrinking(gain: float) -> str:
    if gain < -NOTICEABLE_GAIN:
        return "The field is the same and the robustness is less: the field did not make it."
    return "The field is the same and the robustness is there without dead taps."


def _kind(row: pd.Series) -> tuple[str, str]:
    text = (
        f"from k = {row['base_kernel']} to k = {row['pool_kernel']} ({pixels(row)}, {row['dead_share']:.0f} % dead "
        f"taps) the share kept changes by {value(row, 'gain', 'points')}, among live weights by "
        f"{value(row, 'gain_live', 'points')}; seed by seed the control takes {value(row, 'removed', 'points')} away."
    )
    plain, control = row["gain_mean"], row["gain_live_mean"]
    if plain <= NOTICEABLE_GAIN:
        return "nothing", f"{text} There is no advantage of the larger field to explain."
    if control >= plain / 2:
        return "field", f"{text} At least half of the advantage is there among weights that can learn."
    if row["dead_share"] < FEW_DEAD:
        return "open", f"{text} The control takes most of the advantage, though few taps are dead; this stays open."
    return "dead", f"{text} More than half of the advantage goes with the dead taps."


def _overall(kinds: list[str]) -> str:
    counts = {kind: kinds.count(kind) for kind in ("dead", "field", "open", "nothing")}
    summary = (
        f"Of {len(kinds)} comparisons, {counts['dead']} lose most of the advantage with the dead taps, "
        f"{counts['field']} keep most of it, {counts['open']} stay open and {counts['nothing']} show none."
    )
    if counts["dead"] and not counts["field"]:
        return f"{summary} Verdict: here the robustness to pruning comes from weights that never learned."
    if counts["field"] and not counts["dead"]:
        return f"{summary} Verdict: here the robustness to pruning is not an artefact of dead taps."
    if counts["dead"]:
        return f"{summary} Verdict: dead taps explain a part; elsewhere most of the advantage is there without them."
    return f"{summary} Verdict: these measurements do not decide."


def _seeds(seeds: int) -> str:
    if seeds < 3:
        return "With fewer than three seeds a network this is an indication and no proof."
    return f"Each network is a mean over at least {seeds} seeds."
