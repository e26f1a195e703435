"""What pruning leaves over all rates: its bounds, and the networks that have nothing to keep."""

from __future__ import annotations

from collections.abc import Callable

from rflib.pipeline.study import Study
from rflib.tables.tolerance import tolerance

Filled = Callable[..., Study]


def test_a_network_near_guessing_is_left_out(filled: Filled) -> None:
    study = filled("accuracy-and-pruning")  # dense 80 and 81 at k = 1, 70 and 71 at k = 2, guessing 10
    assert tolerance(study, margin=65.0)["pool_kernel"].tolist() == [1]
    assert tolerance(study, margin=80.0).empty


def test_below_guessing_nothing_is_kept(filled: Filled) -> None:
    table = tolerance(filled("accuracy-and-pruning", classes=2))  # guessing is 50; at k = 1 pruning leaves 30 to 37
    assert table["kept_mean"].iloc[0] == 0
    assert table["kept_mean"].iloc[1] > 0
