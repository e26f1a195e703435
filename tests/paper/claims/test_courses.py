"""Quantities along a network, one value a seed, against values written down and against other computations."""

from __future__ import annotations

from math import erfc, exp, pi, sqrt

import numpy as np
import pandas as pd
import pytest

from rflib.paper.chapters.should_you_go_deeper import courses
from rflib.paper.chapters.should_you_go_deeper.redesign import _varies
from rflib.receptive_field import tail_pattern

# Two seeds, six layers; the border is the fourth.
PROBES = pd.DataFrame([[40.0, 50, 60, 60.5, 52, 60.9], [41.0, 55, 54, 57, 56, 49]], columns=range(1, 7))
BORDER = 4


def test_what_probes_do_on_both_sides_of_a_border() -> None:
    assert courses.rise(PROBES, BORDER).tolist() == [20, 14]
    assert courses.further_rise(PROBES, BORDER).to_list() == pytest.approx([0.9, 2])
    before, behind = courses.largest_falls(PROBES, BORDER)
    assert before.tolist() == [0, 1]
    assert behind.tolist() == [8.5, 7]


def test_probes_stop_behind_the_first_layer_that_comes_within_a_point_of_the_best() -> None:
    assert courses.stagnation(PROBES).tolist() == [4, 5]
    rising = pd.DataFrame([[1.0, 3, 5]], columns=[1, 2, 3])
    assert courses.stagnation(rising).tolist() == [4], "one past the last"


def test_a_tail_begins_where_the_analysis_has_it() -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.exponential(size=(40, 7)) * np.linspace(3, 0.3, 7), columns=range(1, 8))
    found = courses.tail_start(rows)
    expected = [
        8 - len(tail_pattern({str(layer): value for layer, value in row.items()})) for _, row in rows.iterrows()
    ]
    assert found.tolist() == expected
    assert len(set(expected)) > 3


def test_saturation_on_both_sides() -> None:
    saturation = pd.DataFrame([[60.0, 40, 50, 30, 10, 20], [60.0, 40, 50, 30, 30, 20]], columns=range(1, 7))
    assert courses.saturation_drop(saturation, BORDER).tolist() == pytest.approx([30, 50 - 80 / 3])
    # Means of 30, 20 and 20 against half of 50.
    assert courses.low_layers(saturation, BORDER) == (2, 3)


def test_friedmans_test_by_its_formula() -> None:
    """Ranks 1 to 4 in the same order in each of 3 blocks: the statistic is n (k - 1), and its p that of chi squared."""
    grid = pd.DataFrame([[1.0, 2, 3, 4], [2.0, 3, 5, 9], [0.0, 4, 5, 6]])
    evidence = _varies("somewhere", grid)
    ranks = grid.rank(axis=1).sum()
    statistic = 12 / (3 * 4 * 5) * float((ranks**2).sum()) - 3 * 3 * 5
    assert statistic == pytest.approx(9)
    # The survival function of chi squared with 3 degrees of freedom, written out.
    expected = erfc(sqrt(statistic / 2)) + sqrt(2 * statistic / pi) * exp(-statistic / 2)
    assert evidence.p == pytest.approx(expected)
    assert evidence.smallest_p == pytest.approx(expected)
    assert evidence.effect == pytest.approx(19 / 3 - 1)
    assert _varies("somewhere", grid.iloc[:2]).p is None
