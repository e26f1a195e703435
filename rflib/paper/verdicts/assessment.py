"""From values by seed to evidence: a trend, a difference, none, a fact, several at once, and a whole family corrected.

Below `FEWEST_SEEDS` seeds nothing is tested: the direction of the means speaks, and the verdict is indicative. With a
test or without one, the means must go beyond what is noticeable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rflib.paper.verdicts import statistics
from rflib.paper.verdicts.evidence import POINTS, RANK_CORRELATION, Evidence
from rflib.paper.verdicts.margins import CLEAR_TREND, NOTICEABLE_POINTS
from rflib.paper.verdicts.statistics import LEVEL, NORMAL

FEWEST_SEEDS = 3


def trend(
    where: str,
    grid: pd.DataFrame,
    expected: int,
    *,
    noticeable: float = NOTICEABLE_POINTS,
    images: int | None = None,
) -> Evidence | None:
    """Return whether a quantity rises (+1) or falls (-1) with the pool kernel; None with fewer than two kernels.

    `grid` has a row a seed and a column a kernel. A seed that lacks a kernel is left out; if every seed lacks one, the
    means over what is there stand in for a single seed. The means must change by more than `noticeable`, in units of
    the quantity, from the smallest kernel to the largest. For a percentage of `images` test images, a change that the
    choice of the images could make decides nothing.
    """
    whole = _complete(grid)
    if whole.shape[1] < 2 or whole.empty:
        return None
    means = whole.mean()
    effect, changes = statistics.rank_correlation(whole), (whole.iloc[:, -1] - whole.iloc[:, 0]).to_numpy()
    change = float(changes.mean())
    sampling = statistics.sampling_error((means.iloc[0], means.iloc[-1]), images) if images else 0.0

    def clear(direction: int) -> bool:
        return direction * effect >= CLEAR_TREND and direction * change > noticeable

    return Evidence(
        where,
        RANK_CORRELATION,
        effect,
        expected,
        agrees=clear(expected),
        opposite=clear(-expected),
        interval=statistics.mean_interval(changes, sampling),
        change=change,
        steps=tuple(means.diff().iloc[1:].round(statistics.DECIMALS).tolist()),
        kernels=whole.shape[1],
        p=statistics.trend_p_value(whole, expected) if len(whole) >= FEWEST_SEEDS else None,
        smallest_p=statistics.smallest_trend_p_value(whole),
        seeds=len(whole),
        undecided=_within_sampling(change, sampling, images),
    )


def difference(
    where: str,
    sample: pd.Series,
    expected: int,
    *,
    bound: float = 0.0,
    noticeable: float = NOTICEABLE_POINTS,
    measure: str = POINTS,
    images: int | None = None,
) -> Evidence | None:
    """Return whether a difference, one value a seed, lies beyond `bound`, above (+1) or below (-1) it.

    The mean has to do so by more than `noticeable`. For accuracies on `images` test images, a distance from the bound
    that the choice of the images could make decides nothing. None without a seed.
    """
    values = _values(sample)
    if not len(values):
        return None
    distance = float(values.mean()) - bound
    # Two accuracies that are not given here: a share of a half has the largest error.
    sampling = statistics.sampling_error((50.0, 50.0), images) if images else 0.0
    evidence = _of_sample(where, measure, values, expected, expected * distance > noticeable, bound, sampling)
    evidence = replace(evidence, undecided=_within_sampling(distance, sampling, images))
    return (
        evidence if not _tested(values) else replace(evidence, p=statistics.exceeding_p_value(values, bound, expected))
    )


def within(where: str, sample: pd.Series, margin: float, *, measure: str = POINTS) -> Evidence | None:
    """Return whether a difference, one value a seed, is no larger than `margin` in size. None without a seed."""
    values = _values(sample)
    if not len(values):
        return None
    evidence = _of_sample(where, measure, values, 0, abs(float(values.mean())) <= margin, margin)
    return evidence if not _tested(values) else replace(evidence, p=statistics.equivalence_p_value(values, margin))


def fact(where: str, measure: str, effect: float, *, agrees: bool) -> Evidence:
    """Return what follows from an architecture, exactly and without seeds."""
    return Evidence(where, measure, effect, 1, agrees, settled=True)


def floor(where: str, expected: int, why: str) -> Evidence:
    """Return what decides nothing, since nothing is left that could be in an order; `why` says so."""
    return Evidence(where, RANK_CORRELATION, 0.0, expected, agrees=False, undecided=why)


def all_of(where: str, parts: Sequence[Evidence | None]) -> Evidence | None:
    """Return evidence that holds if every part does; None if one of them is missing.

    Each part is tested at the full level and the largest p-value counts (intersection-union test). A part that fails
    decides whatever an undecided one would say.
    """
    found = [part for part in parts if part is not None]
    if len(found) < len(parts) or not found:
        return None
    unsettled = [part for part in found if not part.settled]
    tested = [part.p for part in unsettled if part.p is not None]
    refuted = any(part.settled and not part.agrees for part in found)
    failed = any(not part.agrees and not part.undecided for part in found)
    seeds = [part.seeds for part in found if part.seeds is not None]
    combined = Evidence(where, "", 0.0, 1, all(part.agrees for part in found), parts=tuple(found))
    weakest = combined.weakest
    return replace(
        combined,
        measure=weakest.measure,
        effect=weakest.effect,
        expected=weakest.expected,
        bound=weakest.bound,
        change=weakest.change,
        steps=weakest.steps,
        kernels=weakest.kernels,
        interval=weakest.interval,
        p=max(tested) if tested and len(tested) == len(unsettled) and not refuted else None,
        smallest_p=max(part.smallest_p for part in found),
        settled=refuted or not unsettled,
        seeds=min(seeds, default=None),
        undecided="" if failed else "; ".join(dict.fromkeys(part.undecided for part in found if part.undecided)),
    )


def corrected(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return the family of one claim with Holm-corrected p-values.

    A test that could not succeed, whatever had been measured, is no test and not in the family: where the smallest
    p-value that kernels, seeds and ties allow exceeds the strictest level of the family, the direction of the means is
    left to speak. Nor is what decides nothing.
    """
    hopeful = [i for i, each in enumerate(evidence) if each.p is not None and each.smallest_p <= LEVEL]
    family = [i for i in hopeful if not evidence[i].undecided]
    able = {i: evidence[i].p or 0.0 for i in family if evidence[i].smallest_p * len(family) <= LEVEL}
    p_values = dict(zip(able, statistics.holm(list(able.values())), strict=True))
    return tuple(replace(each, corrected_p=p_values.get(index)) for index, each in enumerate(evidence))


def _within_sampling(distance: float, sampling: float, images: int | None) -> str:
    if not images or abs(distance) > NORMAL * sampling:
        return ""
    return f"{distance:+z.1f} points are within the error that the choice of {images:,} test images makes"


def _complete(grid: pd.DataFrame) -> pd.DataFrame:
    whole = grid.sort_index(axis=1).dropna()
    return whole if len(whole) or grid.empty else grid.sort_index(axis=1).mean().dropna().to_frame().T


def _values(sample: pd.Series) -> np.ndarray:
    return sample.dropna().to_numpy(dtype=float).round(statistics.DECIMALS)


def _tested(values: np.ndarray) -> bool:
    """Student's t needs a spread; values that are all the same are compared as they are."""
    return len(values) >= FEWEST_SEEDS and bool(np.ptp(values) > 0)


def _of_sample(
    where: str, measure: str, values: np.ndarray, expected: int, agrees: bool, bound: float, sampling: float = 0.0
) -> Evidence:
    return Evidence(
        where,
        measure,
        float(values.mean()),
        expected,
        agrees,
        bound=bound,
        interval=statistics.mean_interval(values, sampling),
        settled=len(values) >= FEWEST_SEEDS and not _tested(values),
        seeds=len(values),
    )
