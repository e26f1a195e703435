"""Every statistic beside a second computation: scipy's, or all cases listed."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rflib.paper.verdicts import statistics


def grid_of(rows: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=range(1, len(rows[0]) + 1))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def test_rank_correlation_is_that_of_the_means(random: np.random.Generator) -> None:
    values = random.normal(size=(3, 4))
    expected = stats.spearmanr(range(4), values.mean(axis=0)).statistic
    assert statistics.rank_correlation(grid_of(values.tolist())) == pytest.approx(expected)
    assert statistics.rank_correlation(grid_of([[5.0] * 4] * 3)) == 0.0


def test_rounding_does_not_break_ties() -> None:
    assert statistics.rank_correlation(grid_of([[0.1 + 0.2, 0.3, 0.3]])) == 0.0


@pytest.mark.parametrize("shape", [(3, 3), (3, 4), (5, 4), (3, 7), (3, 8)])
@pytest.mark.parametrize("expected", [1, -1])
def test_the_trend_is_page_s_test(random: np.random.Generator, shape: tuple[int, int], expected: int) -> None:
    values = random.normal(size=shape) + 0.3 * expected * np.arange(shape[1])
    scipy = stats.page_trend_test(values[:, ::expected], method="exact").pvalue
    assert statistics.trend_p_value(grid_of(values.tolist()), expected) == pytest.approx(scipy)


def test_the_trend_with_ties_is_the_share_of_all_orders() -> None:
    rows = [[1.0, 2.0, 2.0], [3.0, 3.0, 4.0], [1.0, 1.0, 1.0]]
    ranks = stats.rankdata(rows, axis=1)
    observed = (ranks * [1, 2, 3]).sum()
    totals = [(np.array(blocks) * [1, 2, 3]).sum() for blocks in product(*(permutations(row) for row in ranks))]
    share = np.mean(np.array(totals) >= observed)
    assert statistics.trend_p_value(grid_of(rows), 1) == pytest.approx(share)


@pytest.mark.parametrize("shape", [(3, 2), (3, 4), (4, 3)])
def test_the_smallest_p_value_is_that_of_a_perfect_order(shape: tuple[int, int]) -> None:
    perfect = grid_of([list(range(shape[1]))] * shape[0])
    assert statistics.trend_p_value(perfect, 1) == pytest.approx(statistics.smallest_trend_p_value(perfect))
    assert statistics.trend_p_value(perfect, -1) == 1.0


def test_the_trend_test_keeps_its_level() -> None:
    random = np.random.default_rng(0)
    p_values = [statistics.trend_p_value(grid_of(random.normal(size=(3, 4)).tolist()), 1) for _ in range(400)]
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.025)


def test_student_s_interval_and_test_are_scipy_s(random: np.random.Generator) -> None:
    sample = random.normal(1.0, size=5)
    test = stats.ttest_1samp(sample, 0.3, alternative="greater")
    assert statistics.exceeding_p_value(sample, 0.3, 1) == pytest.approx(test.pvalue)
    less = stats.ttest_1samp(sample, 0.3, alternative="less")
    assert statistics.exceeding_p_value(sample, 0.3, -1) == pytest.approx(less.pvalue)
    interval = stats.ttest_1samp(sample, 0.0).confidence_interval(0.95)
    assert statistics.mean_interval(sample) == pytest.approx((interval.low, interval.high))
    assert statistics.mean_interval(sample[:1]) is None


def test_equivalence_is_the_90_percent_interval_inside_the_margin(random: np.random.Generator) -> None:
    for size in (0.05, 0.4, 1.5):
        sample = size * random.normal(0.1, size=4)
        interval = stats.ttest_1samp(sample, 0.0).confidence_interval(0.90)
        inside = interval.low > -0.5 and interval.high < 0.5
        assert (statistics.equivalence_p_value(sample, 0.5) < 0.05) == inside


def test_holm_by_hand() -> None:
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert statistics.holm([]) == []


def test_holm_rejects_what_its_steps_reject(random: np.random.Generator) -> None:
    for p_values in random.uniform(0, 0.06, size=(50, 4)).tolist():
        rejected = set()
        for step, index in enumerate(np.argsort(p_values)):
            if p_values[index] > 0.05 / (4 - step):
                break
            rejected.add(int(index))
        corrected = statistics.holm(p_values)
        assert {index for index, p in enumerate(corrected) if p <= 0.05} == rejected


def test_ties_are_orders_that_cannot_be_told_apart() -> None:
    """A seed whose values are all equal has one order; the least p-value of a grid of guesses is 1."""
    assert statistics.smallest_trend_p_value(grid_of([[10.0] * 4] * 3)) == 1
    rows = [[1.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    assert statistics.smallest_trend_p_value(grid_of(rows)) == pytest.approx(1 / 3 / 6)
    assert statistics.trend_p_value(grid_of(rows), 1) == pytest.approx(1 / 3 / 6)


def test_the_error_of_test_images_is_binomial() -> None:
    images = np.random.default_rng(0).random((4000, 500)) < 0.3
    assert statistics.sampling_error([30.0], 500) == pytest.approx(100 * images.mean(axis=1).std(), rel=0.05)
    assert statistics.sampling_error([30.0, 40.0], 500) == pytest.approx(
        (statistics.sampling_error([30.0], 500) ** 2 + statistics.sampling_error([40.0], 500) ** 2) ** 0.5
    )
    assert statistics.sampling_error([0.0, -100.0], 500) == 0


def test_an_interval_holds_the_error_of_the_images_however_many_seeds(random: np.random.Generator) -> None:
    sample = random.normal(size=4)
    low, high = statistics.mean_interval(sample)  # type: ignore[misc]
    wide = statistics.mean_interval(sample, 3.0)
    assert wide is not None
    assert (wide[1] - wide[0]) / 2 == pytest.approx(np.hypot((high - low) / 2, 1.96 * 3))
    assert statistics.mean_interval(sample[:1], 3.0) == pytest.approx((sample[0] - 5.88, sample[0] + 5.88))


def test_a_rise_beyond_a_peak_is_tested_by_all_orders() -> None:
    rows = [[1.0, 5.0, 2.0], [3.0, 4.0, 9.0]]
    rises = []
    for orders in product(permutations(rows[0]), permutations(rows[1])):
        sums = np.sum(orders, axis=0)
        rises.append(sums[1:].max() - sums[0])
    expected = np.mean(np.array(rises) >= 11 - 4)
    assert statistics.peak_p_value(grid_of(rows), 0) == pytest.approx(expected)
    assert statistics.peak_p_value(grid_of(rows), 2) == 1, "there is nothing beyond the last column"
    assert statistics.peak_p_value(grid_of([[10.0] * 3] * 3), 0) == 1


def test_many_orders_are_sampled_and_the_sample_agrees() -> None:
    random = np.random.default_rng(3)
    grid = grid_of((random.normal(size=(3, 4)) + 0.5 * np.arange(4)).tolist())
    exact = statistics.peak_p_value(grid, 0)
    most, statistics._MOST_COMBINATIONS = statistics._MOST_COMBINATIONS, 10
    try:
        assert statistics.peak_p_value(grid, 0) == pytest.approx(exact, abs=0.005)
        assert statistics.peak_p_value(grid, 0) == statistics.peak_p_value(grid, 0)
    finally:
        statistics._MOST_COMBINATIONS = most


def test_where_all_is_noise_a_peak_beyond_another_is_rarely_called_one() -> None:
    """A bootstrap over three seeds, which has 27 draws, called one in nearly half of such worlds."""
    random = np.random.default_rng(1)
    p_values = [statistics.peak_p_value(grid_of(random.normal(size=(3, 4)).tolist()), 0) for _ in range(300)]
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_pseudo_values_of_pairs_keep_the_mean_and_the_jackknife_s_error() -> None:
    pairs = {(0, 1): 1.0, (0, 2): 2.0, (1, 2): 4.0}
    values = statistics.pseudo_values(pairs)
    assert values is not None
    assert values.mean() == pytest.approx(7 / 3)
    left = np.array([4.0, 2.0, 1.0])  # what is left without seed 0, 1 and 2
    error = np.sqrt(2 / 3 * ((left - left.mean()) ** 2).sum())
    assert values.std(ddof=1) / np.sqrt(3) == pytest.approx(error)
    assert statistics.pseudo_values({(0, 1): 1.0}) is None
    assert statistics.pseudo_values({(0, 1): 1.0, (0, 2): 2.0}) is None, "a pair is missing"


def test_an_interval_over_pairs_covers_what_it_should() -> None:
    """Values of pairs are sums of what their seeds bring: dependent, and the jackknife allows for it."""
    random, covered = np.random.default_rng(2), 0
    for _ in range(400):
        seeds = random.normal(size=3)
        pairs = {(a, b): seeds[a] + seeds[b] for a in range(3) for b in range(a + 1, 3)}
        low, high = statistics.mean_interval(statistics.pseudo_values(pairs))  # type: ignore[arg-type, misc]
        covered += low <= 0 <= high
    assert covered / 400 == pytest.approx(0.95, abs=0.03)


def test_false_discoveries_by_hand() -> None:
    """Benjamini and Hochberg: the largest i with p_(i) <= i / m times the level, and all below it."""
    assert statistics.false_discoveries([0.01, 0.5, 0.02, 0.03]) == [True, False, True, True]
    assert statistics.false_discoveries([0.03, 0.5, 0.04, 0.9]) == [False] * 4
    assert statistics.false_discoveries([0.04]) == [True]
    assert statistics.false_discoveries([]) == []


def test_false_discoveries_are_scipy_s(random: np.random.Generator) -> None:
    for _ in range(50):
        p_values = random.uniform(0, 0.1, size=6).tolist()
        adjusted = stats.false_discovery_control(p_values)
        assert statistics.false_discoveries(p_values) == (adjusted <= 0.05).tolist()
