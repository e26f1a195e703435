"""What stands behind one-shot pruning beside the field: statistics, live weights that went, the size of dead taps."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_OLD: dict[str, Any] = {"linestyle": "-"}
_NEW: dict[str, Any] = {"linestyle": ":", "markerfacecolor": "white"}
_RANKINGS = {"global": "all weights", "live": "live weights"}
_KEYS = [key("old statistics", **_OLD), key("re-estimated", **_NEW)]
_MARKERS = ("v", "o", "^", "s", "D")
_AXES = {"live_pruned_share": "live weights pruned (%)", "live_left": "live weights left (thousands)"}
_KEPT = "Kept: accuracy above guessing, in percent of the dense network's."


@drawn
def new_statistics(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy in percent against the pruning rate, with old batch-norm statistics and with re-estimated ones.

    A row a network, a column for ranking all weights and one for ranking live ones, a colour a pool kernel.
    """
    frame = tables.recalibrated(study, role=role)
    covered(frame)
    by = ["architecture", "scope", "pool_kernel", "rate"]
    table = tables.summarise(frame, by, ["pruned", "pruned_calibrated"]).sort_values("rate")
    pairs = [(name, scope) for name in frame["architecture"].unique() for scope in _RANKINGS]
    figure, main, _ = plots.panels([f"{name}, {_RANKINGS[scope]}" for name, scope in pairs], height=2.6, extra=1.4)
    for axes, (name, scope) in zip(main, pairs, strict=True):
        rows = table[(table["architecture"] == name) & (table["scope"] == scope)]
        for kernel, group in plots.by_kernel(rows):
            style, x = kernel_style(kernel), 100 * group["rate"]
            plots.curve(axes, x, group, "pruned", band=True, label=f"k = {kernel}", **style | _OLD)
            plots.curve(axes, x, group, "pruned_calibrated", band=True, label="_", **style | _NEW)
        axes.set_xlabel("pruning rate (%)")
    plots.accuracy_axis(main)
    legend(figure, columns=3, keys=_KEYS)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"], "bands"))
    return figure


@drawn
def live_weights(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw what pruning live weights leaves against the share of them that went, and against how many are left.

    A row a network; lines are old statistics, dotted ones re-estimated; in percent of the dense network's accuracy
    above guessing.
    """
    frame = tables.pruned_copies(study, role, "grid")
    frame = frame[frame["scope"] == "live"] if len(frame) else frame
    covered(frame)
    by = ["architecture", "pool_kernel", "rate"]
    table = tables.summarise(frame, by, ["kept", "kept_calibrated", *_AXES]).sort_values("rate")
    pairs = [(name, column) for name in frame["architecture"].unique() for column in _AXES]
    figure, main, _ = plots.panels([name for name, _ in pairs], height=2.6, extra=1.5)
    for axes, (name, column) in zip(main, pairs, strict=True):
        rows = table[table["architecture"] == name]
        for kernel, group in plots.by_kernel(rows):
            _draw_kept(axes, group, f"{column}_mean", kernel)
        axes.set_xlabel(_AXES[column])
        if column == "live_left":
            _count_down(axes, rows["live_left_mean"])
    plots.label_left(main, "kept (%)")
    legend(figure, columns=3, keys=_KEYS)
    fewest, most = int(table["n"].min()), int(table["n"].max())
    seeds = f"n = {most}" if fewest == most else f"n = {fewest} to {most}"
    note(figure, f"{study.profile.roles[role].title}.", _KEPT, f"Means over seeds, {seeds}.")
    return figure


@drawn
def rescaled_taps(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy in percent after global pruning against the rate, a panel a network, a line a factor."""
    table = tables.rescaled_taps(study, role=role)
    covered(table)
    networks = list(table.groupby(["architecture", "pool_kernel"], sort=False))
    titles = [f"{name}, k = {kernel}" for (name, kernel), _ in networks]
    figure, main, _ = plots.panels(titles, height=2.6, extra=1.3)
    factors = sorted(table["factor"].unique().tolist())
    for axes, (_, rows) in zip(main, networks, strict=True):
        for index, factor in enumerate(factors):
            group = rows[rows["factor"] == factor]
            style: dict[str, Any] = {"marker": _MARKERS[index % len(_MARKERS)], "color": _factor_colour(factor)}
            plots.curve(axes, 100 * group["rate"], group, "pruned", label=f"dead taps × {factor:g}", **style)
        axes.set_xlabel("pruning rate (%)")
    plots.accuracy_axis(main)
    legend(figure, columns=3)
    note(
        figure,
        f"{study.profile.roles[role].title}.",
        "Before pruning all of them compute the same.",
        plots.spread_note(table["n"]),
    )
    return figure


def _factor_colour(factor: float) -> str:
    return "#1A1A1A" if factor == 1 else "#D7301F" if factor > 1 else "#6A51A3"


def _count_down(axes: Axes, counts: pd.Series) -> None:
    """Let the number of weights fall to the right, as pruning goes on, on a logarithmic axis with a few plain ticks."""
    low, high = 0.9 * counts.min() / 1000, 1.1 * counts.max() / 1000
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    steps = [factor * 10**power for power in range(-3, 7) for factor in (1, 2, 5)]
    ticks = [step for step in steps if low <= step <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlim(high, low)


def _draw_kept(axes: Axes, group: pd.DataFrame, x: str, kernel: int) -> None:
    style, scale = kernel_style(kernel), 1000 if x == "live_left_mean" else 1
    axes.plot(group[x] / scale, group["kept_mean"], label=f"k = {kernel}", **style | _OLD)
    again = group.dropna(subset="kept_calibrated_mean")
    axes.plot(again[x] / scale, again["kept_calibrated_mean"], label="_", **style | _NEW)
