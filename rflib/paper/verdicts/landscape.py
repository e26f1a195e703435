"""Claims about the loss landscape and the course of training: Section 3.5 of the paper, Figures 1 to 3."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from rflib.paper import tables
from rflib.paper.verdicts.assessment import all_of, difference, trend
from rflib.paper.verdicts.evidence import DIFFERENCE, TREND, Evidence
from rflib.paper.verdicts.margins import LARGEST_RESIDUAL, NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import (
    RESNET_LARGE,
    RESNET_SMALL,
    VGG_SMALL,
    Readings,
    by_seed,
    chosen,
    combinations,
    groups,
    images,
)
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "loss-landscape"


def wider_before_training(readings: Readings) -> Finding:
    """RR-11: before training the largest eigenvalue and the spread of the computed ones rise with the field."""
    found, unresolved = [], []
    frame = _before_training(readings)
    for where, group in combinations(frame):
        found.append(trend(f"{where}, largest eigenvalue", by_seed(group, "largest"), 1, noticeable=0.0))
        if (group["worst_residual"] > LARGEST_RESIDUAL).any():
            unresolved.append(where)
        else:
            spread = group.assign(spread=group["largest"] - group["smallest"])
            found.append(trend(f"{where}, spread", by_seed(spread, "spread"), 1, noticeable=0.0))
    remark = (
        f"Not decided is the spread where residuals exceed {LARGEST_RESIDUAL:.0%} of the largest eigenvalue: "
        f"{'; '.join(unresolved)}."
    )
    return Finding(found, remark=remark if unresolved else "")


def _before_training(readings: Readings) -> pd.DataFrame:
    """Return the spectra before training of the purpose that holds the most seeds, all of one number of eigenvalues."""
    purposes = (
        readings.over_roles(tables.spectrum_summary, purposes=(purpose,)).assign(purpose=purpose)
        for purpose in ("grid", "initial")
    )
    frame = pd.concat([each for each in purposes if len(each)] or [pd.DataFrame()])
    frame = chosen(frame, checkpoint="initial", batch_statistics="batch")
    if frame.empty:
        return frame
    seeds = frame.groupby("purpose")["seed"].nunique()
    return chosen(frame, purpose=str(seeds.idxmax()))


def training(readings: Readings) -> Finding:
    """RR-12: ResNet50 ends with lower test accuracy and a higher training loss at larger fields."""
    found = []
    for where, group in combinations(chosen(readings.last_epochs, purpose="grid", architecture="rf_resnet50")):
        images = readings.test_images[group["role"].iloc[0]]
        found.append(trend(f"{where}, test accuracy", by_seed(group, "test_accuracy"), -1, images=images))
        found.append(trend(f"{where}, training loss", by_seed(group, "train_loss"), 1, noticeable=0.0))
    remark = "That the landscape is the reason does not follow from these curves, whatever they show."
    return Finding(found, remark=remark)


def twice_the_epochs(readings: Readings) -> Finding:
    """RR-13: the best test epoch of a doubled run at a large field stays below that of a plain one at the smallest."""
    found = []
    for (architecture, role, kernel, period), runs in _doubled(readings):
        plain = chosen(readings.history, purpose="grid", architecture=architecture, role=role)
        plain = chosen(plain, pool_kernel=plain["pool_kernel"].min()) if len(plain) else plain
        if plain.empty or plain["pool_kernel"].iloc[0] >= kernel:
            continue
        gaps, where = _best(runs) - _best(plain), f"{architecture}, {images(role)}, k = {kernel}, T_max = {period}"
        found.append(difference(where, gaps, -1, images=readings.test_images[role]))
    return Finding(found)


def bump(readings: Readings) -> Finding:
    """RR-14: test accuracy stands higher in the middle of a doubled run than late only with T_max as printed."""
    heights: dict[tuple[str, str, int], dict[bool, pd.Series]] = {}
    for (architecture, role, kernel, period), runs in _doubled(readings):
        printed = bool(period < runs["epochs"].max())
        heights.setdefault((architecture, role, kernel), {})[printed] = runs.groupby("seed")[
            ["epoch", "test_accuracy"]
        ].apply(bump_height)
    found: list[Evidence | None] = []
    for (architecture, role, kernel), by_period in heights.items():
        if len(by_period) == 2:
            where = f"{architecture}, {images(role)}, k = {kernel}"
            parts = [
                difference(f"{where}, T_max as printed", by_period[True], 1),
                difference(f"{where}, T_max doubled", by_period[False], -1, bound=NOTICEABLE_POINTS, noticeable=0.0),
            ]
            found.append(all_of(where, parts))
    return Finding(found)


def bump_height(run: pd.DataFrame) -> float:
    """Return mean test accuracy around the middle of a run, within 1/40 of it, minus that of the last quarter."""
    epochs = run["epoch"].max()
    middle = (run["epoch"] - epochs / 2).abs() <= max(0.5, epochs / 40)
    return float(
        run.loc[middle, "test_accuracy"].mean() - run.loc[run["epoch"] > 0.75 * epochs, "test_accuracy"].mean()
    )


def _doubled(readings: Readings) -> Iterator[tuple[tuple[str, str, int, int], pd.DataFrame]]:
    """Yield network, role, pool kernel and T_max of every set of runs of twice the epochs, with their epochs."""
    history = readings.history
    if history.empty:
        return
    long = history[history["purpose"].str.startswith("doubled")]
    yield from groups(long, "architecture", "role", "pool_kernel", "cosine_period_epochs")


def _best(runs: pd.DataFrame) -> pd.Series:
    return runs.groupby("seed")["test_accuracy"].max()


RULES = {
    "RR-11": Rule(
        wider_before_training,
        f"Two quantities, each on its own: the largest eigenvalue rises, and so does the largest minus the smallest of "
        f"the computed ones. {TREND} The family is every network, image size and quantity.",
        "Hessian spectra before training at two or more pool kernels of one network",
        _CHAPTER,
        ("figure-1", "figure-2"),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
    "RR-12": Rule(
        training,
        f"Two quantities of ResNet50 at the last epoch, each on its own: test accuracy falls, and training loss rises. "
        f"{TREND} The family is every image size and quantity.",
        "training runs of rf_resnet50 at two or more pool kernels",
        _CHAPTER,
        ("figure-3",),
        scope=(RESNET_SMALL, RESNET_LARGE),
    ),
    "RR-13": Rule(
        twice_the_epochs,
        "The best test epoch of a run of twice the epochs minus that of a plain run at the smallest kernel is negative "
        f"(by more than {NOTICEABLE_POINTS:g} point), for T_max as printed and doubled. {DIFFERENCE}",
        "runs of twice the epochs at a kernel above the smallest of the grid",
        _CHAPTER,
        ("figure-3",),
    ),
    "RR-14": Rule(
        bump,
        "Both must hold of mean test accuracy in the middle of the doubled run minus that of its last quarter: "
        f"positive with T_max as printed, and below {NOTICEABLE_POINTS:g} point with T_max doubled. {DIFFERENCE}",
        "runs of twice the epochs with T_max as printed and with T_max doubled",
        _CHAPTER,
        ("figure-3",),
    ),
}
