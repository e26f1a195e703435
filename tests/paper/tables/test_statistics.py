"""Mean, spread and rank correlation by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from rflib.paper.frames import spearman, summarise

NAN = float("nan")


def test_mean_sample_deviation_and_count() -> None:
    frame = pd.DataFrame({"k": [2, 2, 2, 1], "x": [1.0, 2.0, 6.0, 5.0], "y": [0.0, 0.0, 3.0, 1.0]})
    table = summarise(frame, ["k"], ["x", "y"])
    assert table.columns.tolist() == ["k", "x_mean", "x_sd", "y_mean", "y_sd", "n"]
    assert table["k"].tolist() == [2, 1], "in the order of appearance"
    assert table.loc[0, ["x_mean", "x_sd", "y_mean", "y_sd", "n"]].tolist() == pytest.approx(
        [3, math.sqrt(7), 1, math.sqrt(3), 3]
    )
    assert table.loc[1, ["x_mean", "n"]].tolist() == [5, 1]
    assert math.isnan(table.loc[1, "x_sd"]), "one seed has no spread"


def test_a_missing_value_does_not_lose_its_group() -> None:
    frame = pd.DataFrame({"label": [181.0, NAN, NAN], "x": [1.0, 2.0, 4.0]})
    table = summarise(frame, ["label"], ["x"])
    assert table["x_mean"].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1, 2, 3], [10, 20, 21], 1),
        ([1, 2, 3], [5, 4, -1], -1),
        ([3, 1, 2], [30, 10, 20], 1),
        # Ranks 1 2 3 4 and 1 3 2 4: 1 - 6 (1 + 1) / (4 (16 - 1)).
        ([1, 2, 3, 4], [1, 3, 2, 4], 0.8),
        ([1, 2, NAN, 3], [1, 2, 0, 3], 1),
        ([1, 2, 3], [4, NAN, 2], -1),
    ],
)
def test_trend_is_spearmans_correlation(x: list[float], y: list[float], expected: float) -> None:
    assert spearman(x, y) == pytest.approx(expected)


@pytest.mark.parametrize(("x", "y"), [([1, 2], [3, 3]), ([1], [1]), ([], []), ([2, 2], [1, 3]), ([1, 2], [1, NAN])])
def test_no_trend_without_two_different_points(x: list[float], y: list[float]) -> None:
    assert math.isnan(spearman(x, y))
