"""Table 8 as curves: accuracy against the width, and the shallower network beside the deep one."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from rflib.paper import plots, tables
from rflib.paper.style import (
    NOTE_SIZE_POINTS,
    Drawing,
    covered,
    drawn,
    kernel_style,
    legend,
    note,
    quantity_style,
)
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@drawn
def width_and_depth(study: Study, *, role: RoleName = "large_images") -> Drawing:
    """Draw dense accuracy in percent against the width multiple, and of a shallow and a deep network by field."""
    widths = tables.width_and_depth(study, role=role)
    covered(widths)
    depths = tables.depth(study, role=role)
    titles = ["by width"] if depths.empty else ["by width", "by depth"]
    figure, main, _ = plots.panels(titles, height=3.2, extra=2.0)
    _draw_widths(main[0], widths)
    for right in main[1:]:
        _draw_depths(right, depths, widths["architecture"].iloc[0])
    plots.accuracy_axis(main)
    legend(figure, columns=2)
    pending = "The paper's k = 3 at three times the width is pending." if widths["pending"].any() else ""
    title = study.profile.roles[role].title
    note(figure, f"{title}.", plots.spread_note(widths["n"]), plots.paper_note(widths, role), pending)
    return figure


def _draw_widths(axes: Axes, table: pd.DataFrame) -> None:
    for kernel, group in plots.by_kernel(table):
        style = kernel_style(kernel)
        label = f"k = {kernel} ({group['receptive_field'].iloc[0]:.0f} px)"
        plots.curve(axes, group["width_multiple"], group, "dense", label=label, **style)
        outline = style | {"linestyle": "none", "markerfacecolor": "none", "markersize": 9, "markeredgewidth": 1.3}
        axes.plot(group["width_multiple"], group["dense_reported_mean"], label="_", clip_on=False, **outline)
    axes.set_xticks(sorted(table["width_multiple"].unique()))
    axes.set_xlabel("multiple of the width")


def _draw_depths(axes: Axes, table: pd.DataFrame, deep: str) -> None:
    """Draw dense and pruned accuracy of both networks against the field, each dense point with its pool kernel."""
    groups = plots.by_architecture(table)
    for name in sorted(groups, key=lambda name: name != deep):
        group = groups[name]
        line, above = ("-", True) if name == deep else ("--", False)
        for quantity in ("dense", "pruned"):
            style = quantity_style(quantity) | {"linestyle": line}
            plots.curve(axes, group["receptive_field"], group, quantity, label=f"{name}, {quantity}", **style)
        for row in group.itertuples():
            axes.annotate(
                f"k={row.pool_kernel}",
                (row.receptive_field, row.dense_mean),
                xytext=(0, 7 if above else -7),
                textcoords="offset points",
                ha="center",
                va="bottom" if above else "top",
                fontsize=NOTE_SIZE_POINTS,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("receptive field (px)")
