"""How sharp and how diverse the solutions of optimisers are, and whether that goes with what pruning takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rflib.paper import plots
from rflib.paper.chapters.optimisers_and_prunability.runs import (
    MARKS,
    NETWORK,
    RUN,
    SECOND,
    SOLUTION,
    by_budget,
    optimiser_runs,
)
from rflib.paper.frames import spearman, summarise
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, key, legend, new, note
from rflib.paper.verdicts.assessment import all_of, corrected, difference, trend
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import (
    NOTICEABLE_DECADES,
    NOTICEABLE_SIMILARITY,
)
from rflib.paper.verdicts.readings import Readings
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def loss_lines(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network, optimiser, line and step: the rise of the training loss over that at the solution."""
    frame = study.frame("sharpness", "equal_epochs", role=role)
    if frame.empty:
        return frame
    start = frame[frame["step"] == 0].set_index([*RUN, "line"])["loss"].rename("start")
    frame = frame.join(start, on=[*RUN, "line"])
    frame = frame.assign(rise=frame["loss"].astype(float) - frame["start"].astype(float))
    return summarise(frame, ["architecture", "pool_kernel", "optimiser", "line", "step"], ["rise"])


@traced
def explanations(runs: pd.DataFrame, quantities: Sequence[str] = SOLUTION) -> pd.DataFrame:
    """Return Spearman's correlation of each quantity of the solutions with what pruning takes, over optimisers.

    One row a quantity and field, of `optimiser_runs`: correlated within every seed over its optimisers, mean and
    spread over seeds; with the loss under global pruning (`lost`) and among live weights (`lost_live`). A constant
    loss has no correlation.
    """
    rows = []
    for (architecture, kernel, seed), group in runs.groupby(NETWORK, sort=False) if len(runs) else ():
        for quantity in (name for name in quantities if name in group):
            values = group[quantity].astype(float).tolist()
            found = {name: spearman(values, group[name].tolist()) for name in ("lost", "lost_live")}
            row = {"quantity": quantity, "architecture": architecture, "pool_kernel": kernel, "seed": seed}
            rows.append(row | {"optimisers": len(group)} | found)
    if not rows:
        return pd.DataFrame()
    keys = ["quantity", "architecture", "pool_kernel", "optimisers"]
    return summarise(pd.DataFrame(rows), keys, ["lost", "lost_live"])


_EXPLANATIONS = {
    "largest": "largest eigenvalue",
    "asam": "sharpness (ASAM)",
    "filter_similarity": "filter similarity",
    "relative_rank": "relative rank of filters",
}


_LOGARITHMIC = ("largest",)


_LINES = {"eigenvector": "along the top eigenvector", "random": "along a random direction"}


@drawn
def draw_solutions_by_optimiser(study: Study, *, role: RoleName = "small_images", live: bool = False) -> Drawing:
    """Draw the points of accuracy that pruning at 0.9 takes against sharpness and filter diversity, a dot a network."""
    runs = optimiser_runs(study, role=role)
    if runs.empty or not {*_EXPLANATIONS} <= {*runs}:
        raise NothingToDraw
    figure = new(5.9)
    panels = figure.subplots(2, 2, sharey=True).flatten()
    kernels = sorted(runs["pool_kernel"].unique())
    for axes, (quantity, name) in zip(panels, _EXPLANATIONS.items(), strict=True):
        for row in runs.to_dict("records"):
            style = MARKS[row["optimiser"]]
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
def draw_loss_around_solutions(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw the rise of the training loss around solutions along two lines, a row a field and a colour an optimiser."""
    table = loss_lines(study, role=role)
    covered(table)
    kernels = dict(plots.by_kernel(table))
    figure = new(2.5 * len(kernels) + 1.5)
    rows = figure.subplots(len(kernels), len(_LINES), sharex="col", sharey="col", squeeze=False)
    for (kernel, at_field), panels in zip(kernels.items(), rows, strict=True):
        for axes, (line, title) in zip(panels, _LINES.items(), strict=True):
            chosen = at_field[at_field["line"] == line]
            for name, group in chosen.groupby("optimiser", sort=False):
                plots.curve(axes, group["step"], group, "rise", band=True, label=name, **MARKS[str(name)])
            axes.set_yscale("symlog", linthresh=0.1)
            axes.set_title(f"k = {kernel}, {title}")
        panels[0].set_ylabel("rise of the loss")
    for axes, unit in zip(rows[-1], ("step (length in weight space)", "step (lengths of the filters)"), strict=True):
        axes.set_xlabel(unit)
    legend(figure, columns=4)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"], "bands"))
    return figure


# What the explanations expect: sharper solutions lose more, and so do those whose filters are less alike. Differences
# of sharpness are ratios, so they are taken of logarithms.
_EXPECTED: Mapping[str, tuple[str, int, float, str]] = {
    "largest": ("largest eigenvalue", 1, NOTICEABLE_DECADES, "decades"),
    "filter_similarity": ("filter similarity", -1, NOTICEABLE_SIMILARITY, "similarity"),
}


def decide_explained(readings: Readings) -> Finding:
    """PT-14: solutions of second-order optimisers are sharper and more diverse, and both go with what pruning takes."""
    plain, live = (corrected(_explanations(readings, loss)) for loss in ("lost", "lost_live"))
    control = beside(plain, live, "Among live weights the explanation is")
    remark = "A correlation over a handful of optimisers does not say that the one is the reason of the other."
    return Finding(plain, remark=remark, control=control)


def _explanations(readings: Readings, loss: str) -> list[Evidence]:
    """Return, by quantity and field, whether it differs between optimisers as expected and goes with the loss."""
    found = []
    for where, budget, runs in by_budget(readings):
        for kernel, at_field in runs.groupby("pool_kernel"):
            for quantity in (name for name in _EXPECTED if budget == "equal epochs" and name in runs):
                name, expected, noticeable, measure = _EXPECTED[quantity]
                place = f"{where}, {name}, k = {kernel}"
                apart = difference(
                    f"{place}, apart", _apart(at_field, quantity), expected, noticeable=noticeable, measure=measure
                )
                found.append(all_of(place, [apart, _correlated(f"{place}, with the loss", at_field, quantity, loss)]))
    return [each for each in found if each is not None]


def _apart(runs: pd.DataFrame, quantity: str) -> pd.Series:
    """Return, by seed, the mean over second-order optimisers minus that over the others; of logarithms of sharpness."""
    values = runs[quantity].astype(float)
    if quantity == "largest":
        values = values.where(values > 0).map(np.log10)
    second = runs["kind"] == SECOND
    mean = {kind: values[rows].groupby(runs["seed"]).mean() for kind, rows in ((True, second), (False, ~second))}
    return mean[True] - mean[False]


def _correlated(where: str, runs: pd.DataFrame, quantity: str, loss: str) -> Evidence | None:
    """Return whether the loss follows the rank that optimisers have by a quantity within a seed: Page's exact test.

    Every seed is a block that ranks its optimisers. None unless each has three optimisers and the same number.
    """
    rank = runs.groupby("seed")[quantity].rank(method="first")
    grid = runs.assign(rank=rank).pivot(index="seed", columns="rank", values=loss).dropna()
    if grid.shape[1] < 3 or grid.empty:
        return None
    found = trend(where, grid, _EXPECTED[quantity][1])
    measure = f"rank correlation over {grid.shape[1]} optimisers"
    return (
        None if found is None else replace(found, measure=measure, kernels=None, change=None, interval=None, steps=())
    )


CLAIMS = {
    "PT-14": Rule(
        decide_explained,
        "Both must hold of each quantity at equal epochs, the largest eigenvalue of the trained network and the mean "
        "absolute cosine of its filters: it differs between second-order optimisers and the others (sharper, less "
        "alike), and over the optimisers of a seed the loss to pruning follows its rank (sharper loses more, more "
        f"alike loses less; Page's exact test, each seed a block). {DIFFERENCE}",
        "sharpness of networks of three or more optimisers, one of them second-order",
        ("fig-solutions-by-optimiser",),
    ),
}
