"""The optimisers, what each costs, and what its runs reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from rflib.paper.frames import one_shot, summarise
from rflib.paper.plans.thesis import BUDGETS, Budget
from rflib.paper.verdicts.margins import (
    RATE,
)
from rflib.paper.verdicts.readings import Readings, groups, images
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


NETWORK = ["architecture", "pool_kernel", "seed"]


RUN = [*NETWORK, "optimiser"]


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
    frame = frame[[*RUN, "kind", "epochs", "evaluations", *_ACCURACY]]
    ended = history[history["epoch"] == history["epochs"]]
    frame = frame.merge(ended[[*RUN, "train_loss"]], on=RUN)
    solutions = _solutions(study, role, purpose)
    return frame if solutions.empty else frame.merge(solutions, on=RUN, how="left")


@traced
def by_optimiser(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean, spread and n of every quantity of `optimiser_runs`, one row a network and optimiser."""
    if runs.empty:
        return runs
    runs = runs.reindex(columns=list(dict.fromkeys((*runs, *SOLUTION))))
    quantities = [*_ACCURACY, "train_loss", *SOLUTION]
    keys = ["architecture", "pool_kernel", "optimiser", "kind", "epochs", "evaluations"]
    return summarise(runs, keys, quantities)


def _solutions(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    """Return one row a run: what `sharpness` recorded of its solution, without the lines."""
    frame = study.frame("sharpness", purpose, role=role)
    frame = frame if frame.empty else frame.drop_duplicates(RUN)
    return frame if frame.empty else frame[[*RUN, *SOLUTION, "trace_error", "trace_error_pruned"]]


def _evaluations_a_step(role: Role) -> dict[str, float]:
    plan = role.optimisers
    schedules = {} if plan is None else plan.schedules(role.training, "epochs")
    return {name: training.optimiser.gradient_evaluations for name, training in schedules.items()}


def _option(value: object) -> str:
    return " and ".join(f"{each:g}" for each in value) if isinstance(value, tuple) else str(value)


MARKS: dict[str, dict[str, Any]] = {
    "sgd": {"color": "#1A1A1A", "marker": "o"},
    "adamw": {"color": "#1F4E9E", "marker": "s"},
    "sam": {"color": "#009E73", "marker": "^"},
    "asam": {"color": "#7FBF3F", "marker": "v"},
    "adahessian": {"color": "#D7301F", "marker": "D"},
    "soap": {"color": "#E08A00", "marker": "P"},
}


SECOND = "second order"


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


def by_budget(readings: Readings) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield every network at equal epochs and at equal evaluations, named, with the budget and a row a run."""
    for role in readings.study.profile.roles:
        for budget in BUDGETS:
            frame = optimiser_runs(readings.study, role=role, budget=budget, rate=RATE)
            for (architecture,), runs in groups(frame, "architecture"):
                yield f"{architecture}, {images(role)}", f"equal {budget}", runs
