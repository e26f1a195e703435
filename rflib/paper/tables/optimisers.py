"""Networks by optimiser: what training costs, what pruning takes, and how sharp and how diverse the solutions are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rflib.paper.frames import one_shot, summarise, trend
from rflib.study.optimiser_plans import BUDGETS, Budget
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
    ended = history[(history["role"] == role) & (history["epoch"] == history["epochs"])]
    frame = frame.merge(ended[[*_RUN, "train_loss"]], on=_RUN)
    solutions = _solutions(study, role, purpose)
    return frame if solutions.empty else frame.merge(solutions, on=_RUN, how="left")


@traced
def by_optimiser(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean, spread and n of every quantity of `optimiser_runs`, one row a network and optimiser."""
    if runs.empty:
        return runs
    quantities = [*_ACCURACY, "train_loss", *(name for name in SOLUTION if name in runs)]
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
            found = {name: trend(values, group[name].tolist()) for name in ("lost", "lost_live")}
            row = {"quantity": quantity, "architecture": architecture, "pool_kernel": kernel, "seed": seed}
            rows.append(row | {"optimisers": len(group)} | found)
    if not rows:
        return pd.DataFrame()
    keys = ["quantity", "architecture", "pool_kernel", "optimisers"]
    return summarise(pd.DataFrame(rows), keys, ["lost", "lost_live"])


def _solutions(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    """Return one row a run: what `sharpness` recorded of its solution, without the lines."""
    frame = study.frame("sharpness", purpose, role=role)
    frame = frame if frame.empty else frame[frame["role"] == role].drop_duplicates(_RUN)
    return frame if frame.empty else frame[[*_RUN, *SOLUTION, "trace_error", "trace_error_pruned"]]


def _evaluations_a_step(role: Role) -> dict[str, float]:
    plan = role.optimisers
    schedules = {} if plan is None else plan.schedules(role.training, "epochs")
    return {name: training.optimiser.gradient_evaluations for name, training in schedules.items()}


def _option(value: object) -> str:
    return " and ".join(f"{each:g}" for each in value) if isinstance(value, tuple) else str(value)
