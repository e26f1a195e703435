"""Claims of the thesis about optimisers: what pruning takes from their networks, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rflib.paper import tables
from rflib.paper.verdicts.assessment import all_of, corrected, difference, trend
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_DECADES, NOTICEABLE_POINTS, NOTICEABLE_SIMILARITY, RATE
from rflib.paper.verdicts.readings import Readings, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.optimiser_plans import BUDGETS

_CHAPTER = "optimisers-and-prunability"
_SECOND = "second order"
_NEEDS = "networks of a second-order optimiser and of another, pruned"
# What the explanations expect: sharper solutions lose more, and so do those whose filters are less alike. Differences
# of sharpness are ratios, so they are taken of logarithms.
_EXPECTED: Mapping[str, tuple[str, int, float, str]] = {
    "largest": ("largest eigenvalue", 1, NOTICEABLE_DECADES, "decades"),
    "filter_similarity": ("filter similarity", -1, NOTICEABLE_SIMILARITY, "similarity"),
}


def second_order(readings: Readings) -> Finding:
    """PT-12: pruning takes more from networks of a second-order optimiser than from the mean of the others."""
    plain, live = (corrected(_excess(readings, loss)) for loss in ("lost", "lost_live"))
    control = beside(plain, live, "Among live weights the difference is")
    return Finding(plain, remark=_dense(readings), control=control)


def explained(readings: Readings) -> Finding:
    """PT-14: solutions of second-order optimisers are sharper and more diverse, and both go with what pruning takes."""
    plain, live = (corrected(_explanations(readings, loss)) for loss in ("lost", "lost_live"))
    control = beside(plain, live, "Among live weights the explanation is")
    remark = "A correlation over a handful of optimisers does not say that the one is the reason of the other."
    return Finding(plain, remark=remark, control=control)


def recovered(readings: Readings) -> Finding:
    """PT-15: second-order networks are more accurate after pruning at the largest field than at the smallest."""
    plain, live = (corrected(_gains(readings, accuracy)) for accuracy in ("pruned", "live"))
    return Finding(plain, control=beside(plain, live, "Among live weights the gain is"))


def _runs(readings: Readings) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield every network at equal epochs and at equal evaluations, named, with the budget and a row a run."""
    for role in readings.study.profile.roles:
        for budget in BUDGETS:
            frame = tables.optimiser_runs(readings.study, role=role, budget=budget, rate=RATE)
            for (architecture,), runs in groups(frame, "architecture"):
                yield f"{architecture}, {images(role)}", f"equal {budget}", runs


def _excess(readings: Readings, loss: str) -> list[Evidence]:
    """Return, by second-order optimiser, field and budget, its loss beyond the mean of the others."""
    found = []
    for where, budget, runs in _runs(readings):
        for kernel, at_field in runs.groupby("pool_kernel"):
            wide = at_field.pivot(index="seed", columns="optimiser", values=loss)
            second = [str(name) for name in wide if tables.FAMILIES[str(name)] == _SECOND]
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


RULES = {
    "PT-12": Rule(
        second_order,
        f"Dense minus pruned accuracy at rate {RATE:g}, of each second-order optimiser minus the mean of the "
        "first-order and flatness-promoting ones within a seed, is positive (more than "
        f"{NOTICEABLE_POINTS:g} point), at equal epochs and at equal gradient evaluations. {DIFFERENCE} The family is "
        "every optimiser, field and budget.",
        _NEEDS,
        _CHAPTER,
        ("fig-prunability-by-optimiser",),
    ),
    "PT-14": Rule(
        explained,
        "Both must hold of each quantity at equal epochs, the largest eigenvalue of the trained network and the mean "
        "absolute cosine of its filters: it differs between second-order optimisers and the others (sharper, less "
        "alike), and over the optimisers of a seed the loss to pruning follows its rank (sharper loses more, more "
        f"alike loses less; Page's exact test, each seed a block). {DIFFERENCE}",
        "sharpness of networks of three or more optimisers, one of them second-order",
        _CHAPTER,
        ("fig-solutions-by-optimiser",),
    ),
    "PT-15": Rule(
        recovered,
        f"Accuracy pruned at rate {RATE:g} of a second-order optimiser, at the largest kernel minus at the smallest "
        f"within a seed, is positive (more than {NOTICEABLE_POINTS:g} point), at equal epochs and at "
        f"equal gradient evaluations. {DIFFERENCE}",
        "networks of a second-order optimiser at two or more pool kernels, pruned",
        _CHAPTER,
        ("fig-prunability-by-optimiser",),
    ),
}
