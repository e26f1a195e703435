"""What the tables, figures and sentences of accuracy and one-shot pruning show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from rflib.paper import plots
from rflib.paper.frames import (
    NETWORK,
    accuracy_and_pruning,
    at_the_ends,
    fields,
    pruned_copies,
    recalibrated,
    summarise,
    training_curves,
)
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_RATE = 0.9


@traced
def new_statistics(
    study: Study, *, role: RoleName = "small_images", rate: float = _RATE, purpose: str = "grid"
) -> pd.DataFrame:
    """Return one row a network: accuracy pruned with old statistics and with re-estimated ones, over seeds.

    Among all weights (`pruned`, `pruned_calibrated`), among live ones (`live`, `live_calibrated`) and layer by layer;
    all of a row are of the same trained networks.
    """
    frame = recalibrated(study, role=role, purpose=purpose)
    frame = frame[(frame["rate"] - rate).abs() < 1e-9]
    if frame.empty:
        return frame
    keys = [*NETWORK, "seed", "dense", "dense_calibrated"]
    wide = frame.pivot_table(index=keys, columns="scope", values=["pruned", "pruned_calibrated"], sort=False)
    names = {"global": "pruned", "live": "live", "layerwise": "layerwise"}
    wide.columns = wide.columns.map(lambda pair: pair[0].replace("pruned", names[pair[1]]))
    quantities = [f"{name}{end}" for name in ("dense", *names.values()) for end in ("", "_calibrated")]
    measured = summarise(wide.reset_index(), NETWORK, [each for each in quantities if each in {*keys, *wide.columns}])
    return fields(study, role, purpose)[[*NETWORK, "receptive_field", "dead_share"]].merge(measured, on=NETWORK)


@drawn
def draw_accuracy_and_pruning(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent against the field in pixels, a panel a network, over the share of dead taps.

    Dense, and pruned one-shot at `rate` among all weights and among live ones, with the batch-norm statistics of
    training and, where that was measured, with re-estimated ones.
    """
    table = accuracy_and_pruning(study, role=role, rate=rate)
    covered(table)
    groups = plots.by_architecture(table)
    figure, main, strips = plots.panels(list(groups), columns=plots.columns_for(table), strip=1.25, extra=1.5)
    for axes, strip, group in zip(main, strips, groups.values(), strict=True):
        plots.draw_accuracies(axes, group, rate)
        plots.dead_bars(strip, group["receptive_field"], group["dead_share"], top=130)
        plots.field_axis(strip, group)
    plots.accuracy_axis(main)
    plots.label_left(strips, "dead taps (%)")
    legend(figure, columns=2)
    title = study.profile.roles[role].title
    again = plots.new_statistics_note(table)
    note(figure, f"{title}.", plots.spread_note(table["n"]), again, plots.paper_note(table, role))
    return figure


_OLD: dict[str, Any] = {"linestyle": "-"}


_NEW: dict[str, Any] = {"linestyle": ":", "markerfacecolor": "white"}


_RANKINGS = {"global": "all weights", "live": "live weights"}


_KEYS = [key("old statistics", **_OLD), key("re-estimated", **_NEW)]


_AXES = {"live_pruned_share": "live weights pruned (%)", "live_left": "live weights left (thousands)"}


_KEPT = "Kept: accuracy above guessing, in percent of the dense network's."


@drawn
def draw_new_statistics(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy in percent against the pruning rate, with old batch-norm statistics and with re-estimated ones.

    A row a network, a column for ranking all weights and one for ranking live ones, a colour a pool kernel.
    """
    frame = recalibrated(study, role=role)
    covered(frame)
    by = ["architecture", "scope", "pool_kernel", "rate"]
    table = summarise(frame, by, ["pruned", "pruned_calibrated"]).sort_values("rate")
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
def draw_live_weights(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw what pruning live weights leaves against the share of them that went, and against how many are left.

    A row a network; lines are old statistics, dotted ones re-estimated; in percent of the dense network's accuracy
    above guessing.
    """
    frame = pruned_copies(study, role, "grid")
    frame = frame[frame["scope"] == "live"]
    covered(frame)
    by = ["architecture", "pool_kernel", "rate"]
    table = summarise(frame, by, ["kept", "kept_calibrated", *_AXES]).sort_values("rate")
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


@traced
def dead_among_pruned(
    study: Study, *, role: RoleName = "small_images", rates: Sequence[float] = (0.8, 0.9)
) -> pd.DataFrame:
    """Return one row a network of smallest or largest field and rate: what global pruning took, in percent.

    `pruned_dead_share` is the share of dead weights in it, `live_pruned_share` that of the live weights that went.
    """
    copies = pruned_copies(study, role, "grid")
    copies = copies[(copies["scope"] == "global") & copies["rate"].isin(rates)]
    shares = summarise(copies, [*NETWORK, "rate"], ["pruned_dead_share", "live_pruned_share"])
    return at_the_ends(fields(study, role)).merge(shares, on=NETWORK)


@traced
def selection_gains(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a run: `gain` in points when the best test epoch takes the place of the last."""
    runs = training_curves(study, role=role).groupby([*NETWORK, "purpose", "seed"], sort=False)["test_accuracy"]
    return (runs.max() - runs.last()).rename("gain").reset_index()
