"""Networks before and after a change: accuracy against cost, the two versions of a network joined by a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from rflib.paper.figures import layout
from rflib.paper.figures.style import Drawing, legend, note

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
    figure, (axes,), _ = layout.panels([title], height=3.4, extra=1.2)
    for row in table.to_dict("records"):
        _pair(axes, row, versions, cost)
    axes.set_xscale("log")
    axes.margins(x=0.2, y=0.15)
    _widen(axes)
    axes.set(xlabel=label, ylabel="test accuracy (%)")
    legend(figure, columns=2)
    note(figure, f"{images}.", layout.spread_note(table["n"]))
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
