"""Pruning at every rate, and what it costs as a share of dense accuracy."""

from __future__ import annotations

from typing import Any

from rflib.paper import plots, reported
from rflib.paper.frames import one_shot, summarise
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.paper.verdicts.assessment import all_of, difference, floor, trend
from rflib.paper.verdicts.cells import (
    NOTHING_LEFT,
    TREND_OF_ACCURACY,
    TREND_OF_CELLS,
    cell,
    over_rates,
)
from rflib.paper.verdicts.evidence import Evidence
from rflib.paper.verdicts.margins import (
    COLLAPSE_POINTS,
    RATE,
    RATE_IN_THE_TEXT,
)
from rflib.paper.verdicts.readings import EVERY, Readings, by_seed, chosen, combinations, groups
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_SCOPES: dict[str, dict[str, Any]] = {
    "all": {"linestyle": "-"},
    "live": {"linestyle": "--", "markerfacecolor": "white"},
}


@drawn
def draw_pruning_rates(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy in percent against the pruning rate, a line a pool kernel, among all and among live weights.

    With the batch-norm statistics of training; `new_statistics` draws those beside re-estimated ones.
    """
    return _against_rate(study, role, {"all": "pruned", "live": "live"}, "test accuracy (%)", factor=1.0)


@drawn
def draw_normalised_difference(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw the share of dense accuracy that one-shot pruning costs, in percent, against the pruning rate."""
    quantities = {"all": "normalised_difference", "live": "normalised_live_difference"}
    return _against_rate(study, role, quantities, "(dense - pruned) / dense (%)", factor=100.0)


def _against_rate(study: Study, role: RoleName, quantities: dict[str, str], label: str, *, factor: float) -> Drawing:
    per_seed = one_shot(study, role)
    covered(per_seed)
    per_seed["normalised_live_difference"] = per_seed["live_difference"] / per_seed["dense"]
    by = ["architecture", "pool_kernel", "rate"]
    table = summarise(per_seed, by, quantities.values()).sort_values(by)
    groups = plots.by_architecture(table)
    names = list(per_seed["architecture"].unique())
    figure, main, _ = plots.panels(names, height=3.2, extra=1.4)
    for axes, name in zip(main, names, strict=True):
        for kernel, group in plots.by_kernel(groups[name]):
            for scope, quantity in quantities.items():
                style = kernel_style(kernel) | _SCOPES[scope]
                text = f"k = {kernel}" if scope == "all" else "_"
                plots.curve(axes, 100 * group["rate"], group, quantity, band=True, factor=factor, label=text, **style)
        axes.set_xlabel("pruning rate (%)")
        axes.set_xticks(sorted(100 * table["rate"].unique()))
    if (table[[f"{quantity}_mean" for quantity in quantities.values()]] >= 0).all(axis=None):
        main[0].set_ylim(bottom=0)
    plots.label_left(main, label)
    keys = [key(f"among {scope} weights", **style) for scope, style in _SCOPES.items()]
    legend(figure, columns=4, keys=keys)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"], "bands"))
    return figure


def decide_only_at_high_rates(readings: Readings) -> Finding:
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


def decide_loss_by_rate(readings: Readings) -> Finding:
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


CLAIMS = {
    "RR-04": Rule(
        decide_only_at_high_rates,
        f"Each on its own: pruned accuracy rises at the highest rate, above {RATE_IN_THE_TEXT:g}, and its mean over "
        f"the rates up to there falls. {TREND_OF_CELLS}",
        f"one-shot pruning at rates up to and above {RATE_IN_THE_TEXT:g} for two or more pool kernels of one network",
        ("fig-pruning-rates-small-images", "fig-pruning-rates-large-images"),
        scope=EVERY,
    ),
    "RR-05": Rule(
        decide_loss_by_rate,
        f"The growth of the loss is the loss at the highest rate, {RATE:g} or the highest below it at which pruned "
        "networks do not guess at every field, minus that at the lowest, run by run. Three must hold: at the smallest "
        "kernel it is positive (one-sided t test), it falls with k, and at the largest kernel the loss at that rate is "
        f"below {COLLAPSE_POINTS:g} points (one-sided t test). {TREND_OF_ACCURACY}",
        "one-shot pruning at two or more rates for two or more pool kernels of one network",
        ("fig-pruning-rates-small-images", "fig-pruning-rates-large-images"),
        scope=EVERY,
    ),
}
