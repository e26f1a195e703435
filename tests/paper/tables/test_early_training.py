"""The printed protocol's first epochs, and how far it can take the weights."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from rflib.paper.chapters import experimental_settings
from rflib.study.study import Study

Open = Callable[..., Study]


def test_schedules_side_by_side(open_tiny: Open) -> None:
    study = open_tiny("experimental-settings")
    study.ensure(workers=1)
    table = experimental_settings.printed_protocol(study).set_index("purpose")
    assert list(table.index) == ["usual", "printed_norm", "printed_value", "printed_none"]
    assert table["n"].tolist() == [1] * 4
    early = experimental_settings.early_epochs(study).set_index("purpose")
    for purpose in table.index:
        assert table.loc[purpose, "test_accuracy_mean"] == early.loc[[purpose], "test_accuracy"].iloc[-1]
    assert table["initial_norm_mean"].nunique() == 1, "all schedules begin with the same weights"
    assert table["dense_reported"].tolist() == [91.1] * 4


def test_the_reach_is_the_written_out_sum_and_no_run_exceeds_it(open_tiny: Open) -> None:
    study = open_tiny("experimental-settings")
    study.ensure(workers=1)
    table = experimental_settings.printed_protocol(study).set_index("purpose")
    # 48 images in batches of 16; momentum lets one gradient act ten times.
    rates = [1e-4 * 0.5 * (1 + math.cos(math.pi * epoch / 200)) for epoch in range(200)]
    assert table.loc["printed_norm", "reach_mean"] == pytest.approx(3 * sum(rates) * 0.1 * 10)
    assert table.loc[["printed_value", "printed_none"], "reach_mean"].isna().all()
    assert 0 < table.loc["printed_norm", "distance_mean"] < table.loc["printed_norm", "reach_mean"]


def test_a_profile_without_the_trial_has_no_table(open_tiny: Open) -> None:
    study = open_tiny("accuracy-and-pruning")
    assert experimental_settings.printed_protocol(study).empty
    assert experimental_settings.early_epochs(study, role="large_images").empty
