"""Sentences about the printed protocol: how far its first epochs get, and how far its weights can go."""

from __future__ import annotations

import pandas as pd

from rflib.pipeline.profiles import RoleName
from rflib.pipeline.study import Study
from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import NOTHING, magnitude, strength
from rflib.tables import GUESSING_POINTS, SCHEDULES

# A protocol that has covered less than this share of the way after its first epochs is called far behind.
_FAR_BEHIND = 0.5
_AS_PRINTED = "as printed, "


def first_epochs(table: pd.DataFrame, study: Study, role: RoleName = "small_images") -> Sentences:
    """Say how accurate every schedule of `study` is after the first epochs (`tables.printed_protocol`)."""
    plan = study.profile.roles[role].protocol if role in study.profile.roles else None
    if table.empty or plan is None:
        return NOTHING
    guess = 100 / study.profile.roles[role].classes
    points = []
    for (name, kernel), group in table.groupby(["architecture", "pool_kernel"], sort=False):
        reached = group.set_index("purpose")["test_accuracy_mean"]
        listed = ", ".join(f"{row['schedule']} {row['test_accuracy_mean']:.1f} %" for _, row in group.iterrows())
        points.append(
            f"`{name}` at k = {kernel}, test accuracy after {plan.epochs} epochs: {listed}.{_behind(reached)}"
            f"{_learns(reached, guess)}"
        )
    return Sentences((*points, strength(table)))


def reach(table: pd.DataFrame) -> Sentences:
    """Say how far clipping by norm lets weights go in all epochs, beside how far the usual schedule takes them."""
    if table.empty or not {"usual", "printed_norm"} <= set(table["purpose"]):
        return NOTHING
    points = []
    for (name, kernel), group in table.groupby(["architecture", "pool_kernel"], sort=False):
        clipped, usual = (group[group["purpose"] == purpose].iloc[0] for purpose in ("printed_norm", "usual"))
        times = usual["distance_mean"] / clipped["reach_mean"]
        points.append(
            f"`{name}` at k = {kernel}: clipped by norm, all the epochs of the printed schedule together can take the "
            f"weights {magnitude(clipped['reach_mean'])} away from where they begin, at a norm of "
            f"{magnitude(clipped['initial_norm_mean'])}; this profile's schedule took them "
            f"{magnitude(usual['distance_mean'])}, {_compared(times)}."
        )
    return Sentences(tuple(points))


def _behind(reached: pd.Series) -> str:
    printed = reached.drop("usual", errors="ignore")
    if "usual" not in reached or printed.empty:
        return ""
    if printed.max() < _FAR_BEHIND * reached["usual"]:
        return " Every reading of the printed protocol is far behind."
    if printed.max() < reached["usual"]:
        return " Every reading of the printed protocol is behind."
    return " The printed protocol keeps up."


def _learns(reached: pd.Series, guess: float) -> str:
    """Say which readings of the printed protocol stay at guessing where others do not."""
    printed = reached.drop("usual", errors="ignore")
    stays = printed <= guess + GUESSING_POINTS
    if stays.all() or not stays.any():
        return ""
    at_guessing = " and ".join(SCHEDULES[purpose].removeprefix(_AS_PRINTED) for purpose in printed.index[stays])
    slower = ", more slowly" if "usual" in reached and printed[~stays].max() < reached["usual"] else ""
    learn = "the other readings learn" if (~stays).sum() > 1 else "the other reading learns"
    return f" {at_guessing.capitalize()} it stays at guessing; {learn}{slower}."


def _compared(times: float) -> str:
    return f"{times:.1f} times as far" if times > 1 else "which is within that reach"
