from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.chapters import open_questions
from rflib.paper.say import NOTHING

EMPTY = pd.DataFrame()
KEPT_BY = {"padded": "padding", "dilated": "dilation"}


def networks(
    dense: list[float], difference: list[float], *, map_size: str = "shrinking", dilation: int = 1
) -> pd.DataFrame:
    """Return one row a pool kernel of rf_vgg19, one seed each."""
    kernels = range(1, len(dense) + 1)
    return pd.DataFrame(
        {
            "architecture": "rf_vgg19",
            "pool_kernel": kernels,
            "map_size": map_size,
            "pool_dilation": dilation,
            "receptive_field": [178.0 * kernel + 2 for kernel in kernels],
            "dead_share": 79.0 if map_size == "shrinking" else 0.0,
            "dense_mean": dense,
            "difference_mean": difference,
            "n": 1,
        }
    )


def per_seed(dense: list[float], difference: list[float]) -> pd.DataFrame:
    rows = [
        {
            "architecture": "rf_vgg19",
            "pool_kernel": kernel,
            "seed": 0,
            "rate": rate,
            "normalised_difference": lost / whole * (rate / 0.9),
        }
        for rate in (0.5, 0.9)
        for kernel, (whole, lost) in enumerate(zip(dense, difference, strict=True), start=1)
    ]
    return pd.DataFrame(rows)


def test_the_normalised_difference_takes_one_rate_and_every_field() -> None:
    dense, lost = [80.0, 60.0, 50.0], [40.0, 15.0, 5.0]
    first, strength = open_questions.say_normalised(per_seed(dense, lost), networks(dense, lost)).points
    assert first == "`rf_vgg19`: 0.500 at 180 px, 0.250 at 358 px, 0.100 at 536 px."
    assert strength.startswith("One seed")


def test_the_normalised_difference_of_one_field() -> None:
    first, _ = open_questions.say_normalised(per_seed([80.0], [40.0]), networks([80.0], [40.0])).points
    assert first == "`rf_vgg19`: 0.500 at 180 px."


def test_a_variant_stands_beside_the_paper_at_the_same_k() -> None:
    grid = networks([90.0, 70.0], [60.0, 1.0])
    padded = networks([91.0, 88.0], [61.0, 50.0], map_size="padded").iloc[1:]
    first, _ = open_questions.say_other_knobs(grid, padded).points
    assert first == (
        "Maps kept by padding, k = 2 (in brackets, the paper's network): field 358 px (358 px), dead taps 0 % (79 %), "
        "dense 88.0 % (70.0 %), lost to pruning 50.0 points (1.0 points)."
    )
    dilated = networks([91.0], [61.0], dilation=2)
    assert open_questions.say_other_knobs(grid, dilated).points[0].startswith("Pool dilated by 2, k = 1 ")


@pytest.mark.parametrize("map_size", ["padded", "dilated"])
def test_constant_maps_compare_the_changes_over_the_same_k(map_size: str) -> None:
    grid = networks([90.0, 80.0, 70.0], [60.0, 30.0, 1.0])
    kept = networks([91.0, 90.0, 88.0], [61.0, 60.0, 55.0], map_size=map_size).iloc[1:]
    first, _ = open_questions.say_constant_maps(grid.iloc[1:], kept).points
    assert first == (
        "`rf_vgg19`, k = 2 to 3: dense accuracy changes by -10.0 points with shrinking maps and by -2.0 points with "
        f"maps kept by {KEPT_BY[map_size]}, and the loss to pruning by -29.0 points with shrinking maps and by -5.0 "
        "points."
    )


@pytest.mark.parametrize("map_size", ["padded", "dilated"])
def test_constant_maps_start_from_the_papers_network_at_k_1(map_size: str) -> None:
    grid = networks([90.0, 80.0, 70.0], [60.0, 30.0, 1.0])
    kept = networks([0.0, 0.0, 88.0], [0.0, 0.0, 55.0], map_size=map_size).iloc[2:]
    first, strength = open_questions.say_constant_maps(grid, kept).points
    assert first == (
        "`rf_vgg19`, k = 1 to 3: dense accuracy changes by -20.0 points with shrinking maps and by -2.0 points with "
        f"maps kept by {KEPT_BY[map_size]}, and the loss to pruning by -59.0 points with shrinking maps and by -5.0 "
        "points."
    )
    assert strength.startswith("One seed")


def test_constant_maps_need_two_kernels_in_both() -> None:
    grid = networks([90.0, 80.0], [60.0, 30.0])
    assert open_questions.say_constant_maps(grid, networks([91.0], [61.0], map_size="padded")) == NOTHING
    assert open_questions.say_constant_maps(grid, networks([91.0, 2.0], [61.0, 3.0], dilation=2)) == NOTHING


def test_without_measurements_nothing_is_said() -> None:
    assert open_questions.say_normalised(EMPTY, EMPTY) == NOTHING
    assert open_questions.say_other_knobs(EMPTY, EMPTY) == NOTHING
    assert open_questions.say_constant_maps(EMPTY, EMPTY) == NOTHING
