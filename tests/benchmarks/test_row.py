"""A row's ratio and verdict follow from what was measured and its bounds alone."""

from __future__ import annotations

import json
import math

import pytest

from benchmarks.row import Row


@pytest.mark.parametrize(
    ("theirs", "verdict"), [(3.9, "misses"), (4.0, "reaches"), (7.9, "reaches"), (8.0, "reaches the aim")]
)
def test_comparison_is_judged_by_how_many_times_less_ours_costs(theirs: float, verdict: str) -> None:
    row = Row("top-90", "another tool", ours=1.0, theirs=theirs, must=4, aim=8)
    assert (row.ratio, row.verdict) == (theirs, verdict)


@pytest.mark.parametrize(
    ("peak", "verdict"), [(12.1, "misses"), (12.0, "reaches"), (8.1, "reaches"), (8.0, "reaches the aim")]
)
def test_quantity_is_judged_by_its_own_size(peak: float, verdict: str) -> None:
    row = Row("peak memory", "budget", ours=peak, unit="GiB", must=12, aim=8)
    assert (row.ratio, row.verdict) == (None, verdict)


def test_only_an_exact_zero_meets_a_bound_of_zero() -> None:
    assert Row("difference", "", 0.0, must=0).verdict == "reaches"
    assert Row("difference", "", 1e-300, must=0).verdict == "misses"


def test_what_is_not_a_number_misses() -> None:
    assert Row("deviation", "", math.nan, must=1e-3).verdict == "misses"
    assert Row("speed", "a tool", math.nan, 1.0, must=1).verdict == "misses"


def test_without_a_bound_there_is_no_verdict_and_without_a_measurement_neither() -> None:
    assert Row("product", "a gradient", 1.0, 2.0).verdict == "no bound"
    assert Row("on a card", "a loop", None, must=3, note="no card").verdict == "not measured"


def test_values_for_json_hold_what_is_derived() -> None:
    values = json.loads(json.dumps(Row("what", "whom", 2.0, 3.0, must=1).as_values()))
    assert (values["ratio"], values["verdict"], values["unit"]) == (1.5, "reaches", "s")
