"""How the claims about accuracy and one-shot pruning are decided, each with its controls."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rflib.paper.verdicts.assessment import corrected, difference, floor, trend
from rflib.paper.verdicts.cells import (
    TREND_OF_ACCURACY,
    TREND_OF_CELLS,
    accuracy_trend,
    cell,
    known,
    over_rates,
)
from rflib.paper.verdicts.controls import beside, combination, taken_away
from rflib.paper.verdicts.evidence import DIFFERENCE, TREND, Evidence
from rflib.paper.verdicts.margins import (
    MUCH_RECOVERED,
    NOTICEABLE_POINTS,
    NOTICEABLE_SHARE,
    RATE,
)
from rflib.paper.verdicts.readings import (
    EVERY,
    Readings,
    by_seed,
    chosen,
    combinations,
)
from rflib.paper.verdicts.verdict import Finding, Rule

_TABLES = ("table-1", "table-2")


_NEEDS = "accuracy at two or more pool kernels of one network"


_NEEDS_RATE = f"one-shot pruning at rate {RATE:g} for two or more pool kernels of one network"


_CONTROLS = {
    "live": "Among live weights the trend is",
    "pruned_calibrated": "With re-estimated statistics the trend is",
    "live_calibrated": "Among live weights and with re-estimated statistics the trend is",
}


# What each way of pruning leaves, and what it takes.
_LOST = {
    "pruned": "lost",
    "live": "lost_live",
    "pruned_calibrated": "lost_calibrated",
    "live_calibrated": "lost_live_calibrated",
}


def decide_dense_accuracy(readings: Readings) -> Finding:
    """RR-01: dense accuracy falls with the field."""
    frame = chosen(readings.pruning, purpose="grid")
    return Finding([accuracy_trend(readings, where, group, "dense", -1) for where, group in combinations(frame)])


def decide_pruned_accuracy(readings: Readings) -> Finding:
    """RR-02: accuracy pruned at 0.9 rises with the field; control: pruned at the same rate among live weights."""
    frame = chosen(readings.pruning, purpose="grid", rate=RATE)
    grids = list(combinations(frame))
    found = corrected(known(cell(readings, where, group, "pruned", "pruned", 1) for where, group in grids))
    return Finding(found, control=_controls(readings, found, 1, lost=False))


def decide_lost_accuracy(readings: Readings) -> Finding:
    """RR-03: dense minus pruned falls with the field at 0.9, or over the rates that leave something if 0.9 does not."""
    grids = combinations(chosen(readings.pruning, purpose="grid"))
    found = corrected(known(_loss(readings, where, group, "pruned") for where, group in grids))
    return Finding(found, control=_controls(readings, found, -1, lost=True))


def decide_lost_over_the_rates(readings: Readings) -> Finding:
    """PT-06: dense minus pruned, averaged over the rates that leave something, falls with the field."""
    grids = list(combinations(chosen(readings.pruning, purpose="grid")))

    def trends(way: str) -> tuple[Evidence, ...]:
        measured = ((where, group) for where, group in grids if group[way].notna().any())
        return corrected(known(_loss_over_rates(readings, where, group, way) for where, group in measured))

    found = trends("pruned")
    said = [beside(found, trends(way), start) for way, start in _CONTROLS.items()]
    return Finding(found, control=" ".join(filter(None, said)))


def _loss(readings: Readings, where: str, group: pd.DataFrame, way: str) -> Evidence | None:
    """Return the trend of the loss at the rate of the claim, or over the rates that leave something if it does not."""
    at_rate = chosen(group, rate=RATE)
    if at_rate.empty or len(readings.telling(at_rate, way)):
        return accuracy_trend(readings, where, at_rate, _LOST[way], -1) if len(at_rate) else None
    return _loss_over_rates(readings, where, group, way)


def _loss_over_rates(readings: Readings, where: str, group: pd.DataFrame, way: str) -> Evidence | None:
    kept = readings.telling(group, way)
    rates = sorted(kept["rate"].unique()) if len(kept) else []
    every = len(rates) == group["rate"].nunique()
    here = where if every or not rates else f"{where}, rates {', '.join(f'{rate:g}' for rate in rates)}"
    return over_rates(readings, here, kept, _LOST[way], -1)


def _controls(readings: Readings, found: Sequence[Evidence], expected: int, *, lost: bool) -> str:
    """Say what the same test shows under each control."""
    frame = chosen(readings.pruning, purpose="grid")
    grids = [(where, group) for where, group in combinations(frame) if where in _holding(found)]
    said = []
    for way, start in _CONTROLS.items():
        control = []
        for where, group in grids:
            if group[way].notna().any():
                at_rate = chosen(group, rate=RATE)
                same = (
                    _loss(readings, where, group, way) if lost else cell(readings, where, at_rate, way, way, expected)
                )
                control.append(same)
        said.append(beside(found, corrected(known(control)), start))
    at_rate = chosen(frame, rate=RATE)
    said += _taken_away(found, at_rate, "lost" if lost else "pruned", "lost_live" if lost else "live")
    if lost:
        shares = [
            trend(where, by_seed(group, "share_lost_live"), expected, noticeable=NOTICEABLE_SHARE)
            for where, group in combinations(at_rate)
            if not readings.guesses(group["role"].iloc[0], group.groupby("pool_kernel")["live"].mean())
        ]
        start = "Among live weights, as a share of what the dense network has above guessing, the trend is"
        said.append(beside(found, corrected(known(shares)), start))
    return " ".join(filter(None, said))


def _taken_away(found: Sequence[Evidence], frame: pd.DataFrame, value: str, control: str) -> list[str]:
    grids = [(where, group) for where, group in combinations(frame) if where in _holding(found)]
    return [taken_away(where, by_seed(group, value), by_seed(group, control)) for where, group in grids]


def _holding(found: Sequence[Evidence]) -> list[str]:
    return [combination(each.where) for each in found if each.holds]


_DISCLOSED = "Worded after rf_vgg19 had been measured at seed 0."


def decide_statistics_recover(readings: Readings) -> Finding:
    """OQ-03: re-estimated statistics make good more than half of what pruning at 0.9 takes."""
    found: list[Evidence | None] = []
    for where, group in combinations(chosen(readings.pruning, purpose="grid", rate=RATE)):
        runs = group.dropna(subset="pruned_calibrated")
        if runs.empty:
            continue
        sums = runs.assign(back=runs["pruned_calibrated"] - runs["pruned"]).groupby("seed")[["back", "lost"]].sum()
        share = sums["back"] / sums["lost"].where(sums["lost"] > NOTICEABLE_POINTS)
        found.append(difference(where, share, 1, bound=MUCH_RECOVERED, noticeable=0.0, measure="of the loss"))
    return Finding(found, remark=_DISCLOSED)


def decide_live_weights_of_large_fields(readings: Readings) -> Finding:
    """OQ-04: with new statistics, what is kept without nine tenths of the live weights falls with the field."""
    found: list[Evidence | None] = []
    for where, group in combinations(chosen(readings.pruning, purpose="grid", rate=RATE)):
        role = group["role"].iloc[0]
        guess = readings.guess(role)
        runs = group.dropna(subset="live_calibrated")
        if runs["pool_kernel"].nunique() < 2:
            continue
        if readings.guesses(role, runs.groupby("pool_kernel")["live_calibrated"].mean()):
            found.append(floor(where, -1, f"pruned networks guess at every field at rate {RATE:g}"))
            continue
        kept = 100 * (runs["live_calibrated"] - guess) / (runs["dense_calibrated"] - guess)
        grid = by_seed(runs.assign(kept=kept), "kept")
        found.append(trend(where, grid, -1, images=readings.test_images[role]))
    return Finding(found, remark=_DISCLOSED)


CLAIMS = {
    "RR-01": Rule(decide_dense_accuracy, f"Dense accuracy falls. {TREND_OF_ACCURACY}", _NEEDS, _TABLES, scope=EVERY),
    "RR-02": Rule(
        decide_pruned_accuracy,
        f"Pruned accuracy at rate {RATE:g} rises. {TREND_OF_CELLS}",
        _NEEDS_RATE,
        _TABLES,
        scope=EVERY,
    ),
    "RR-03": Rule(
        decide_lost_accuracy,
        f"Dense minus pruned accuracy at rate {RATE:g} falls; where pruned networks guess at every field there, the "
        f"mean over the rates at which they do not. {TREND_OF_ACCURACY}",
        _NEEDS_RATE,
        _TABLES,
        scope=EVERY,
    ),
    "PT-06": Rule(
        decide_lost_over_the_rates,
        f"Dense minus pruned accuracy, averaged over the rates at which pruned networks do not guess at every field, "
        f"falls. {TREND_OF_ACCURACY}",
        "one-shot pruning for two or more pool kernels of one network",
        _TABLES,
        scope=EVERY,
    ),
    "OQ-03": Rule(
        decide_statistics_recover,
        f"At rate {RATE:g}: accuracy with re-estimated statistics minus that without, as a share of what pruning took, "
        f"both summed over the kernels of a seed, is more than {MUCH_RECOVERED:.0%}. {DIFFERENCE}",
        "one-shot pruning with re-estimated statistics",
        ("fig-new-statistics",),
        scope=EVERY,
    ),
    "OQ-04": Rule(
        decide_live_weights_of_large_fields,
        f"With re-estimated statistics, what pruning the live weights at rate {RATE:g} leaves of the accuracy above "
        f"guessing, in percent of the dense network's, falls with k. {TREND}",
        "one-shot pruning with re-estimated statistics at two or more pool kernels",
        ("fig-new-statistics", "fig-live-weights"),
        scope=EVERY,
    ),
}
