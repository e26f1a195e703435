"""Panels, axes and curves that figures of several chapters share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from rflib.paper import plots, reported
from rflib.paper.style import Drawing, NothingToDraw, legend, new, note, quantity_style
from rflib.study.profiles import RoleName

_PAPER_DATA: dict[RoleName, str] = {"small_images": "CIFAR-10", "large_images": "Tiny ImageNet"}


class Panels(NamedTuple):
    """A figure, its panels in reading order, and the low strip under each, if there are strips."""

    figure: Drawing
    main: list[Axes]
    strips: list[Axes]


def panels(
    titles: Sequence[str], *, columns: int = 2, height: float = 2.7, strip: float = 0.0, extra: float = 1.1
) -> Panels:
    """Return one panel a title, all with one y axis: `height` inches each, a strip of `strip` inches under it,
    and `extra` inches for legend and note. Without a title there is `NothingToDraw`.
    """
    if not titles:
        raise NothingToDraw
    columns = min(columns, len(titles))
    rows = math.ceil(len(titles) / columns)
    ratios = [height, strip] if strip else [height]
    figure = new(rows * sum(ratios) + extra)
    grid = figure.add_gridspec(rows * len(ratios), columns, height_ratios=ratios * rows)
    main: list[Axes] = []
    strips: list[Axes] = []
    for index, title in enumerate(titles):
        row, column = divmod(index, columns)
        axes = figure.add_subplot(grid[row * len(ratios), column], sharey=main[0] if main else None)
        axes.set_title(title)
        main.append(axes)
        axes.tick_params(labelleft=column == 0)
        if strip:
            below = figure.add_subplot(
                grid[row * len(ratios) + 1, column], sharex=axes, sharey=strips[0] if strips else None
            )
            axes.tick_params(labelbottom=False)
            below.tick_params(labelleft=column == 0)
            strips.append(below)
    return Panels(figure, main, strips)


def by_architecture(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each network, in the order of appearance."""
    return {str(name): frame[frame["architecture"] == name] for name in frame["architecture"].unique()}


def by_kernel(frame: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield each pool kernel, ascending, with its rows."""
    for kernel in sorted(frame["pool_kernel"].unique()):
        yield int(kernel), frame[frame["pool_kernel"] == kernel]


def columns_for(table: pd.DataFrame) -> int:
    """Return 2 if a panel of half the width holds a tick for every field of a network, else 1."""
    return 2 if table.groupby("architecture")["receptive_field"].nunique().max() <= 4 else 1


def label_left(axes: Sequence[Axes], text: str) -> None:
    """Label the y axis of the panels of the first column."""
    for panel in axes:
        specification = panel.get_subplotspec()
        if specification is not None and specification.is_first_col():
            panel.set_ylabel(text)


def curve(
    axes: Axes,
    x: Sequence[float] | pd.Series,
    summary: pd.DataFrame,
    quantity: str,
    *,
    band: bool = False,
    factor: float = 1.0,
    **style: Any,
) -> None:
    """Draw the mean of a quantity with its standard deviation, times `factor`, as bars or as a band."""
    mean, spread = factor * summary[f"{quantity}_mean"], factor * summary[f"{quantity}_sd"]
    axes.plot(x, mean, clip_on=False, **style)
    if not spread.notna().any():
        return
    if band:
        axes.fill_between(x, mean - spread, mean + spread, color=style["color"], alpha=0.18, linewidth=0)
    else:
        axes.errorbar(x, mean, yerr=spread, fmt="none", ecolor=style["color"], elinewidth=1.2, capsize=0)


def hollow(axes: Axes, table: pd.DataFrame, quantity: str, label: str) -> None:
    """Mark what the paper reports, with its standard deviation, against the computed field."""
    if f"{quantity}_reported_mean" not in table:
        return
    printed = table[table[f"{quantity}_reported_mean"].notna()]
    if printed.empty:
        return
    style = quantity_style(quantity) | {"linestyle": "none"}
    x, mean = printed["receptive_field"], printed[f"{quantity}_reported_mean"]
    axes.plot(x, mean, markerfacecolor="none", markersize=9, markeredgewidth=1.3, label=label, clip_on=False, **style)
    axes.errorbar(
        x, mean, yerr=printed[f"{quantity}_reported_sd"], fmt="none", ecolor=style["color"], elinewidth=0.8, alpha=0.6
    )


def accuracy_axis(axes: Sequence[Axes]) -> None:
    """Let accuracy in percent begin at zero."""
    axes[0].set_ylim(bottom=0)
    label_left(axes, "test accuracy (%)")


def field_axis(axes: Axes, table: pd.DataFrame, *, logarithmic: bool = False) -> None:
    """Put a tick at every network's field, with its pool kernel below, and how many downsamplings are left out."""
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    ticks = table.drop_duplicates("receptive_field")
    axes.set_xticks(ticks["receptive_field"].tolist(), [_field_label(row) for row in ticks.to_dict("records")])
    axes.set_xlabel("receptive field (px)")


def rate_places(table: pd.DataFrame) -> dict[float, int]:
    """Return where each pruning rate stands: at equal distances, since the highest rates lie close together."""
    return {float(rate): place for place, rate in enumerate(sorted(table["rate"].unique()))}


def rate_axis(axes: Axes, places: Mapping[float, int]) -> None:
    """Put a tick at the place of every pruning rate, in percent."""
    axes.set_xlabel("pruning rate (%)")
    axes.set_xticks(list(places.values()), [f"{100 * rate:g}" for rate in places])


def _field_label(row: Mapping[Any, Any]) -> str:
    omitted = row.get("omitted_downsamplings", 0)
    return f"{row['receptive_field']:.0f}\nk={row['pool_kernel']}" + (f"\n{omitted} left out" if omitted else "")


def dead_bars(
    axes: Axes, x: Sequence[float] | pd.Series, shares: pd.Series, *, top: float, colours: Any = None
) -> None:
    """Draw shares in percent as bars with their values on top; the axis ends at `top`."""
    positions = np.asarray(x, dtype=float)
    gap = float(np.diff(np.sort(positions)).min()) if len(positions) > 1 else float(positions[0])
    bars = axes.bar(positions, shares, width=0.5 * gap, color=colours or quantity_style("dead_share")["color"])
    axes.bar_label(bars, fmt="%.0f", fontsize=9.5, padding=1)
    axes.set_ylim(0, top)
    axes.set_yticks([0, 50, 100])
    axes.grid(axis="x", visible=False)
    if len(positions) == 1:
        axes.set_xlim(0, 2 * float(positions[0]))


def kernel_label(architecture: str, pool_kernel: int) -> str:
    """Return "k = 2 (paper: 359 px)", without the paper's label where it has none."""
    printed = reported.label(architecture, pool_kernel)
    return f"k = {pool_kernel}" + (f" (paper: {printed} px)" if printed else "")


def spread_note(counts: pd.Series, shown: str = "bars") -> str:
    """Return how many seeds a mean is over and what its spread is."""
    fewest, most = int(counts.min()), int(counts.max())
    if most == 1:
        return "n = 1 seed, so no spread."
    seeds = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"Mean of n = {seeds} seeds; {shown}: ± 1 standard deviation."


def new_statistics_note(table: pd.DataFrame) -> str:
    """Return what new statistics are, and of how many seeds, if `table` has any."""
    counts = table["n_calibrated"][table["n_calibrated"] > 0]
    if counts.empty:
        return ""
    fewest, most = int(counts.min()), int(counts.max())
    seeds = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"Anew: with batch-norm statistics re-estimated on training images after pruning, n = {seeds}."


def paper_note(table: pd.DataFrame, role: RoleName) -> str:
    """Return what hollow markers are, if the paper reports anything that `table` holds."""
    printed = [column for column in table if str(column).endswith("_reported_mean")]
    if not table[printed].notna().any(axis=None):
        return ""
    return f"Hollow: as the paper reports it for {_PAPER_DATA[role]}."


_LEAST_POINTS = 5.0
BEFORE: dict[str, Any] = {"color": "#1F4E9E", "marker": "o", "linestyle": "none", "markersize": 7}
AFTER: dict[str, Any] = {"color": "#D7301F", "marker": "s", "linestyle": "none", "markersize": 7}


def before_and_after(
    table: pd.DataFrame, versions: Mapping[str, str], *, cost: str, title: str, label: str, images: str
) -> Drawing:
    """Draw test accuracy in percent against a cost, one pair of markers a row.

    `versions` are the two endings of the columns (`COST_ENDING`, `accuracy_ENDING_mean`, `accuracy_ENDING_sd`)
    with their names in the legend; `label` names the cost with its unit, `images` the images.
    """
    figure, (axes,), _ = plots.panels([title], height=3.4, extra=1.2)
    for row in table.to_dict("records"):
        _pair(axes, row, versions, cost)
    axes.set_xscale("log")
    axes.margins(x=0.2, y=0.15)
    _widen(axes)
    axes.set(xlabel=label, ylabel="test accuracy (%)")
    legend(figure, columns=2)
    note(figure, f"{images}.", plots.spread_note(table["n"]))
    return figure


def _widen(axes: Axes) -> None:
    """Let the y axis span so many points that a difference of a few tenths does not fill it."""
    low, high = axes.get_ylim()
    if high - low < _LEAST_POINTS:
        middle = (low + high) / 2
        axes.set_ylim(middle - _LEAST_POINTS / 2, middle + _LEAST_POINTS / 2)


def _pair(axes: Axes, row: Mapping[Any, Any], versions: Mapping[str, str], cost: str) -> None:
    x = [row[f"{cost}_{version}"] for version in versions]
    y = [row[f"accuracy_{version}_mean"] for version in versions]
    axes.plot(x, y, color="#9A9A9A", linewidth=1.2, zorder=1)
    for place, ((version, name), style) in enumerate(zip(versions.items(), (BEFORE, AFTER), strict=True)):
        axes.plot(x[place], y[place], label=name, **style)
        if pd.notna(spread := row[f"accuracy_{version}_sd"]):
            axes.errorbar(x[place], y[place], yerr=spread, fmt="none", ecolor=style["color"], elinewidth=1.2)
    axes.annotate(row["architecture"], (x[0], y[0]), xytext=(6, 6), textcoords="offset points", fontsize=9)


def draw_accuracies(axes: Axes, table: pd.DataFrame, rate: float) -> None:
    """Draw dense and pruned accuracy in percent, measured and reported, against the field in pixels."""
    labels = {
        "dense": "dense",
        "pruned": f"{rate:.0%} of all pruned",
        "live": f"{rate:.0%} of live pruned",
    }
    for quantity, label in labels.items():
        curve(axes, table["receptive_field"], table, quantity, label=label, **quantity_style(quantity))
        again = table.dropna(subset=f"{quantity}_calibrated_mean") if quantity != "dense" else table.iloc[:0]
        if len(again):
            name = f"{quantity}_calibrated"
            curve(axes, again["receptive_field"], again, name, label=f"{label}, anew", **quantity_style(name))
    hollow(axes, table, "dense", "dense, paper")
    hollow(axes, table, "pruned", f"{rate:.0%} pruned, paper")
