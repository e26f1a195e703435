"""Noise before pruning: what it brings against the pruning rate, and what it does to the variances of features."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_ORDERS: dict[str, dict[str, Any]] = {
    "before": {"linestyle": "-"},
    "after": {"linestyle": "--", "markerfacecolor": "white"},
}
_NOISE: dict[str, dict[str, Any]] = {
    "without noise": {"linestyle": "-"},
    "noise before pruning": {"linestyle": "--", "markerfacecolor": "white"},
}
_STATISTICS = {False: "own statistics", True: "new statistics"}


@drawn
def noise_benefit(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> Drawing:
    """Draw by how many points the selected noisy copy beats pruning without noise, against the rate, a line a kernel.

    Noise after pruning, the control, is dashed. `sweep` as in `tables.noise_benefit`.
    """
    table = tables.noise_benefit(study, role=role, sweep=sweep)
    covered(table)
    places = _places(table)
    groups = plots.by_architecture(table.sort_values(["pool_kernel", "rate"], kind="stable"))
    figure, main, _ = plots.panels(list(groups), height=3.2, extra=1.4)
    for axes, group in zip(main, groups.values(), strict=True):
        axes.axhline(0, color="#1A1A1A", linewidth=1)
        for kernel, rows in plots.by_kernel(group):
            for order, line in _ORDERS.items():
                shown = rows[rows["order"] == order]
                label = f"k = {kernel}" if order == "before" else "_"
                style = kernel_style(kernel) | line
                plots.curve(axes, shown["rate"].map(places), shown, "benefit", band=True, label=label, **style)
        _rate_axis(axes, places)
    plots.label_left(main, "benefit (points)")
    legend(figure, columns=4, keys=[key(f"noise {order} pruning", **style) for order, style in _ORDERS.items()])
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"], "bands"))
    return figure


@drawn
def variance_discrepancy(
    study: Study, *, role: RoleName = "small_images", scope: str = "all", scale: float | None = None
) -> Drawing:
    """Draw how far features' variances are from the dense network's against the pruning rate, a line a pool kernel.

    With noise of `scale` (None: the largest) before pruning, dashed; with the dense network's own batch-norm
    statistics, and with new ones. `scope` is "all" or "live".
    """
    table = tables.feature_variances(study, role=role, scope=scope)
    covered(table)
    chosen = table["scale"].max() if scale is None else scale
    places = _places(table)
    groups = plots.by_architecture(table.sort_values(["pool_kernel", "rate"], kind="stable"))
    pairs = [(group, calibrated) for group in groups.values() for calibrated in _STATISTICS]
    titles = [f"{name}, {text}" for name in groups for text in _STATISTICS.values()]
    figure, main, _ = plots.panels(titles, height=2.6, extra=1.4)
    for axes, (group, calibrated) in zip(main, pairs, strict=True):
        measured = group[group["calibrated"] == calibrated]
        noisy = measured[(measured["order"] == "before") & ((measured["scale"] - chosen).abs() < 1e-9)]
        for (name, line), rows in zip(_NOISE.items(), (measured[measured["order"] == "none"], noisy), strict=True):
            for kernel, shown in plots.by_kernel(rows):
                label = f"k = {kernel}" if name == "without noise" else "_"
                style = kernel_style(kernel) | line
                plots.curve(axes, shown["rate"].map(places), shown, "discrepancy", band=True, label=label, **style)
        _rate_axis(axes, places)
    main[0].set_ylim(bottom=0)
    plots.label_left(main, "discrepancy")
    legend(figure, columns=4, keys=[key(name, **style) for name, style in _NOISE.items()])
    title = f"{study.profile.roles[role].title}; noise of scale {chosen:g}."
    note(figure, title, plots.spread_note(table["n"], "bands"), "Discrepancy: mean of |ln(variance / dense variance)|.")
    return figure


def _places(table: pd.DataFrame) -> dict[float, int]:
    """Return where each rate stands: at equal distances, since the highest rates lie close together."""
    return {float(rate): place for place, rate in enumerate(sorted(table["rate"].unique()))}


def _rate_axis(axes: Axes, places: dict[float, int]) -> None:
    axes.set_xlabel("pruning rate (%)")
    axes.set_xticks(list(places.values()), [f"{100 * rate:g}" for rate in places])
