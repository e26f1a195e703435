"""What pruning takes from the networks of each optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots
from rflib.paper.chapters.optimisers_and_prunability.runs import (
    FAMILIES,
    MARKS,
    SECOND,
    by_budget,
    by_optimiser,
    optimiser_runs,
)
from rflib.paper.plans.thesis import BUDGETS, Budget
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, key, legend, note, quantity_style
from rflib.paper.verdicts.assessment import corrected, difference
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import (
    GUESSING_POINTS,
    NOTICEABLE_POINTS,
    RATE,
)
from rflib.paper.verdicts.readings import Readings
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


def near_guessing(table: pd.DataFrame, *, guess: float) -> pd.DataFrame:
    """Return one row: how many `networks` of `by_optimiser` are pruned to `margin` points above `guess` or less."""
    near = int((table["pruned_mean"] <= guess + GUESSING_POINTS).sum()) if len(table) else 0
    counts = {"networks": [len(table)], "near": [near], "margin": [GUESSING_POINTS]}
    return pd.DataFrame(counts).iloc[: len(table)]


@traced
def second_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a pool kernel of `by_optimiser`: what pruning takes from second-order networks beyond the others.

    `lost` and `lost_live` are differences of means in points; `second` and `others` name the optimisers.
    """
    rows = []
    for kernel, group in table.groupby("pool_kernel") if len(table) else ():
        kinds = [group[(group["kind"] == SECOND) == wanted] for wanted in (True, False)]
        beyond = [kinds[0][f"{loss}_mean"].mean() - kinds[1][f"{loss}_mean"].mean() for loss in ("lost", "lost_live")]
        if all(map(len, kinds)):
            rows.append([kernel, *beyond, *(", ".join(each["optimiser"]) for each in kinds)])
    return pd.DataFrame(rows, columns=["pool_kernel", "lost", "lost_live", "second", "others"])


@drawn
def draw_prunability_by_optimiser(
    study: Study, *, role: RoleName = "small_images", budget: Budget = "epochs", rate: float = 0.9
) -> Drawing:
    """Draw accuracy in percent, dense, pruned globally and pruned among live weights, a panel a field."""
    runs = optimiser_runs(study, role=role, budget=budget, rate=rate)
    covered(runs)
    table = by_optimiser(runs)
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
def draw_cost_of_optimisers(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw dense accuracy in percent against gradient evaluations, at equal epochs, and hollow at equal evaluations."""
    found = {budget: by_optimiser(optimiser_runs(study, role=role, budget=budget)) for budget in BUDGETS}
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


def _optimiser_axis(axes: Axes, table: pd.DataFrame) -> None:
    axes.set_xticks(range(len(table)), table["optimiser"].tolist(), rotation=30, ha="right")
    axes.set_xlim(-0.5, len(table) - 0.5)
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("optimiser")


def _point(axes: Axes, x: float, row: dict[Any, Any], quantity: str, label: str, **changes: Any) -> None:
    style = MARKS[label] | {"linestyle": "none"} | changes
    axes.plot(x, row[f"{quantity}_mean"], label=label, **style)
    if pd.notna(row[f"{quantity}_sd"]):
        spread = row[f"{quantity}_sd"]
        axes.errorbar(x, row[f"{quantity}_mean"], yerr=spread, fmt="none", ecolor=style["color"], elinewidth=1.2)


_NEEDS = "networks of a second-order optimiser and of another, pruned"


def decide_second_order(readings: Readings) -> Finding:
    """PT-12: pruning takes more from networks of a second-order optimiser than from the mean of the others."""
    plain, live = (corrected(_excess(readings, loss)) for loss in ("lost", "lost_live"))
    control = beside(plain, live, "Among live weights the difference is")
    return Finding(plain, remark=_dense(readings), control=control)


def decide_recovered(readings: Readings) -> Finding:
    """PT-15: second-order networks are more accurate after pruning at the largest field than at the smallest."""
    plain, live = (corrected(_gains(readings, accuracy)) for accuracy in ("pruned", "live"))
    return Finding(plain, control=beside(plain, live, "Among live weights the gain is"))


def _excess(readings: Readings, loss: str) -> list[Evidence]:
    """Return, by second-order optimiser, field and budget, its loss beyond the mean of the others."""
    found = []
    for where, budget, runs in by_budget(readings):
        for kernel, at_field in runs.groupby("pool_kernel"):
            wide = at_field.pivot(index="seed", columns="optimiser", values=loss)
            second = [str(name) for name in wide if FAMILIES[str(name)] == SECOND]
            others = wide.drop(columns=second)
            for name in second if others.shape[1] else ():
                excess = wide[name] - others.mean(axis=1, skipna=False)
                found.append(difference(f"{where}, {budget}, {name}, k = {kernel}", excess, 1))
    return [each for each in found if each is not None]


def _gains(readings: Readings, accuracy: str) -> list[Evidence]:
    """Return, by second-order optimiser and budget, accuracy at the largest kernel minus that at the smallest."""
    found = []
    for where, budget, runs in by_budget(readings):
        for name, own in runs[runs["kind"] == SECOND].groupby("optimiser", sort=False):
            wide = own.pivot(index="seed", columns="pool_kernel", values=accuracy)
            if wide.shape[1] > 1:
                gain = wide[wide.columns.max()] - wide[wide.columns.min()]
                found.append(difference(f"{where}, {budget}, {name}", gain, 1))
    return [each for each in found if each is not None]


def _dense(readings: Readings) -> str:
    """Say how accurate the dense networks of each kind are, since a network that guesses has nothing to lose."""
    frames: Sequence[pd.DataFrame] = [runs for _, budget, runs in by_budget(readings) if budget == "equal epochs"]
    if not frames:
        return ""
    means = pd.concat(frames).groupby("kind", sort=False)["dense"].mean()
    return f"Dense accuracy at equal epochs: {', '.join(f'{kind} {mean:.1f} %' for kind, mean in means.items())}."


CLAIMS = {
    "PT-12": Rule(
        decide_second_order,
        f"Dense minus pruned accuracy at rate {RATE:g}, of each second-order optimiser minus the mean of the "
        "first-order and flatness-promoting ones within a seed, is positive (more than "
        f"{NOTICEABLE_POINTS:g} point), at equal epochs and at equal gradient evaluations. {DIFFERENCE} The family is "
        "every optimiser, field and budget.",
        _NEEDS,
        ("fig-prunability-by-optimiser",),
    ),
    "PT-15": Rule(
        decide_recovered,
        f"Accuracy pruned at rate {RATE:g} of a second-order optimiser, at the largest kernel minus at the smallest "
        f"within a seed, is positive (more than {NOTICEABLE_POINTS:g} point), at equal epochs and at "
        f"equal gradient evaluations. {DIFFERENCE}",
        "networks of a second-order optimiser at two or more pool kernels, pruned",
        ("fig-prunability-by-optimiser",),
    ),
}
