from __future__ import annotations

import pandas as pd

from rflib.paper.chapters import large_receptive_fields, width_and_depth
from rflib.paper.say import NOTHING

EMPTY = pd.DataFrame()


def networks(
    dense: list[float],
    *,
    pruned: list[float] | None = None,
    dead: float = 40.0,
    first_kernel: int = 13,
    sd: float = 0.0,
) -> pd.DataFrame:
    """Return one row a pool kernel, two seeds each, as `frames.accuracy_and_pruning` does for rf_resnet50."""
    pruned = dense if pruned is None else pruned
    kernels = range(first_kernel, first_kernel + len(dense))
    return pd.DataFrame(
        {
            "architecture": "rf_resnet50",
            "pool_kernel": kernels,
            "receptive_field": [105.0 * kernel + 2 for kernel in kernels],
            "dead_share": dead,
            "dense_mean": dense,
            "pruned_mean": pruned,
            "live_mean": pruned,
            "difference_mean": [a - b for a, b in zip(dense, pruned, strict=True)],
            "difference_sd": sd,
            "n": 2,
        }
    )


def per_seed(dead_of_pruned: float, *, kernel: int = 13, architecture: str = "rf_resnet50") -> pd.DataFrame:
    rows = [{"pool_kernel": kernel, "rate": rate, "pruned_dead_share": dead_of_pruned} for rate in (0.8, 0.9)]
    return pd.DataFrame(rows).assign(architecture=architecture)


def widths(small: list[float], large: list[float]) -> pd.DataFrame:
    """Return `width_and_depth.width_and_depth` for k = 3 and k = 30, one row a multiple of the width."""
    rows = [
        {
            "receptive_field": 105.0 * kernel + 2,
            "label": label,
            "width_multiple": multiple,
            "dense_mean": value,
            "n": 1,
            "pending": kernel == 3 and multiple == 3,
        }
        for kernel, label, values in ((3, 318, small), (30, 3100, large))
        for multiple, value in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows)


def depths(**fields: dict[int, tuple[float, float]]) -> pd.DataFrame:
    """Return `width_and_depth.depth`: network to {k: (field, dense accuracy)}."""
    rows = [
        {"architecture": name, "pool_kernel": kernel, "receptive_field": field, "dense_mean": dense, "n": 1}
        for name, values in fields.items()
        for kernel, (field, dense) in values.items()
    ]
    return pd.DataFrame(rows)


def test_collapse_is_counted_from_the_smallest_field() -> None:
    grid = networks([95.0, 90.0], first_kernel=1)
    large = networks([60.0, 14.0])
    paired = large[["architecture", "pool_kernel"]].assign(change_mean=[-35.2, -81.4])
    small, changes, guessing, strength = large_receptive_fields.say_collapse(large, grid, paired, classes=10).points
    assert small == "At 107 px, the smallest field measured, dense accuracy is 95.0 %."
    assert changes == "Points gained or lost beside that, seed by seed: -35.2 at 1367 px, -81.4 at 1472 px."
    assert guessing == "Large-field networks within 5 points of guessing (10 %): 1 of 2."
    assert strength == "2 seeds a network: an indication, fewer than the five of the paper."


def test_collapse_leaves_out_other_networks_and_a_missing_grid() -> None:
    other = networks([99.0], first_kernel=1).assign(architecture="rf_vgg19")
    assert len(large_receptive_fields.say_collapse(networks([60.0]), other, EMPTY, classes=10).points) == 2
    assert len(large_receptive_fields.say_collapse(networks([60.0]), EMPTY, EMPTY, classes=10).points) == 2


def test_equality_is_given_to_the_hundredth() -> None:
    large = networks([60.0, 50.0, 40.0], pruned=[60.0, 49.5, 30.0])
    runs = pd.concat([per_seed(40.0, kernel=kernel) for kernel in (13, 14, 15)])
    first, *_ = large_receptive_fields.say_equality(large.iloc[[2, 0, 1]], runs).points
    assert first == (
        "Dense minus pruned, in points: +0.00 at 1367 px, +0.50 at 1472 px, +10.00 at 1577 px; the paper prints zero, "
        "with zero spread, for every network."
    )


def test_equality_counts_the_live_weights_that_went() -> None:
    # Of 100 weights 40 are dead and 90 are pruned, half of them (45) live: 45 / 60 of the live ones go.
    runs = pd.concat([per_seed(50.0), per_seed(90.0, architecture="rf_vgg19")])
    _, row, bound, _ = large_receptive_fields.say_equality(networks([60.0]), runs).points
    assert row == (
        "1367 px: 40 % of the taps are dead; of what was pruned 50 % was dead, and 75 % of the live weights went. "
        "Accuracy: 60.0 % dense, 60.0 % pruned, 60.0 % under the control."
    )
    # Even if all 40 dead ones went first, 50 of the 60 live ones must follow.
    assert bound == (
        "At most 40 % of the taps are dead, and 90 % are pruned: at least 83 % of the live weights go everywhere."
    )


def test_enough_dead_taps_can_make_pruning_free() -> None:
    bound = large_receptive_fields.say_equality(networks([60.0], dead=95.0), per_seed(100.0)).points[2]
    assert bound == (
        "At most 95 % of the taps are dead, and 90 % are pruned: at least 0 % of the live weights go everywhere."
    )


def test_the_widths_of_both_fields_are_listed() -> None:
    first, second, strength = width_and_depth.say_widths(widths([60.0, 60.2, 60.5], [20.0, 24.0, 26.0])).points
    assert first == (
        "At 317 px dense accuracy goes from 60.0 % at the profile's own width to 60.2 % at 2 times, 60.5 % at 3 times "
        "that width."
    )
    assert second == (
        "At 3152 px dense accuracy goes from 20.0 % at the profile's own width to 24.0 % at 2 times, 26.0 % at 3 times "
        "that width."
    )
    assert strength == "One seed a network: an indication, without a spread."


def test_the_pending_cell_is_the_third_width_at_the_small_field() -> None:
    (point,) = width_and_depth.say_pending(widths([60.0, 61.0, 62.5], [20.0, 24.0, 26.0])).points
    assert point == (
        "The pending cell, 318 px by the paper's label at 3 times the width, is 62.5 % here, on this profile's data."
    )
    (missing,) = width_and_depth.say_pending(widths([60.0], [20.0])).points
    assert missing == "This profile does not measure the cell that the paper leaves pending."


def test_depth_is_compared_at_equal_k_and_at_the_nearest_field() -> None:
    table = depths(rf_resnet26={3: (143.0, 90.0), 6: (284.0, 80.5), 7: (331.0, 84.0)}, rf_resnet50={3: (317.0, 80.0)})
    equal, nearest, _ = width_and_depth.say_depth(table).points
    assert equal == (
        "At equal k = 3: `rf_resnet26` (143 px) has 90.0 %, +10.0 points from `rf_resnet50` (317 px) with 80.0 %."
    )
    assert nearest == (
        "At the nearest field measured: `rf_resnet26` (331 px) has 84.0 %, +4.0 points from `rf_resnet50` (317 px) "
        "with 80.0 %."
    )


def test_a_shallower_network_that_is_lower_has_a_negative_gap() -> None:
    lower = depths(rf_resnet26={3: (143.0, 70.0)}, rf_resnet50={3: (317.0, 80.0)})
    assert width_and_depth.say_depth(lower).points[0] == (
        "At equal k = 3: `rf_resnet26` (143 px) has 70.0 %, -10.0 points from `rf_resnet50` (317 px) with 80.0 %."
    )


def test_without_measurements_nothing_is_said() -> None:
    assert large_receptive_fields.say_collapse(EMPTY, EMPTY, EMPTY, classes=10) == NOTHING
    assert large_receptive_fields.say_equality(EMPTY, EMPTY) == NOTHING
    assert width_and_depth.say_widths(EMPTY) == NOTHING
    assert width_and_depth.say_depth(EMPTY) == NOTHING
    assert width_and_depth.say_depth(depths(rf_resnet50={3: (317.0, 80.0)})) == NOTHING
    assert "does not measure" in width_and_depth.say_pending(EMPTY).points[0]
