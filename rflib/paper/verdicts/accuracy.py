"""Claims about dense accuracy and one-shot pruning: Sections 3.3 and I.1 of the paper, and the thesis.

A cell is one network at one rate. Where pruned networks guess at every field, fields can be in no order, whatever is
claimed: such a cell decides nothing. Never more than the cell is left out for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rflib.paper import reported, tables
from rflib.paper.verdicts.assessment import FEWEST_SEEDS, all_of, corrected, difference, floor, trend
from rflib.paper.verdicts.cells import (
    NOTHING_LEFT,
    TREND_OF_ACCURACY,
    TREND_OF_CELLS,
    accuracy_trend,
    cell,
    known,
    over_rates,
)
from rflib.paper.verdicts.controls import beside, combination, taken_away
from rflib.paper.verdicts.evidence import Evidence
from rflib.paper.verdicts.margins import (
    COLLAPSE_POINTS,
    GUESSING_POINTS,
    NOTICEABLE_POINTS,
    NOTICEABLE_SHARE,
    RATE,
    RATE_IN_THE_TEXT,
)
from rflib.paper.verdicts.readings import EVERY, Readings, by_seed, chosen, combinations, groups
from rflib.paper.verdicts.statistics import DECIMALS, peak_p_value
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "accuracy-and-pruning"
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


def dense_accuracy(readings: Readings) -> Finding:
    """RR-01: dense accuracy falls with the field."""
    frame = chosen(readings.pruning, purpose="grid")
    return Finding([accuracy_trend(readings, where, group, "dense", -1) for where, group in combinations(frame)])


def pruned_accuracy(readings: Readings) -> Finding:
    """RR-02: accuracy pruned at 0.9 rises with the field; control: pruned at the same rate among live weights."""
    frame = chosen(readings.pruning, purpose="grid", rate=RATE)
    grids = list(combinations(frame))
    found = corrected(known(cell(readings, where, group, "pruned", "pruned", 1) for where, group in grids))
    return Finding(found, control=_controls(readings, found, 1, lost=False))


def lost_accuracy(readings: Readings) -> Finding:
    """RR-03: dense minus pruned falls with the field at 0.9, or over the rates that leave something if 0.9 does not."""
    grids = combinations(chosen(readings.pruning, purpose="grid"))
    found = corrected(known(_loss(readings, where, group, "pruned") for where, group in grids))
    return Finding(found, control=_controls(readings, found, -1, lost=True))


def lost_over_the_rates(readings: Readings) -> Finding:
    """PT-06: dense minus pruned, averaged over the rates that leave something, falls with the field."""
    grids = list(combinations(chosen(readings.pruning, purpose="grid")))

    def trends(way: str) -> tuple[Evidence, ...]:
        measured = ((where, group) for where, group in grids if group[way].notna().any())
        return corrected(known(_loss_over_rates(readings, where, group, way) for where, group in measured))

    found = trends("pruned")
    said = [beside(found, trends(way), start) for way, start in _CONTROLS.items()]
    return Finding(found, control=" ".join(filter(None, said)))


def only_at_high_rates(readings: Readings) -> Finding:
    """RR-04: pruned accuracy rises with the field at the highest rate, above 0.8, and falls over those up to 0.8."""
    found: list[Evidence | None] = []
    for where, group in combinations(chosen(readings.pruning, purpose="grid")):
        rates = sorted(group["rate"].unique())
        above = [rate for rate in rates if rate > RATE_IN_THE_TEXT + 1e-9]
        below = [rate for rate in rates if rate <= RATE_IN_THE_TEXT + 1e-9]
        if above and below:
            high = chosen(group, rate=float(max(above)))
            found.append(cell(readings, f"{where}, rate {max(above):g}", high, "pruned", "pruned", 1))
            here = f"{where}, rates up to {RATE_IN_THE_TEXT:g}"
            kept = readings.telling(group[group["rate"].isin(below)], "pruned")
            found.append(over_rates(readings, here, kept, "pruned", -1))
    return Finding(found, remark=_printed_exceptions())


def _printed_exceptions() -> str:
    """Return where the paper's own tables show the trend at a rate at which it is said to be absent."""
    frame = reported.accuracy()
    frame = frame[(frame["finetune_epochs"] == 0) & (frame["pruning_rate"] <= RATE_IN_THE_TEXT)]
    found = []
    for (source, rate, architecture), group in groups(frame, "source", "pruning_rate", "architecture"):
        pruned = group.set_index("pool_kernel")["pruned_mean"].sort_index()
        if pruned.idxmax() != pruned.index[0]:
            numbers = f"{pruned.iloc[0]:g} % at k = {pruned.index[0]} and {pruned.max():g} % at k = {pruned.idxmax()}"
            found.append(f"{source}, rate {rate:g}, {architecture}: {numbers}")
    return f"The paper itself prints more at a larger field than at the smallest in {'; '.join(found)}."


def loss_by_rate(readings: Readings) -> Finding:
    """RR-05: with the rate the loss grows, the more so the smaller the field, and the largest field stays close."""
    found: list[Evidence | None] = []
    for where, group in combinations(chosen(readings.pruning, purpose="grid")):
        kept = readings.telling(group[group["rate"] <= RATE + 1e-9], "pruned")
        low, high = float(group["rate"].min()), float(kept["rate"].max()) if len(kept) else None
        if high is None:
            found.append(floor(where, -1, NOTHING_LEFT))
            continue
        wide = group.pivot_table(index=["pool_kernel", "seed"], columns="rate", values="lost")
        growth = by_seed((wide[high] - wide[low]).rename("growth").reset_index(), "growth")
        if low < high and growth.shape[1] > 1:
            images = readings.test_images[group["role"].iloc[0]]
            smallest, largest = growth.columns[0], growth.columns[-1]
            here = where if high == RATE else f"{where}, rate {high:g}"
            parts = [
                difference(f"{where}, k = {smallest}", growth[smallest], 1, images=images),
                trend(f"{where}, growth over k", growth, -1, images=images),
                difference(
                    f"{where}, k = {largest}, loss at rate {high:g}",
                    wide[high].xs(largest),
                    -1,
                    bound=COLLAPSE_POINTS,
                    noticeable=0.0,
                    images=images,
                ),
            ]
            found.append(all_of(here, parts))
    return Finding(found)


def peaks(readings: Readings) -> Finding:
    """PT-08: accuracy pruned at 0.9 peaks at a larger field than dense accuracy; control: among live weights.

    Over the fields of the grid and those below it.
    """
    frame = readings.over_roles(tables.field_accuracy_runs, rate=RATE)
    shifts, ties = {}, []
    for way in ("pruned", "live"):
        shifts[way] = corrected(known(_peak_shift(readings, where, runs, way) for where, runs in combinations(frame)))
    for where, runs in combinations(frame):
        if not readings.guesses(runs["role"].iloc[0], runs.groupby("receptive_field")["pruned"].mean()):
            ties += _tied(where, runs)
    return Finding(
        shifts["pruned"],
        control=beside(shifts["pruned"], shifts["live"], "Among live weights the shift is"),
        remark=f"Within {NOTICEABLE_POINTS:g} point of the highest pruned accuracy: {'; '.join(ties)}." if ties else "",
    )


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


def _peak_shift(readings: Readings, where: str, group: pd.DataFrame, way: str) -> Evidence | None:
    """Return by how many pixels of the field the accuracy pruned in one way peaks beyond the dense one.

    The means agree if the pruned network is noticeably better at its own peak than at the dense one's.
    """
    dense, pruned = (by_seed(group, value, "receptive_field").dropna() for value in ("dense", way))
    if dense.shape[1] < 2 or dense.empty:
        return None
    if readings.guesses(group["role"].iloc[0], pruned.mean()):
        return floor(where, 1, f"pruned networks guess at every field at rate {RATE:g}")
    best_dense, best_pruned = (int(grid.mean().round(DECIMALS).to_numpy().argmax()) for grid in (dense, pruned))
    gain = float(pruned.mean().iloc[best_pruned] - pruned.mean().iloc[best_dense])
    return Evidence(
        where,
        "px",
        float(dense.columns.to_numpy()[best_pruned] - dense.columns.to_numpy()[best_dense]),
        1,
        agrees=best_pruned > best_dense and gain > NOTICEABLE_POINTS,
        opposite=best_pruned < best_dense,
        p=peak_p_value(pruned, best_dense) if len(dense) >= FEWEST_SEEDS else None,
        seeds=len(dense),
    )


def _tied(where: str, group: pd.DataFrame) -> list[str]:
    """Name the fields whose mean pruned accuracy is within a noticeable point of the highest, if there are several."""
    means = group.groupby("receptive_field")["pruned"].mean()
    close = means[means >= means.max() - NOTICEABLE_POINTS]
    listed = " and ".join(f"{value:.1f} % at {field:.0f} px" for field, value in close.items())
    return [f"{where}, {listed}"] if 1 < len(close) < len(means) else []


RULES = {
    "RR-01": Rule(dense_accuracy, f"Dense accuracy falls. {TREND_OF_ACCURACY}", _NEEDS, _CHAPTER, _TABLES, scope=EVERY),
    "RR-02": Rule(
        pruned_accuracy,
        f"Pruned accuracy at rate {RATE:g} rises. {TREND_OF_CELLS}",
        _NEEDS_RATE,
        _CHAPTER,
        _TABLES,
        scope=EVERY,
    ),
    "RR-03": Rule(
        lost_accuracy,
        f"Dense minus pruned accuracy at rate {RATE:g} falls; where pruned networks guess at every field there, the "
        f"mean over the rates at which they do not. {TREND_OF_ACCURACY}",
        _NEEDS_RATE,
        _CHAPTER,
        _TABLES,
        scope=EVERY,
    ),
    "RR-04": Rule(
        only_at_high_rates,
        f"Each on its own: pruned accuracy rises at the highest rate, above {RATE_IN_THE_TEXT:g}, and its mean over "
        f"the rates up to there falls. {TREND_OF_CELLS}",
        f"one-shot pruning at rates up to and above {RATE_IN_THE_TEXT:g} for two or more pool kernels of one network",
        "pruning-rates",
        ("fig-pruning-rates-small-images", "fig-pruning-rates-large-images"),
        scope=EVERY,
    ),
    "RR-05": Rule(
        loss_by_rate,
        f"The growth of the loss is the loss at the highest rate, {RATE:g} or the highest below it at which pruned "
        "networks do not guess at every field, minus that at the lowest, run by run. Three must hold: at the smallest "
        "kernel it is positive (one-sided t test), it falls with k, and at the largest kernel the loss at that rate is "
        f"below {COLLAPSE_POINTS:g} points (one-sided t test). {TREND_OF_ACCURACY}",
        "one-shot pruning at two or more rates for two or more pool kernels of one network",
        "pruning-rates",
        ("fig-pruning-rates-small-images", "fig-pruning-rates-large-images"),
        scope=EVERY,
    ),
    "PT-06": Rule(
        lost_over_the_rates,
        f"Dense minus pruned accuracy, averaged over the rates at which pruned networks do not guess at every field, "
        f"falls. {TREND_OF_ACCURACY}",
        "one-shot pruning for two or more pool kernels of one network",
        _CHAPTER,
        _TABLES,
        scope=EVERY,
    ),
    "PT-08": Rule(
        peaks,
        f"The field of highest accuracy pruned at rate {RATE:g} lies beyond that of highest dense accuracy, and the "
        f"rise from there to it is more than {NOTICEABLE_POINTS:g} point. Exact randomisation: the share of all orders "
        "of the pruned accuracies within each seed whose highest mean beyond the dense peak rises as far above it, "
        f"Holm-corrected over networks and image sizes. Where pruned networks guess at every field, within "
        f"{GUESSING_POINTS:g} points, nothing is decided.",
        _NEEDS_RATE,
        "redundancy-and-saturation",
        ("fig-best-field",),
        scope=EVERY,
    ),
}
