"""Claims about dense accuracy and one-shot pruning: Sections 3.3 and I.1 of the paper, and the thesis."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rflib import reported, tables
from rflib.claims.assessment import FEWEST_SEEDS, all_of, corrected, difference, trend
from rflib.claims.evidence import TREND, Evidence
from rflib.claims.margins import (
    COLLAPSE_POINTS,
    GUESSING_POINTS,
    NOTICEABLE_POINTS,
    NOTICEABLE_SHARE,
    RATE,
    RATE_IN_THE_TEXT,
)
from rflib.claims.readings import EVERY, Readings, by_seed, chosen, combinations, groups
from rflib.claims.statistics import DECIMALS, peak_shift
from rflib.claims.verdict import Finding, Rule

_CHAPTER = "accuracy-and-pruning"
_TABLES = ("table-1", "table-2")
_NO_TREND = "There is no such trend under plain pruning that could stay or disappear among live weights."
_NO_SHIFT = "There is no such shift under plain pruning that could stay or disappear among live weights."
_NEEDS = "accuracy at two or more pool kernels of one network"
_NEEDS_RATE = f"one-shot pruning at rate {RATE:g} for two or more pool kernels of one network"


def dense_accuracy(readings: Readings) -> Finding:
    """RR-01: dense accuracy falls with the field."""
    return Finding(_trends(chosen(readings.pruning, purpose="grid"), "dense", -1))


def pruned_accuracy(readings: Readings) -> Finding:
    """RR-02: accuracy pruned at 0.9 rises with the field; control: pruned at the same rate among live weights."""
    frame, left_out = _telling(readings, chosen(readings.pruning, purpose="grid", rate=RATE))
    found = corrected(_trends(frame, "pruned", 1))
    control = among_live(found, corrected(_trends(frame, "live", 1))) or _NO_TREND
    return Finding(found, control=control, remark=left_out, lacking=left_out)


def lost_accuracy(readings: Readings) -> Finding:
    """RR-03, PT-06: dense minus pruned falls with the field; control: the same among live weights.

    A loss can fall only because dense accuracy does, so where the control keeps the trend a second one divides by it.
    """
    frame, left_out = _telling(readings, chosen(readings.pruning, purpose="grid", rate=RATE))
    found, live = corrected(_trends(frame, "lost", -1)), corrected(_trends(frame, "lost_live", -1))
    text = among_live(found, live) or _NO_TREND
    shown = {each.where for each in found if each.holds}
    stayed = [each for each in live if each.holds and each.where in shown]
    share = corrected(_trends(frame, "share_lost_live", -1, noticeable=NOTICEABLE_SHARE))
    divided = among_live(stayed, share, "As a share of what the dense network has above guessing it")
    return Finding(found, control=f"{text} {divided}".rstrip(), remark=left_out, lacking=left_out)


def only_at_high_rates(readings: Readings) -> Finding:
    """RR-04: pruned accuracy falls with the field at every rate up to 0.8 and rises at the highest rate above."""
    found = []
    frame, left_out = _telling(readings, chosen(readings.pruning, purpose="grid"))
    for where, group in combinations(frame):
        above = [rate for rate in group["rate"].unique() if rate > RATE_IN_THE_TEXT + 1e-9]
        below = [rate for rate in group["rate"].unique() if rate <= RATE_IN_THE_TEXT + 1e-9]
        if above and below:
            rising, falling = _at_rate(where, group, max(above), 1), [_at_rate(where, group, r, -1) for r in below]
            found.append(all_of(where, [rising, *falling]))
    remark = f"{left_out} {_printed_exceptions()}".lstrip()
    return Finding(found, remark=remark, lacking=left_out if frame.empty else "")


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
    found = []
    frame, left_out = _telling(readings, chosen(readings.pruning, purpose="grid"))
    for where, group in combinations(frame):
        low, high = group["rate"].min(), group["rate"].max()
        keys = ["pool_kernel", "seed"]
        wide = group.pivot_table(index=keys, columns="rate", values="lost")
        growth = by_seed((wide[high] - wide[low]).rename("growth").reset_index(), "growth")
        if low < high:
            smallest, largest = growth.columns[0], growth.columns[-1]
            what = f"{where}, k = {largest}, loss at rate {high:g}"
            parts = [
                difference(f"{where}, k = {smallest}", growth[smallest], 1),
                trend(f"{where}, growth over k", growth, -1),
                difference(what, wide[high].xs(largest), -1, bound=COLLAPSE_POINTS, noticeable=0.0),
            ]
            found.append(all_of(where, parts))
    return Finding(found, remark=left_out, lacking=left_out if frame.empty else "")


def peaks(readings: Readings) -> Finding:
    """PT-08: accuracy pruned at 0.9 peaks at a larger field than dense accuracy; control: among live weights.

    Over the fields of the grid and those below it; where all pruned networks guess there is no peak.
    """
    frame, left_out = _telling(readings, readings.over_roles(tables.field_accuracy_runs, rate=RATE))
    shifts = {way: [_peak_shift(where, runs, way) for where, runs in combinations(frame)] for way in ("pruned", "live")}
    found, live = (corrected([each for each in evidence if each is not None]) for evidence in shifts.values())
    control = among_live(found, live, "Among live weights the shift") or _NO_SHIFT
    return Finding(found, control=control, remark=left_out, lacking=left_out)


def _telling(readings: Readings, frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of networks that keep something at some field, and which are left out since they do not.

    Where pruning at the highest rate leaves nothing at any field, fields can be in no order, whatever is claimed.
    """
    together = list(combinations(frame))
    guessing = [where for where, runs in together if _guesses(readings, runs)]
    telling = [runs for where, runs in together if where not in guessing]
    left_out = f"Left out, since pruned networks guess at every field: {'; '.join(guessing)}." if guessing else ""
    return pd.concat(telling or [frame.iloc[:0]]), left_out


def _guesses(readings: Readings, runs: pd.DataFrame) -> bool:
    pruned = runs[runs["rate"] == runs["rate"].max()] if "rate" in runs else runs
    fields = [name for name in ("pool_kernel", "omitted_downsamplings") if name in pruned]
    best = pruned.groupby(fields)["pruned"].mean().max()
    return bool(best <= readings.guess(runs["role"].iloc[0]) + GUESSING_POINTS)


def _trends(frame: pd.DataFrame, value: str, expected: int, *, noticeable: float = NOTICEABLE_POINTS) -> list[Evidence]:
    grids = ((where, by_seed(group, value)) for where, group in combinations(frame))
    found = (trend(where, grid, expected, noticeable=noticeable) for where, grid in grids)
    return [each for each in found if each is not None]


def _at_rate(where: str, group: pd.DataFrame, rate: float, expected: int) -> Evidence | None:
    return trend(f"{where}, rate {rate:g}", by_seed(chosen(group, rate=float(rate)), "pruned"), expected)


def among_live(plain: Sequence[Evidence], live: Sequence[Evidence], start: str = "Among live weights the trend") -> str:
    """Say where a trend that plain pruning shows stays, and where it disappears, among weights that can learn.

    It disappears where the same test no longer shows it. Empty if plain pruning shows no trend.
    """
    kept = {each.where: each.holds for each in live}
    shown = [each.where for each in plain if each.holds and each.where in kept]
    if not shown:
        return ""
    stays = "; ".join(where for where in shown if kept[where])
    disappears = "; ".join(where for where in shown if not kept[where])
    parts = [f"stays for {stays}"] * bool(stays) + [f"disappears for {disappears}"] * bool(disappears)
    return f"{start} {' and '.join(parts)}."


def _peak_shift(where: str, group: pd.DataFrame, way: str) -> Evidence | None:
    """Return by how many pixels of the field the accuracy pruned in one way peaks beyond the dense one.

    The means agree if the pruned network is noticeably better at its own peak than at the dense one's.
    """
    dense, pruned = (by_seed(group, value, "receptive_field").dropna() for value in ("dense", way))
    if dense.shape[1] < 2 or dense.empty:
        return None
    best_dense, best_pruned = (
        grid.columns.to_numpy()[grid.mean().round(DECIMALS).argmax()] for grid in (dense, pruned)
    )
    gain = pruned[best_pruned].mean() - pruned[best_dense].mean()
    agrees = best_pruned > best_dense and gain > NOTICEABLE_POINTS
    interval, p = peak_shift(dense, pruned)
    tested = len(dense) >= FEWEST_SEEDS
    shift = float(best_pruned - best_dense)
    return Evidence(
        where,
        "px",
        shift,
        1,
        agrees,
        interval=interval if len(dense) > 1 else None,
        p=p if tested else None,
        seeds=len(dense),
    )


_TREND = f"{TREND} The family is every network and image size."
_TELLING = (
    f"{_TREND} A network that guesses at every field when it is pruned, within {GUESSING_POINTS:g} points, is left out."
)
_LOST = f"Dense minus pruned accuracy at rate {RATE:g} falls. {_TELLING}"

RULES = {
    "RR-01": Rule(dense_accuracy, f"Dense accuracy falls. {_TREND}", _NEEDS, _CHAPTER, _TABLES, scope=EVERY),
    "RR-02": Rule(
        pruned_accuracy,
        f"Pruned accuracy at rate {RATE:g} rises. {_TELLING}",
        _NEEDS_RATE,
        _CHAPTER,
        _TABLES,
        scope=EVERY,
    ),
    "RR-03": Rule(lost_accuracy, _LOST, _NEEDS_RATE, _CHAPTER, _TABLES, scope=EVERY),
    "RR-04": Rule(
        only_at_high_rates,
        f"Pruned accuracy rises at the highest rate, above {RATE_IN_THE_TEXT:g}, and falls at every rate up to there; "
        f"all of these must hold. {_TELLING}",
        f"one-shot pruning at rates up to and above {RATE_IN_THE_TEXT:g} for two or more pool kernels of one network",
        "pruning-rates",
        ("fig-pruning-rates-small-images", "fig-pruning-rates-large-images"),
        scope=EVERY,
    ),
    "RR-05": Rule(
        loss_by_rate,
        "The growth of the loss is the loss at the highest rate minus that at the lowest, run by run. Three must hold: "
        "at the smallest kernel it is positive (one-sided t test), it falls with k, and at the largest kernel the loss "
        f"at the highest rate is below {COLLAPSE_POINTS:g} points (one-sided t test). {_TELLING}",
        "one-shot pruning at two or more rates for two or more pool kernels of one network",
        "pruning-rates",
        ("fig-pruning-rates-small-images", "fig-pruning-rates-large-images"),
        scope=EVERY,
    ),
    "PT-06": Rule(lost_accuracy, _LOST, _NEEDS_RATE, _CHAPTER, _TABLES, scope=EVERY),
    "PT-08": Rule(
        peaks,
        f"The field of highest accuracy pruned at rate {RATE:g} minus that of highest dense accuracy is positive: "
        "bootstrap over seeds, the share of draws without such a shift, Holm-corrected over networks and image sizes.",
        _NEEDS_RATE,
        "redundancy-and-saturation",
        ("fig-best-field",),
        scope=EVERY,
    ),
}
