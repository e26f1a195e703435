"""Tests on a few seeds: trends over pool kernels, differences, equivalence, and the correction for many tests.

A grid is a frame with one row a seed and one column a pool kernel, complete, kernels ascending. A sample is one value
a seed. Nothing here is random: the bootstrap has a fixed seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from math import factorial, isnan, sqrt

import numpy as np
import pandas as pd
from scipy.stats import page_trend_test, rankdata
from scipy.stats import t as student

from rflib.tables import trend

LEVEL = 0.05
"""A test succeeds if its corrected p-value does not exceed this."""

_DRAWS = 2000
_BOOTSTRAP_SEED = 0
# Beyond this many kernels a block has too many orders to list, and scipy's table takes over.
_MOST_LISTED = 7
# Accuracies are multiples of 100 / images: digits beyond these are rounding, and must not break ties.
DECIMALS = 9

Interval = tuple[float, float]


def rank_correlation(grid: pd.DataFrame) -> float:
    """Return Spearman's rank correlation of the means over seeds with the pool kernel; 0 if they do not vary."""
    kernels: list[float] = [float(kernel) for kernel in grid.columns.to_numpy()]
    correlation = trend(kernels, grid.mean().round(DECIMALS).tolist())
    return 0.0 if isnan(correlation) else correlation


def rank_correlation_interval(grid: pd.DataFrame) -> Interval | None:
    """Return the middle 95 % of the rank correlation when the seeds of every kernel are drawn anew (bootstrap).

    It says how far the order of these kernels depends on the seeds that happened to be used; it says nothing about
    other kernels. With 4 kernels it has few possible ends, and with few seeds it is too narrow. None for one seed.
    """
    values = grid.to_numpy(dtype=float)
    if len(values) < 2:
        return None
    drawn = np.random.default_rng(_BOOTSTRAP_SEED).integers(len(values), size=(_DRAWS, *values.shape))
    means = np.take_along_axis(values[None], drawn, axis=1).mean(axis=1).round(DECIMALS)
    return _middle(_correlations(means))


def trend_p_value(grid: pd.DataFrame, expected: int) -> float:
    """Return the exact one-sided p-value of a trend in the direction `expected` (+1 or -1): Page's test.

    Each seed is a block that ranks its kernels (the seed fixes initial weights and order of images, so values of one
    seed belong together). If kernels did not matter, every order within a block would be as likely as any other; the
    p-value is the share of all combinations of orders whose ranks follow the kernel at least as closely as measured.
    """
    columns = grid.shape[1]
    if columns > _MOST_LISTED:
        return float(page_trend_test(grid.to_numpy()[:, ::expected]).pvalue)
    weights = expected * np.arange(1, columns + 1)
    ranks = rankdata(grid.to_numpy(), axis=1)
    reached = Counter({0.0: 1})
    for block in ranks:
        orders = np.array(list(permutations(block))) @ weights
        reached = _sums(reached, Counter(orders.tolist()))
    observed = float((ranks @ weights).sum())
    return sum(count for total, count in reached.items() if total >= observed) / reached.total()


def smallest_trend_p_value(grid: pd.DataFrame) -> float:
    """Return the p-value of a trend that every seed shows without exception: no grid of this shape can reach less."""
    return factorial(grid.shape[1]) ** -len(grid)


def mean_interval(sample: np.ndarray) -> Interval | None:
    """Return the 95 % interval of the mean over seeds by Student's t distribution; None for one seed."""
    if len(sample) < 2:
        return None
    mean, half_width = float(np.mean(sample)), float(student.ppf(0.975, len(sample) - 1)) * _standard_error(sample)
    return mean - half_width, mean + half_width


def exceeding_p_value(sample: np.ndarray, bound: float, expected: int) -> float:
    """Return the one-sided p-value of Student's t test that the mean lies beyond `bound`, above (+1) or below (-1)."""
    distance = expected * (float(np.mean(sample)) - bound)
    return float(student.sf(distance / _standard_error(sample), len(sample) - 1))


def equivalence_p_value(sample: np.ndarray, margin: float) -> float:
    """Return the p-value that the mean lies between -`margin` and `margin`: two one-sided tests (TOST)."""
    return max(exceeding_p_value(sample, -margin, 1), exceeding_p_value(sample, margin, -1))


def peak_shift(first: pd.DataFrame, second: pd.DataFrame) -> tuple[Interval, float]:
    """Return how much further up the kernels `second` peaks than `first`: 95 % interval and one-sided p-value.

    Bootstrap: seeds are drawn anew, the same for both grids, since a seed's two values belong together. The p-value is
    the share of draws without a shift upwards.
    """
    draws = np.random.default_rng(_BOOTSTRAP_SEED).integers(len(first), size=(_DRAWS, len(first)))
    kernels = first.columns.to_numpy(dtype=float)
    peaks = [kernels[grid.to_numpy()[draws].mean(axis=1).round(DECIMALS).argmax(axis=1)] for grid in (first, second)]
    shifts = peaks[1] - peaks[0]
    return _middle(shifts), float((1 + (shifts <= 0).sum()) / (1 + _DRAWS))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for having been tested together, by Holm's step-down method, in the order given."""
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1) * np.asarray(p_values, dtype=float)[order]
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return corrected.tolist()


def _standard_error(sample: np.ndarray) -> float:
    return float(np.std(sample, ddof=1)) / sqrt(len(sample))


def _sums(first: Counter[float], second: Counter[float]) -> Counter[float]:
    """Return how often each sum of one value from either side occurs; ranks are halves, so sums are exact."""
    sums: Counter[float] = Counter()
    for a, times_a in first.items():
        for b, times_b in second.items():
            sums[a + b] += times_a * times_b
    return sums


def _correlations(rows: np.ndarray) -> np.ndarray:
    """Return the rank correlation of every row with its column numbers, 0 where a row does not vary."""
    ranks = rankdata(rows, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    order = np.arange(rows.shape[1]) - (rows.shape[1] - 1) / 2
    scale = np.sqrt((ranks**2).sum(axis=1) * (order**2).sum())
    return np.divide(ranks @ order, scale, out=np.zeros(len(rows)), where=scale > 0)


def _middle(values: np.ndarray) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
