"""Networks by optimiser: accuracy and its cost, what explains the loss to pruning, and the loss around solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, key, legend, new, note, quantity_style
from rflib.study.optimiser_plans import BUDGETS, Budget
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_OPTIMISERS: dict[str, dict[str, Any]] = {
    "sgd": {"color": "#1A1A1A", "marker": "o"},
    "adamw": {"color": "#1F4E9E", "marker": "s"},
    "sam": {"color": "#009E73", "marker": "^"},
    "asam": {"color": "#7FBF3F", "marker": "v"},
    "adahessian": {"color": "#D7301F", "marker": "D"},
    "soap": {"color": "#E08A00", "marker": "P"},
}
_EXPLANATIONS = {
    "largest": "largest eigenvalue",
    "asam": "sharpness (ASAM)",
    "filter_similarity": "filter similarity",
    "relative_rank": "relative rank of filters",
}
_LOGARITHMIC = ("largest",)
_LINES = {"eigenvector": "along the top eigenvector", "random": "along a random direction"}


@drawn
def prunability_by_optimiser(
    study: Study, *, role: RoleName = "small_images", budget: Budget = "epochs", rate: float = 0.9
) -> Drawing:
    """Draw accuracy in percent, dense, pruned globally and pruned among live weights, a panel a field."""
    runs = tables.optimiser_runs(study, role=role, budget=budget, rate=rate)
    covered(runs)
    table = tables.by_optimiser(runs)
    kernels = dict(plots.by_kernel(table))
    figure, main, _ = plots.panels([f"k = {kernel}" for kernel in kernels], height=2.9, extra=1.2)
    for axes, group in zip(main, kernels.values(), strict=True):
        places = np.arange(len(group))
        for shift, quantity, label in ((-0.2, "dense", "dense"), (0.0, "pruned", "pruned"), (0.2, "live", "live")):
            style = quantity_style(quantity) | {"linestyle": "none"}
            name = f"pruned among {label} weights" if quantity == "live" else label
            plots.curve(axes, pd.Series(places + shift), group.reset_index(), quantity, label=name, **style)
        _optimiser_axis(axes, group)
    plots.accuracy_axis(main)
    legend(figure, columns=3)
    title = study.profile.roles[role].title
    note(figure, f"{title}, rate {rate:g}, equal {budget}.", plots.spread_note(table["n"]))
    return figure


@drawn
def cost_of_optimisers(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw dense accuracy in percent against gradient evaluations, at equal epochs, and hollow at equal evaluations."""
    found = {budget: tables.by_optimiser(tables.optimiser_runs(study, role=role, budget=budget)) for budget in BUDGETS}
    if found["epochs"].empty:
        raise NothingToDraw
    kernels = dict(plots.by_kernel(found["epochs"]))
    figure, main, _ = plots.panels([f"k = {kernel}" for kernel in kernels], height=2.7, extra=1.4)
    for axes, kernel in zip(main, kernels, strict=True):
        for budget, table in found.items():
            for row in table[table["pool_kernel"] == kernel].to_dict("records") if len(table) else ():
                filled = {} if budget == "epochs" else {"markerfacecolor": "none", "markersize": 9}
                _point(axes, row["evaluations"], row, "dense", row["optimiser"], **filled)
        axes.set_xlabel("evaluations (epochs of SGD)")
        axes.set_xlim(left=0)
        axes.margins(x=0.1)
    plots.accuracy_axis(main)
    legend(figure, columns=4, keys=[key("equal evaluations", marker="o", linestyle="none", markerfacecolor="none")])
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(found["epochs"]["n"]))
    return figure


@drawn
def solutions_by_optimiser(study: Study, *, role: RoleName = "small_images", live: bool = False) -> Drawing:
    """Draw the points of accuracy that pruning at 0.9 takes against sharpness and filter diversity, a dot a network."""
    runs = tables.optimiser_runs(study, role=role)
    if runs.empty or not {*_EXPLANATIONS} <= {*runs}:
        raise NothingToDraw
    figure = new(5.9)
    panels = figure.subplots(2, 2, sharey=True).flatten()
    kernels = sorted(runs["pool_kernel"].unique())
    for axes, (quantity, name) in zip(panels, _EXPLANATIONS.items(), strict=True):
        for row in runs.to_dict("records"):
            style = _OPTIMISERS[row["optimiser"]]
            fill = style["color"] if row["pool_kernel"] == kernels[0] else "none"
            y = row["lost_live" if live else "lost"]
            axes.plot(row[quantity], y, label=row["optimiser"], linestyle="none", markerfacecolor=fill, **style)
        if quantity in _LOGARITHMIC:
            axes.set_xscale("log")
        axes.set_xlabel(name)
    for axes in panels[::2]:
        axes.set_ylabel("accuracy lost (points)")
    larger = f"k = {', '.join(str(kernel) for kernel in kernels[1:])}"
    fills = {f"k = {kernels[0]}": "#333333", larger: "none"} if len(kernels) > 1 else {}
    keys = [key(label, marker="o", linestyle="none", markerfacecolor=fill) for label, fill in fills.items()]
    legend(figure, columns=5, keys=keys)
    pruned = "pruned among live weights" if live else "pruned globally"
    note(figure, f"{study.profile.roles[role].title}, {pruned} at rate 0.9. One marker a network and seed.")
    return figure


@drawn
def loss_around_solutions(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw the rise of the training loss around solutions along two lines, a row a field and a colour an optimiser."""
    table = tables.loss_lines(study, role=role)
    covered(table)
    kernels = dict(plots.by_kernel(table))
    figure = new(2.5 * len(kernels) + 1.5)
    rows = figure.subplots(len(kernels), len(_LINES), sharex="col", sharey="col", squeeze=False)
    for (kernel, at_field), panels in zip(kernels.items(), rows, strict=True):
        for axes, (line, title) in zip(panels, _LINES.items(), strict=True):
            chosen = at_field[at_field["line"] == line]
            for name, group in chosen.groupby("optimiser", sort=False):
                plots.curve(axes, group["step"], group, "rise", band=True, label=name, **_OPTIMISERS[str(name)])
            axes.set_yscale("symlog", linthresh=0.1)
            axes.set_title(f"k = {kernel}, {title}")
        panels[0].set_ylabel("rise of the loss")
    for axes, unit in zip(rows[-1], ("step (length in weight space)", "step (lengths of the filters)"), strict=True):
        axes.set_xlabel(unit)
    legend(figure, columns=4)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"], "bands"))
    return figure


def _optimiser_axis(axes: Axes, table: pd.DataFrame) -> None:
    axes.set_xticks(range(len(table)), table["optimiser"].tolist(), rotation=30, ha="right")
    axes.set_xlim(-0.5, len(table) - 0.5)
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("optimiser")


def _point(axes: Axes, x: float, row: dict[Any, Any], quantity: str, label: str, **changes: Any) -> None:
    style = _OPTIMISERS[label] | {"linestyle": "none"} | changes
    axes.plot(x, row[f"{quantity}_mean"], label=label, **style)
    if pd.notna(row[f"{quantity}_sd"]):
        spread = row[f"{quantity}_sd"]
        axes.errorbar(x, row[f"{quantity}_mean"], yerr=spread, fmt="none", ecolor=style["color"], elinewidth=1.2)
