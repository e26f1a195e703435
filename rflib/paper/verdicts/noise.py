"""Claims of the thesis on prunability about noise before pruning, with and without fine-tuning, and what it mends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from rflib.paper import tables
from rflib.paper.verdicts.assessment import all_of, corrected, difference
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import (
    NOTICEABLE_DISCREPANCY,
    NOTICEABLE_POINTS,
    RATE,
    RATE_IN_THE_TEXT,
    SHARP_DISCREPANCY,
)
from rflib.paper.verdicts.readings import Readings, chosen, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "noise-before-pruning"
_LN = "of ln(variance)"
_NETWORK = ("architecture", "pool_kernel")
Samples = Iterator[tuple[str, pd.Series]]


def better_networks(readings: Readings) -> Finding:
    """PT-01: above 0.8 the selected noisy copy beats pruning without noise, on images that selected nothing.

    Controls: noise after pruning selected in the same way, live weights, re-estimated batch-norm statistics.
    """
    found = corrected(_differences(_benefits(readings)))
    beyond = corrected(_differences(_beyond_the_control(readings)))
    parts = [beside(found, beyond, "Beyond that of noise after pruning the benefit is")]
    for sweep, start in (("live", "Among live weights"), ("recalibrated", "With re-estimated statistics")):
        parts.append(beside(found, corrected(_differences(_benefits(readings, sweep))), f"{start} the benefit is"))
    return Finding(found, control=" ".join(part for part in parts if part))


def extreme_rates(readings: Readings) -> Finding:
    """PT-02: the benefit is there above 0.8, and none of it at rates up to 0.8."""
    low = dict(_benefits(readings, above=False))
    found = []
    for where, sample in _benefits(readings):
        if where in low:
            above = difference(f"{where}, above {RATE_IN_THE_TEXT:g}", sample, 1)
            here = f"{where}, up to {RATE_IN_THE_TEXT:g}"
            below = difference(here, low[where], -1, bound=NOTICEABLE_POINTS, noticeable=0.0)
            found.append(all_of(where, [above, below]))
    return Finding(found)


def fine_tuning(readings: Readings) -> Finding:
    """PT-03: noise before pruning raises accuracy at 0.9 before fine-tuning, in the mean copy, and after it."""
    found = []
    for (role, *network), tuned in groups(readings.over_roles(tables.noisy_tuning_runs), "role", *_NETWORK):
        copies = _recipes(readings, role, network, tuned)
        where = _where(role, *network)
        after = difference(f"{where}, fine-tuned", tuned.groupby("seed")["benefit"].mean(), 1)
        found.append(all_of(where, [difference(f"{where}, one-shot", copies, 1), after]) if len(copies) else None)
    remark = "A noise to be fine-tuned is fixed before the network is trained, so none is selected: means over draws."
    return Finding(found, remark=remark)


def growing_discrepancy(readings: Readings) -> Finding:
    """PT-04: from the lowest to the highest rate the variance discrepancy from the dense network grows sharply."""
    found = corrected(_growth(readings))
    live, again = corrected(_growth(readings, scope="live")), corrected(_growth(readings, calibrated=True))
    parts = [beside(found, live, "Among live weights the growth is")]
    parts.append(beside(found, again, "With re-estimated statistics the growth is"))
    return Finding(found, control=" ".join(part for part in parts if part))


def mitigated_discrepancy(readings: Readings) -> Finding:
    """PT-05: at the highest rate noise before pruning lowers the discrepancy, as the mean over scales."""
    found = corrected(_mitigation(readings))
    others: dict[str, dict[str, Any]] = {
        "With noise after pruning the effect is": {"order": "after"},
        "Among live weights the effect is": {"scope": "live"},
        "With re-estimated statistics the effect is": {"calibrated": True},
    }
    parts = [beside(found, corrected(_mitigation(readings, **change)), start) for start, change in others.items()]
    return Finding(found, control=" ".join(part for part in parts if part))


def _where(role: str, architecture: str, kernel: int) -> str:
    return f"{architecture}, {images(role)}, k = {kernel}"


def _runs(readings: Readings, sweep: str, *, above: bool) -> pd.DataFrame:
    """Return the selected copies of both orders, at the rates above 0.8 or at those up to it."""
    frame = readings.over_roles(tables.noise_runs, sweep=sweep)
    return frame if frame.empty else frame[(frame["rate"] > RATE_IN_THE_TEXT + 1e-9) == above]


def _benefits(readings: Readings, sweep: str = "all", *, above: bool = True) -> Samples:
    """Yield every network with the benefit of noise before pruning by seed, averaged over the rates."""
    frame = chosen(_runs(readings, sweep, above=above), order="before")
    for (role, *network), runs in groups(frame, "role", *_NETWORK):
        yield _where(role, *network), runs.groupby("seed")["benefit"].mean()


def _beyond_the_control(readings: Readings) -> Samples:
    """Yield every network with the benefit of noise before pruning less that of noise after it."""
    for (role, *network), runs in groups(_runs(readings, "all", above=True), "role", *_NETWORK):
        wide = runs.pivot_table(index="seed", columns="order", values="benefit", aggfunc="mean")
        if {"before", "after"} <= set(wide):
            yield _where(role, *network), wide["before"] - wide["after"]


def _differences(samples: Samples) -> list[Evidence]:
    found = (difference(where, sample, 1) for where, sample in samples)
    return [each for each in found if each is not None]


def _recipes(readings: Readings, role: str, network: Sequence[object], tuned: pd.DataFrame) -> pd.Series:
    """Return the mean benefit by seed of the noises that were fine-tuned, before fine-tuning."""
    frame = tables.noise_recipes(readings.study, role=role)  # type: ignore[arg-type]
    if frame.empty:
        return pd.Series(dtype=float)
    keys = ["architecture", "pool_kernel", "seed", "kind", "scale", "rate"]
    both = chosen(frame, order="before").merge(tuned[keys], on=keys)
    return both.groupby("seed")["mean_benefit"].mean()


def _variances(readings: Readings, scope: str, *, calibrated: bool) -> Iterator[tuple[str, pd.DataFrame]]:
    frame = chosen(readings.over_roles(tables.variance_runs, scope=scope), calibrated=calibrated)
    for (role, *network), runs in groups(frame, "role", *_NETWORK):
        yield _where(role, *network), runs


def _growth(readings: Readings, *, scope: str = "all", calibrated: bool = False) -> list[Evidence]:
    found = []
    for where, runs in _variances(readings, scope, calibrated=calibrated):
        wide = chosen(runs, order="none").pivot_table(index="seed", columns="rate", values="discrepancy")
        if wide.shape[1] > 1:
            growth = wide.iloc[:, -1] - wide.iloc[:, 0]
            found.append(difference(where, growth, 1, bound=SHARP_DISCREPANCY, noticeable=0.0, measure=_LN))
    return [each for each in found if each is not None]


def _mitigation(
    readings: Readings, *, scope: str = "all", calibrated: bool = False, order: str = "before"
) -> list[Evidence]:
    found = []
    for where, runs in _variances(readings, scope, calibrated=calibrated):
        noisy = chosen(runs, order=order, rate=float(runs["rate"].max()))
        change = noisy.groupby("seed")["change"].mean()
        found.append(difference(where, change, -1, noticeable=NOTICEABLE_DISCREPANCY, measure=_LN))
    return [each for each in found if each is not None]


_SELECTED = (
    "Kind, scale and copy are selected on one half of the test images and scored on the other; the benefit is the "
    "accuracy of the selected copy less that of pruning without noise."
)
_NEEDS = f"noisy, pruned copies at a rate above {RATE_IN_THE_TEXT:g}"
_BENEFIT, _VARIANCE = ("fig-noise-benefit",), ("fig-variance-discrepancy",)

RULES = {
    "PT-01": Rule(
        better_networks,
        f"{_SELECTED} Its mean over the rates above {RATE_IN_THE_TEXT:g} is positive. {DIFFERENCE}",
        _NEEDS,
        _CHAPTER,
        _BENEFIT,
    ),
    "PT-02": Rule(
        extreme_rates,
        f"{_SELECTED} Both must hold: its mean over the rates above {RATE_IN_THE_TEXT:g} is positive, and that over "
        f"the others below {NOTICEABLE_POINTS:g} point. {DIFFERENCE}",
        f"{_NEEDS} and at one up to there",
        _CHAPTER,
        _BENEFIT,
    ),
    "PT-03": Rule(
        fine_tuning,
        f"Both must hold at rate {RATE:g}, for noise of fixed kind and scale: the mean copy is more accurate than "
        f"pruning without noise, and so it is after fine-tuning. {DIFFERENCE}",
        "the same noise before pruning, one-shot and fine-tuned",
        _CHAPTER,
        ("fig-noise-benefit",),
    ),
    "PT-04": Rule(
        growing_discrepancy,
        "The mean over layers of |ln(variance / dense variance)| grows by more than ln 2 from the lowest rate to the "
        f"highest. {DIFFERENCE}",
        "variances of features at two or more pruning rates",
        _CHAPTER,
        _VARIANCE,
    ),
    "PT-05": Rule(
        mitigated_discrepancy,
        "At the highest rate the discrepancy with noise before pruning less that without, averaged over scales, is "
        f"negative (by more than {NOTICEABLE_DISCREPANCY:g}). {DIFFERENCE}",
        "variances of features with and without noise",
        _CHAPTER,
        _VARIANCE,
    ),
}
