"""What pruning leaves over all rates: its bounds, and the networks that have nothing to keep."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rflib.paper.chapters.open_questions import advantage, tolerance
from rflib.study.study import Study

Filled = Callable[..., Study]


def test_a_network_near_guessing_is_left_out(filled: Filled) -> None:
    study = filled("accuracy-and-pruning")  # dense 80 and 81 at k = 1, 70 and 71 at k = 2, guessing 10
    assert tolerance(study, margin=65.0)["pool_kernel"].tolist() == [1]
    assert tolerance(study, margin=80.0).empty


def test_below_guessing_nothing_is_kept(filled: Filled) -> None:
    table = tolerance(filled("accuracy-and-pruning", classes=2))  # guessing is 50; at k = 1 pruning leaves 30 to 37
    assert table["kept_mean"].iloc[0] == 0
    assert table["kept_mean"].iloc[1] > 0


def test_the_advantage_over_the_smallest_field_by_hand(filled: Filled) -> None:
    # Pruned at rates 0.5 and 0.9 to 35 and 30 at k = 1 (seed 1: 37 and 32) of dense 80 (81), and at k = 2 to 55 and 50
    # (57 and 52) of dense 70 (71); among live weights always to 10, which is guessing.
    (row,) = advantage(filled("accuracy-and-pruning")).to_dict("records")
    kept = [100 * ((45 + 40) / 2 / 60 - (25 + 20) / 2 / 70), 100 * ((47 + 42) / 2 / 61 - (27 + 22) / 2 / 71)]
    assert (row["pool_kernel"], row["base_kernel"], row["n"]) == (2, 1, 2)
    assert row["gain_mean"] == pytest.approx(sum(kept) / 2)
    assert row["gain_sd"] == pytest.approx(abs(kept[0] - kept[1]) / 2**0.5)
    assert (row["gain_live_mean"], row["removed_mean"]) == (0, pytest.approx(row["gain_mean"]))


def test_an_advantage_needs_two_networks(filled: Filled) -> None:
    assert advantage(filled("accuracy-and-pruning", pool_kernels={"rf_vgg19": [2]})).empty
    assert advantage(filled("accuracy-and-pruning"), role="large_images").empty
