"""Claims of the thesis on prunability about deep layers: how saturated they are, and what pruning them costs."""

from __future__ import annotations

import pandas as pd

from rflib.paper import tables
from rflib.paper.verdicts.assessment import corrected, trend, within
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import EQUIVALENCE, TREND, Evidence
from rflib.paper.verdicts.margins import (
    GUESSING_POINTS,
    NOTICEABLE_POINTS,
    NOTICEABLE_SATURATION,
    NOTICEABLE_SHARE,
    RATE,
)
from rflib.paper.verdicts.readings import RESNET_SMALL, VGG_SMALL, Readings, by_seed, chosen, combinations
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "redundancy-and-saturation"
_SCOPES = ("global", "live")


def low_saturation(readings: Readings) -> Finding:
    """PT-09: the saturation of the deep layers falls with the field; beside it, whether their filters grow alike."""
    frame = chosen(readings.over_roles(tables.deep_runs), rate=0.0)
    grids = list(combinations(frame))
    found = [trend(where, by_seed(runs, "saturation"), -1, noticeable=NOTICEABLE_SATURATION) for where, runs in grids]
    alike = [trend(where, by_seed(runs, "similarity"), 1, noticeable=NOTICEABLE_SHARE) for where, runs in grids]
    shown = "; ".join(f"{each.where} ({each.effect:+z.2f})" for each in alike if each is not None)
    remark = f"Rank correlation of the mean |cosine| of their filters with k: {shown}." if shown else ""
    return Finding(found, remark=remark)


def deep_pruning(readings: Readings) -> Finding:
    """PT-10: at the largest field, pruning the deep layers alone costs nothing; control: among live weights."""
    found, live = ([_cost(readings, where, runs, scope) for where, runs in _deep(readings)] for scope in _SCOPES)
    decided, control = (corrected([each for each in evidence if each is not None]) for evidence in (found, live))
    return Finding(decided, control=beside(decided, control, "Among live weights that is"))


def _deep(readings: Readings) -> list[tuple[str, pd.DataFrame]]:
    """Return what pruning the deep layers costs every network at its largest pool kernel."""
    frame = chosen(readings.over_roles(tables.deep_pruning_runs), part="deep", rate=RATE)
    pairs = []
    for where, runs in combinations(frame):
        largest = runs["pool_kernel"].max()
        if largest > runs["pool_kernel"].min():
            pairs.append((f"{where}, k = {largest}", runs[runs["pool_kernel"] == largest]))
    return pairs


def _cost(readings: Readings, where: str, runs: pd.DataFrame, scope: str) -> Evidence | None:
    """Return whether pruning costs nothing; None where the dense network has nothing to lose."""
    lost = chosen(runs, scope=scope)
    if lost.empty or lost["dense_accuracy"].mean() <= readings.guess(runs["role"].iloc[0]) + GUESSING_POINTS:
        return None
    return within(where, lost.set_index("seed")["lost"], NOTICEABLE_POINTS)


RULES = {
    "PT-09": Rule(
        low_saturation,
        "The mean saturation of the deep layers, the last third of the convolutions, falls with the pool kernel. "
        f"{TREND}",
        "saturation of every layer at two or more pool kernels of one network",
        _CHAPTER,
        ("fig-saturation-along-depth",),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
    "PT-10": Rule(
        deep_pruning,
        f"At the largest pool kernel, pruning the last third of the convolutions alone at rate {RATE:g} changes the "
        f"accuracy by no more than ± {NOTICEABLE_POINTS:g} point. {EQUIVALENCE}",
        f"pruning of the deep layers alone at rate {RATE:g}, at two or more pool kernels of a network that does better "
        "than guessing",
        _CHAPTER,
        ("fig-deep-pruning",),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
}
