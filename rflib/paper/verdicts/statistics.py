"""Tests on a few seeds: trends over pool kernels, differences, equivalence, and the correction for many tests.

A grid is a frame with one row a seed and one column a pool kernel, complete, kernels ascending. A sample is one value
a seed. Nothing here is random: where all orders are too many to list, the sample of them is always the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from math import factorial, hypot, isnan, prod, sqrt

import numpy as np
import pandas as pd
from scipy.stats import page_trend_test, rankdata
from scipy.stats import t as student

from rflib.paper.frames import spearman

LEVEL = 0.05
"""A test succeeds if its corrected p-value does not exceed this."""

NORMAL = 1.96
"""Standard errors on either side of a mean that hold 95 %, where it is not estimated from a few seeds."""

# Beyond so many combinations of orders a sample of them is drawn, always the same.
_MOST_COMBINATIONS = 2_000_000
_SAMPLED = 100_000
_SAMPLE_SEED = 0
# Beyond this many kernels a block has too many orders to list, and scipy's table takes over.
_MOST_LISTED = 7
# Accuracies are multiples of 100 / images: digits beyond these are rounding, and must not break ties.
DECIMALS = 9

Interval = tuple[float, float]


def rank_correlation(grid: pd.DataFrame) -> float:
    """Return Spearman's rank correlation of the means over seeds with the pool kernel; 0 if they do not vary."""
    kernels: list[float] = [float(kernel) for kernel in grid.columns.to_numpy()]
    correlation = spearman(kernels, grid.mean().round(DECIMALS).tolist())
    return 0.0 if isnan(correlation) else correlation


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
    """Return the p-value of a trend that every seed shows without exception: no grid with these ties can reach less.

    Values of one seed that are equal can be exchanged without a change, so a seed whose values are all equal, such as
    those of networks that guess, has one order and can show nothing: its factor is 1.
    """
    share = 1.0
    for values in grid.to_numpy():
        ties = np.unique(values, return_counts=True)[1].tolist()
        share *= prod(factorial(count) for count in ties) / factorial(len(values))
    return share


def sampling_error(percentages: Iterable[float], images: int) -> float:
    """Return the standard error, in points, of a sum or difference of these percentages of `images` test images.

    Each is a binomial share, so that one run has an error too. The images are the same for all networks: means over
    seeds keep this error, however many seeds there are. Taken as independent, which overstates it where networks err on
    the same images.
    """
    shares = [min(abs(each), 100.0) for each in percentages]
    return sqrt(sum(share * (100 - share) for share in shares) / images)


def mean_interval(sample: np.ndarray, sampling: float = 0.0) -> Interval | None:
    """Return the 95 % interval of a mean over seeds by Student's t, widened by the error of the test images.

    `sampling` is the standard error that the choice of the images makes. None where there is neither.
    """
    if len(sample) < 2 and not sampling:
        return None
    seeds = float(student.ppf(0.975, len(sample) - 1)) * _standard_error(sample) if len(sample) > 1 else 0.0
    mean, half_width = float(np.mean(sample)), hypot(seeds, NORMAL * sampling)
    return mean - half_width, mean + half_width


def exceeding_p_value(sample: np.ndarray, bound: float, expected: int) -> float:
    """Return the one-sided p-value of Student's t test that the mean lies beyond `bound`, above (+1) or below (-1)."""
    distance = expected * (float(np.mean(sample)) - bound)
    return float(student.sf(distance / _standard_error(sample), len(sample) - 1))


def equivalence_p_value(sample: np.ndarray, margin: float) -> float:
    """Return the p-value that the mean lies between -`margin` and `margin`: two one-sided tests (TOST)."""
    return max(exceeding_p_value(sample, -margin, 1), exceeding_p_value(sample, margin, -1))


def peak_p_value(grid: pd.DataFrame, start: int) -> float:
    """Return the p-value of a column beyond number `start` whose mean lies above that of `start`: exact randomisation.

    The largest such rise is compared with that of every order of the values within each seed, so that having looked for
    the best column is paid for. Beyond two million combinations of orders a fixed sample of them stands for all.
    """
    values, columns = grid.to_numpy(dtype=float), grid.shape[1]
    if start >= columns - 1:
        return 1.0
    sums = values.sum(axis=0, keepdims=True)
    if factorial(columns) ** len(values) > _MOST_COMBINATIONS:
        random = np.random.default_rng(_SAMPLE_SEED)
        blocks = (random.permuted(np.tile(block, (_SAMPLED, 1)), axis=1) for block in values)
        drawn = np.concatenate([sums, np.sum(list(blocks), axis=0)])
    else:
        orders = np.array(list(permutations(range(columns))))
        drawn = np.zeros((1, columns))
        for block in values:
            drawn = (drawn[:, None] + block[orders][None]).reshape(-1, columns)
    rises, observed = ((each[:, start + 1 :].max(axis=1) - each[:, start]).round(DECIMALS) for each in (drawn, sums))
    return float((rises >= observed).mean())


def pseudo_values(pairs: Mapping[tuple[int, int], float]) -> np.ndarray | None:
    """Return one value a seed whose mean is that over all pairs of seeds, by leaving out one seed at a time.

    Pairs that share a seed are not independent; leaving out a seed leaves out all of its pairs (the jackknife of a
    U-statistic), and Student's t is taken of the pseudo-values. None unless there is every pair of three or more seeds.
    """
    seeds = sorted({seed for pair in pairs for seed in pair})
    if len(seeds) < 3 or len(pairs) != len(seeds) * (len(seeds) - 1) // 2:
        return None
    mean = float(np.mean(list(pairs.values())))
    left = [np.mean([value for pair, value in pairs.items() if seed not in pair]) for seed in seeds]
    values = len(seeds) * mean - (len(seeds) - 1) * np.array(left)
    return values - values.mean() + mean


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for having been tested together, by Holm's step-down method, in the order given."""
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1) * np.asarray(p_values, dtype=float)[order]
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return corrected.tolist()


def false_discoveries(p_values: Sequence[float]) -> list[bool]:
    """Return which of several tests succeed when the rate of false ones among them is held (Benjamini, Hochberg 1995).

    The rate is `LEVEL`, for tests that are independent or rise and fall together.
    """
    order = np.argsort(p_values)
    bounds = LEVEL * np.arange(1, len(p_values) + 1) / max(1, len(p_values))
    below = np.flatnonzero(np.asarray(p_values, dtype=float)[order] <= bounds)
    kept = set(order[: below[-1] + 1].tolist()) if len(below) else set()
    return [index in kept for index in range(len(p_values))]


def _standard_error(sample: np.ndarray) -> float:
    return float(np.std(sample, ddof=1)) / sqrt(len(sample))


def _sums(first: Counter[float], second: Counter[float]) -> Counter[float]:
    """Return how often each sum of one value from either side occurs; ranks are halves, so sums are exact."""
    sums: Counter[float] = Counter()
    for a, times_a in first.items():
        for b, times_b in second.items():
            sums[a + b] += times_a * times_b
    return sums
