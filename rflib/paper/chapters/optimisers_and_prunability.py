"""Optimisers: what training costs, what pruning takes, and how sharp and how diverse the solutions are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots
from rflib.paper.frames import one_shot, spearman, summarise
from rflib.paper.plans.thesis import BUDGETS, Budget
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, key, legend, new, note, quantity_style
from rflib.paper.verdicts.assessment import all_of, corrected, difference, trend
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import (
    GUESSING_POINTS,
    NOTICEABLE_DECADES,
    NOTICEABLE_POINTS,
    NOTICEABLE_SIMILARITY,
    RATE,
)
from rflib.paper.verdicts.readings import Readings, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import Role, RoleName
from rflib.study.study import Study

FAMILIES = {
    "sgd": "first order",
    "adamw": "first order",
    "sam": "flatness",
    "asam": "flatness",
    "adahessian": "second order",
    "soap": "second order",
}
"""What kind of optimiser each is; the first two kinds are what the thesis compares the third with."""


SOLUTION = ("largest", "trace", "sam", "asam", "filter_similarity", "relative_rank", "largest_pruned", "trace_pruned")
"""What is measured of a solution, in the order of the tables."""


_NETWORK = ["architecture", "pool_kernel", "seed"]
_RUN = [*_NETWORK, "optimiser"]
_ACCURACY = ("dense", "pruned", "live", "lost", "lost_live")


@traced
def optimisers(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row an optimiser: its kind, learning rate and options, evaluations a step, and epochs by budget."""
    plan = study.profile.roles[role].optimisers if role in study.profile.roles else None
    if plan is None:
        return pd.DataFrame()
    usual = study.profile.roles[role].training
    equal = {budget: plan.schedules(usual, budget) for budget in BUDGETS}
    rows = []
    for name, training in equal["epochs"].items():
        options = training.optimiser.options
        rows.append(
            {
                "optimiser": name,
                "kind": FAMILIES[name],
                "learning_rate": training.learning_rate,
                "options": ", ".join(f"{option} {_option(value)}" for option, value in options.items()),
                "evaluations_a_step": training.optimiser.gradient_evaluations,
                "epochs_at_equal_epochs": training.epochs,
                "epochs_at_equal_evaluations": equal["evaluations"][name].epochs,
            }
        )
    return pd.DataFrame(rows)


@traced
def optimiser_runs(
    study: Study, *, role: RoleName = "small_images", budget: Budget = "epochs", rate: float = 0.9
) -> pd.DataFrame:
    """Return one row a network, optimiser and seed: accuracy dense and pruned at `rate`, in percent, and its cost.

    `pruned` ranks all prunable weights, `live` those that can receive gradient; `lost` and `lost_live` are dense minus
    pruned. `train_loss` is that of the last epoch. `evaluations` counts gradient evaluations in passes over the
    training images. Where sharpness was measured its columns follow, see `SOLUTION`.
    """
    purpose = f"equal_{budget}"
    frame = one_shot(study, role, purpose, apart=("optimiser", "epochs"))
    history = study.frame("history", purpose, role=role)
    if frame.empty or history.empty:
        return pd.DataFrame()
    frame = frame[(frame["rate"] - rate).abs() < 1e-9]
    frame = frame.rename(columns={"difference": "lost", "live_difference": "lost_live"})
    steps = _evaluations_a_step(study.profile.roles[role])
    frame = frame.assign(
        kind=frame["optimiser"].map(FAMILIES), evaluations=frame["epochs"] * frame["optimiser"].map(steps)
    )
    frame = frame[[*_RUN, "kind", "epochs", "evaluations", *_ACCURACY]]
    ended = history[history["epoch"] == history["epochs"]]
    frame = frame.merge(ended[[*_RUN, "train_loss"]], on=_RUN)
    solutions = _solutions(study, role, purpose)
    return frame if solutions.empty else frame.merge(solutions, on=_RUN, how="left")


@traced
def by_optimiser(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean, spread and n of every quantity of `optimiser_runs`, one row a network and optimiser."""
    if runs.empty:
        return runs
    runs = runs.reindex(columns=list(dict.fromkeys((*runs, *SOLUTION))))
    quantities = [*_ACCURACY, "train_loss", *SOLUTION]
    keys = ["architecture", "pool_kernel", "optimiser", "kind", "epochs", "evaluations"]
    return summarise(runs, keys, quantities)


@traced
def loss_lines(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network, optimiser, line and step: the rise of the training loss over that at the solution."""
    frame = study.frame("sharpness", "equal_epochs", role=role)
    if frame.empty:
        return frame
    start = frame[frame["step"] == 0].set_index([*_RUN, "line"])["loss"].rename("start")
    frame = frame.join(start, on=[*_RUN, "line"])
    frame = frame.assign(rise=frame["loss"].astype(float) - frame["start"].astype(float))
    return summarise(frame, ["architecture", "pool_kernel", "optimiser", "line", "step"], ["rise"])


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
        kinds = [group[(group["kind"] == _SECOND) == wanted] for wanted in (True, False)]
        beyond = [kinds[0][f"{loss}_mean"].mean() - kinds[1][f"{loss}_mean"].mean() for loss in ("lost", "lost_live")]
        if all(map(len, kinds)):
            rows.append([kernel, *beyond, *(", ".join(each["optimiser"]) for each in kinds)])
    return pd.DataFrame(rows, columns=["pool_kernel", "lost", "lost_live", "second", "others"])


@traced
def explanations(runs: pd.DataFrame, quantities: Sequence[str] = SOLUTION) -> pd.DataFrame:
    """Return Spearman's correlation of each quantity of the solutions with what pruning takes, over optimisers.

    One row a quantity and field, of `optimiser_runs`: correlated within every seed over its optimisers, mean and
    spread over seeds; with the loss under global pruning (`lost`) and among live weights (`lost_live`). A constant
    loss has no correlation.
    """
    rows = []
    for (architecture, kernel, seed), group in runs.groupby(_NETWORK, sort=False) if len(runs) else ():
        for quantity in (name for name in quantities if name in group):
            values = group[quantity].astype(float).tolist()
            found = {name: spearman(values, group[name].tolist()) for name in ("lost", "lost_live")}
            row = {"quantity": quantity, "architecture": architecture, "pool_kernel": kernel, "seed": seed}
            rows.append(row | {"optimisers": len(group)} | found)
    if not rows:
        return pd.DataFrame()
    keys = ["quantity", "architecture", "pool_kernel", "optimisers"]
    return summarise(pd.DataFrame(rows), keys, ["lost", "lost_live"])


def _solutions(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    """Return one row a run: what `sharpness` recorded of its solution, without the lines."""
    frame = study.frame("sharpness", purpose, role=role)
    frame = frame if frame.empty else frame.drop_duplicates(_RUN)
    return frame if frame.empty else frame[[*_RUN, *SOLUTION, "trace_error", "trace_error_pruned"]]


def _evaluations_a_step(role: Role) -> dict[str, float]:
    plan = role.optimisers
    schedules = {} if plan is None else plan.schedules(role.training, "epochs")
    return {name: training.optimiser.gradient_evaluations for name, training in schedules.items()}


def _option(value: object) -> str:
    return " and ".join(f"{each:g}" for each in value) if isinstance(value, tuple) else str(value)


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


_SECOND = "second order"
_NAMES = {
    "largest": "the largest eigenvalue",
    "trace": "the trace",
    "sam": "SAM's sharpness",
    "asam": "ASAM's sharpness",
    "filter_similarity": "the similarity of filters",
    "relative_rank": "the relative rank of filters",
    "largest_pruned": "the largest eigenvalue after pruning",
    "trace_pruned": "the trace after pruning",
}


_NEEDS = "networks of a second-order optimiser and of another, pruned"
# What the explanations expect: sharper solutions lose more, and so do those whose filters are less alike. Differences
# of sharpness are ratios, so they are taken of logarithms.
_EXPECTED: Mapping[str, tuple[str, int, float, str]] = {
    "largest": ("largest eigenvalue", 1, NOTICEABLE_DECADES, "decades"),
    "filter_similarity": ("filter similarity", -1, NOTICEABLE_SIMILARITY, "similarity"),
}


def decide_second_order(readings: Readings) -> Finding:
    """PT-12: pruning takes more from networks of a second-order optimiser than from the mean of the others."""
    plain, live = (corrected(_excess(readings, loss)) for loss in ("lost", "lost_live"))
    control = beside(plain, live, "Among live weights the difference is")
    return Finding(plain, remark=_dense(readings), control=control)


def decide_explained(readings: Readings) -> Finding:
    """PT-14: solutions of second-order optimisers are sharper and more diverse, and both go with what pruning takes."""
    plain, live = (corrected(_explanations(readings, loss)) for loss in ("lost", "lost_live"))
    control = beside(plain, live, "Among live weights the explanation is")
    remark = "A correlation over a handful of optimisers does not say that the one is the reason of the other."
    return Finding(plain, remark=remark, control=control)


def decide_recovered(readings: Readings) -> Finding:
    """PT-15: second-order networks are more accurate after pruning at the largest field than at the smallest."""
    plain, live = (corrected(_gains(readings, accuracy)) for accuracy in ("pruned", "live"))
    return Finding(plain, control=beside(plain, live, "Among live weights the gain is"))


def _runs(readings: Readings) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield every network at equal epochs and at equal evaluations, named, with the budget and a row a run."""
    for role in readings.study.profile.roles:
        for budget in BUDGETS:
            frame = optimiser_runs(readings.study, role=role, budget=budget, rate=RATE)
            for (architecture,), runs in groups(frame, "architecture"):
                yield f"{architecture}, {images(role)}", f"equal {budget}", runs


def _excess(readings: Readings, loss: str) -> list[Evidence]:
    """Return, by second-order optimiser, field and budget, its loss beyond the mean of the others."""
    found = []
    for where, budget, runs in _runs(readings):
        for kernel, at_field in runs.groupby("pool_kernel"):
            wide = at_field.pivot(index="seed", columns="optimiser", values=loss)
            second = [str(name) for name in wide if FAMILIES[str(name)] == _SECOND]
            others = wide.drop(columns=second)
            for name in second if others.shape[1] else ():
                excess = wide[name] - others.mean(axis=1, skipna=False)
                found.append(difference(f"{where}, {budget}, {name}, k = {kernel}", excess, 1))
    return [each for each in found if each is not None]


def _explanations(readings: Readings, loss: str) -> list[Evidence]:
    """Return, by quantity and field, whether it differs between optimisers as expected and goes with the loss."""
    found = []
    for where, budget, runs in _runs(readings):
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
    second = runs["kind"] == _SECOND
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


def _gains(readings: Readings, accuracy: str) -> list[Evidence]:
    """Return, by second-order optimiser and budget, accuracy at the largest kernel minus that at the smallest."""
    found = []
    for where, budget, runs in _runs(readings):
        for name, own in runs[runs["kind"] == _SECOND].groupby("optimiser", sort=False):
            wide = own.pivot(index="seed", columns="pool_kernel", values=accuracy)
            if wide.shape[1] > 1:
                gain = wide[wide.columns.max()] - wide[wide.columns.min()]
                found.append(difference(f"{where}, {budget}, {name}", gain, 1))
    return [each for each in found if each is not None]


def _dense(readings: Readings) -> str:
    """Say how accurate the dense networks of each kind are, since a network that guesses has nothing to lose."""
    frames: Sequence[pd.DataFrame] = [runs for _, budget, runs in _runs(readings) if budget == "equal epochs"]
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
    "PT-14": Rule(
        decide_explained,
        "Both must hold of each quantity at equal epochs, the largest eigenvalue of the trained network and the mean "
        "absolute cosine of its filters: it differs between second-order optimisers and the others (sharper, less "
        "alike), and over the optimisers of a seed the loss to pruning follows its rank (sharper loses more, more "
        f"alike loses less; Page's exact test, each seed a block). {DIFFERENCE}",
        "sharpness of networks of three or more optimisers, one of them second-order",
        ("fig-solutions-by-optimiser",),
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
