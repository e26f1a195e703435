"""Redundancy of deep layers: saturation along the depth, what pruning them alone costs, and the best field."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from rflib.paper import plots, tables
from rflib.paper.figures.accuracy import draw_accuracies
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note, quantity_style
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_SCOPES = {"global": ("pruned", "among all weights"), "live": ("live", "among live weights")}
_OPTIMUM: dict[str, Any] = {"markerfacecolor": "none", "markersize": 14, "markeredgewidth": 1.6, "linestyle": "none"}


@drawn
def saturation_along_depth(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> Drawing:
    """Draw the saturation of every convolution in percent against its place, a line a pool kernel.

    Dense, and dashed as pruned at the highest rate measured, among "all" weights or "live" ones. The deep layers, the
    last third, are shaded.
    """
    frame = tables.layer_redundancy(study, role=role, scope=scope)
    covered(frame)
    rate = frame["rate"].max()
    lines: dict[float, dict[str, Any]] = {0.0: {"linestyle": "-"}, rate: {"linestyle": "--"}}
    groups = plots.by_architecture(frame)
    # Half the width is too little for the lines of fifty convolutions.
    figure, main, _ = plots.panels(list(groups), columns=1, height=2.6, extra=1.5)
    for axes, group in zip(main, groups.values(), strict=True):
        axes.axvspan(group.loc[group["deep"], "position"].min(), 1, color="#EFEFEF", zorder=0, label="deep layers")
        for kernel, rows in plots.by_kernel(group):
            for each, line in lines.items():
                summary = tables.summarise(rows[rows["rate"] == each], ["position"], ["saturation"])
                label = f"k = {kernel}" if not each else "_"
                style = kernel_style(kernel) | {"marker": ""} | line
                plots.curve(axes, summary["position"], summary, "saturation", band=True, label=label, **style)
    main[-1].set_xlabel("place of the convolution")
    main[0].set_ylim(0, 100)
    plots.label_left(main, "saturation (%)")
    keys = [key("dense", **lines[0.0]), key(f"pruned at {rate:g}", **lines[rate])]
    legend(figure, columns=4, keys=keys, across=True)
    note(
        figure,
        f"{study.profile.roles[role].title}.",
        plots.spread_note(frame.groupby("architecture")["seed"].nunique(), "bands"),
    )
    return figure


@drawn
def deep_pruning(study: Study, *, role: RoleName = "small_images", part: str = "deep", rate: float = 0.9) -> Drawing:
    """Draw what pruning the deep layers alone costs in points, among all and among live weights, over pool kernels.

    The strip under each panel shows the share of dead taps among the weights of the part, in percent.
    """
    table = tables.deep_pruning(study, role=role, part=part)
    if len(table):
        table = table[(table["rate"] - rate).abs() < 1e-9]
    covered(table)
    groups = plots.by_architecture(table.sort_values("pool_kernel", kind="stable"))
    figure, main, strips = plots.panels(list(groups), height=2.8, strip=0.8, extra=1.4)
    for axes, strip, group in zip(main, strips, groups.values(), strict=True):
        axes.axhline(0, color="#1A1A1A", linewidth=1)
        for scope, (quantity, label) in _SCOPES.items():
            rows = group[group["scope"] == scope]
            plots.curve(axes, rows["pool_kernel"], rows, "lost", label=label, **quantity_style(quantity))
        whole = group.drop_duplicates("pool_kernel")
        plots.dead_bars(strip, whole["pool_kernel"], whole["dead_share"], top=150)
        strip.set_xticks(whole["pool_kernel"].tolist())
        strip.set_xlabel("pool kernel k")
    plots.label_left(main, "lost accuracy (points)")
    plots.label_left(strips, "dead (%)")
    legend(figure, columns=2)
    title = f"{study.profile.roles[role].title}; the {part} layers alone pruned at {rate:g}."
    note(figure, title, plots.spread_note(table["n"]))
    return figure


@drawn
def best_field(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent against the field, dense and pruned among all and live weights; rings are the optima.

    Fields below those of the grid are of networks with downsamplings left out.
    """
    table = tables.accuracy_by_field(study, role=role, rate=rate)
    covered(table)
    optima = tables.best_fields(study, role=role, rate=rate)
    groups = plots.by_architecture(table)
    figure, main, _ = plots.panels(list(groups), columns=plots.columns_for(table), height=3.0, extra=1.5)
    for axes, (name, group) in zip(main, groups.items(), strict=True):
        draw_accuracies(axes, group, rate)
        if len(optima):
            found = optima[optima["architecture"] == name].dropna(subset="receptive_field")
            _ring(axes, found.to_dict("records"))
        plots.field_axis(axes, group, logarithmic=True)
    plots.accuracy_axis(main)
    legend(figure, columns=2, keys=[key("best field", **_OPTIMUM | {"marker": "o"})])
    title = study.profile.roles[role].title
    note(figure, f"{title}.", plots.spread_note(table["n"]), plots.paper_note(table, role))
    return figure


def _ring(axes: Axes, optima: list[dict[Any, Any]]) -> None:
    for row in optima:
        colour = quantity_style(row["way"])["color"]
        axes.plot(row["receptive_field"], row["accuracy_mean"], color=colour, marker="o", clip_on=False, **_OPTIMUM)
