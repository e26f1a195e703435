"""Every statistic beside a second computation: scipy's, or all cases listed."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rflib.claims import statistics


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


def test_the_interval_is_that_of_all_draws(random: np.random.Generator) -> None:
    values = random.normal(size=(2, 3)) + 0.7 * np.arange(3)
    draws = []
    for chosen in product(product(range(2), repeat=2), repeat=3):
        means = [np.mean([values[seed, kernel] for seed in seeds]) for kernel, seeds in enumerate(chosen)]
        draws.append(stats.spearmanr(range(3), means).statistic)
    interval = statistics.rank_correlation_interval(grid_of(values.tolist()))
    assert interval == pytest.approx(tuple(np.percentile(draws, [2.5, 97.5])))


def test_the_interval_of_an_order_that_every_seed_shows_is_a_point_and_one_seed_has_none() -> None:
    rows = [[4.0, 3.0, 2.0, 1.0], [4.1, 3.1, 2.1, 1.1]]
    assert statistics.rank_correlation_interval(grid_of(rows)) == pytest.approx((-1, -1))
    assert statistics.rank_correlation_interval(grid_of(rows[:1])) is None


def test_the_same_grid_gives_the_same_interval(random: np.random.Generator) -> None:
    grid = grid_of(random.normal(size=(5, 4)).tolist())
    assert statistics.rank_correlation_interval(grid) == statistics.rank_correlation_interval(grid.copy())


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


def test_the_shift_of_a_peak_is_that_of_all_draws() -> None:
    dense = grid_of([[9.0, 5.0, 1.0], [9.0, 5.0, 1.0], [9.0, 5.0, 1.0]])
    pruned = grid_of([[1.0, 6.0, 4.0], [1.0, 6.0, 4.0], [9.0, 0.0, 4.0]])
    shifts = []
    for seeds in product(range(3), repeat=3):
        best = [grid.to_numpy()[list(seeds)].mean(axis=0).argmax() for grid in (dense, pruned)]
        shifts.append(best[1] - best[0])
    interval, p = statistics.peak_shift(dense, pruned)
    assert p == pytest.approx(np.mean(np.array(shifts) <= 0), abs=0.03)
    assert interval == pytest.approx(tuple(np.percentile(shifts, [2.5, 97.5])))


def test_a_peak_that_never_moves_has_no_shift() -> None:
    grid = grid_of([[9.0, 5.0, 1.0]] * 3)
    assert statistics.peak_shift(grid, grid) == ((0.0, 0.0), 1.0)
