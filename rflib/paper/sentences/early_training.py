"""Sentences about the printed protocol: how far its first epochs get, and how far its weights can go."""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, magnitude, strength
from rflib.study.profiles import RoleName
from rflib.study.study import Study


def first_epochs(table: pd.DataFrame, study: Study, role: RoleName = "small_images") -> Sentences:
    """Say how accurate every schedule of `study` is after the first epochs (`tables.printed_protocol`)."""
    plan = study.profile.roles[role].protocol if role in study.profile.roles else None
    if table.empty or plan is None:
        return NOTHING
    points = []
    for (name, kernel), group in table.groupby(["architecture", "pool_kernel"], sort=False):
        listed = ", ".join(f"{row['schedule']} {row['test_accuracy_mean']:.1f} %" for _, row in group.iterrows())
        points.append(f"`{name}` at k = {kernel}, test accuracy after {plan.epochs} epochs: {listed}.")
    return Sentences((*points, strength(table)))


def reach(table: pd.DataFrame) -> Sentences:
    """Say how far clipping by norm lets weights go in all epochs, beside how far the usual schedule takes them."""
    if table.empty or not {"usual", "printed_norm"} <= set(table["purpose"]):
        return NOTHING
    points = []
    for (name, kernel), group in table.groupby(["architecture", "pool_kernel"], sort=False):
        if not {"usual", "printed_norm"} <= set(group["purpose"]):
            continue
        clipped, usual = (group[group["purpose"] == purpose].iloc[0] for purpose in ("printed_norm", "usual"))
        points.append(
            f"`{name}` at k = {kernel}: clipped by norm, all the epochs of the printed schedule together can take the "
            f"weights {magnitude(clipped['reach_mean'])} away from where they begin, at a norm of "
            f"{magnitude(clipped['initial_norm_mean'])}; this profile's schedule took them "
            f"{magnitude(usual['distance_mean'])}, {magnitude(usual['distance_mean'] / clipped['reach_mean'])} times "
            "as far."
        )
    return Sentences(tuple(points))
