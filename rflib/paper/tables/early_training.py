"""The printed protocol put to the test: its first epochs beside a usual schedule, and how far its weights can go."""

from __future__ import annotations

import pandas as pd

from rflib.config import TrainingConfig
from rflib.paper import reported
from rflib.paper.frames import summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

SCHEDULES = {
    "usual": "this profile's",
    "printed_norm": "as printed, clipped by norm",
    "printed_value": "as printed, clipped by value",
    "printed_none": "as printed, not clipped",
}
_NETWORK = ["architecture", "pool_kernel"]


@traced
def early_epochs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row an epoch of the first epochs of every schedule: accuracies in percent, training loss, seed."""
    plan = study.profile.roles[role].protocol if role in study.profile.roles else None
    frame = study.frame("history", *SCHEDULES, role=role)
    if plan is None or frame.empty:
        return pd.DataFrame()
    return frame[(frame["role"] == role) & (frame["epoch"] <= plan.epochs)]


@traced
def printed_protocol(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network and schedule: accuracy in percent after the first epochs, and how far weights went.

    `distance` is the Euclidean distance of all parameters from their initial values at the end of the run,
    `initial_norm` their norm at the beginning. `reach` is the farthest that all epochs of the cosine period can take
    them if the gradient's norm is clipped: learning rates summed over all steps, times the limit, over 1 - momentum;
    weight decay, which only pulls towards zero, comes on top of it. Missing without such a limit.
    """
    early = early_epochs(study, role=role)
    travel = _travel(study, role)
    if early.empty or travel.empty:
        return pd.DataFrame()
    by = [*_NETWORK, "purpose"]
    reached = early[early["epoch"] == early["epoch"].max()]
    table = summarise(reached, by, ["test_accuracy"]).drop(columns="n")
    table = table.merge(summarise(travel, by, ["distance", "initial_norm", "reach"]), on=by)
    table.insert(2, "schedule", table["purpose"].map(SCHEDULES))
    printed = reported.accuracy()
    printed = printed[
        (printed["role"] == role) & (printed["finetune_epochs"] == 0) & (printed["width_multiplier"] == 1)
    ]
    dense = printed.groupby(_NETWORK)["dense_mean"].first().rename("dense_reported").reset_index()
    return table.merge(dense, on=_NETWORK, how="left").drop(columns="initial_norm_sd")


def _travel(study: Study, role: RoleName) -> pd.DataFrame:
    rows = []
    for item, measurement in study.select("travel", *SCHEDULES, role=role):
        (run,) = item.key.runs
        values = measurement.values
        rows.append(
            {
                "role": item.role,
                "architecture": run.config.model.architecture,
                "pool_kernel": run.config.model.pool_kernel,
                "purpose": item.purpose,
                "seed": run.seed,
                "distance": values["distance"],
                "initial_norm": values["initial_norm"],
                "reach": _reach(run.config.training, values["learning_rate_sum"]),
            }
        )
    frame = pd.DataFrame(rows)
    return frame if frame.empty else frame[frame["role"] == role].astype({"reach": float})


def _reach(training: TrainingConfig, learning_rate_sum: float) -> float | None:
    """How far steps of a clipped norm can lead, or None where nothing bounds them."""
    limit, momentum = training.gradient_clip, training.optimiser.momentum
    if limit is None or momentum is None or training.gradient_clip_by != "norm":
        return None
    return limit * learning_rate_sum / (1 - momentum)
