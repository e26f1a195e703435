"""The text of cells: decimals of a column, means with their spread, and no sign for what rounds to zero."""

from __future__ import annotations

from typing import Any

import pytest

from rflib.paper.cells import cell, decimals_of, plain_cell


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([0.3, 0.337], 3),
        ([10.0, 82.5], 1),
        ([10.0, 20.0], 0),
        ([1.0, None, float("nan")], 0),
        ([0.0000123, 82.5], None),
        (["a", 1.0], None),
        ([], None),
    ],
)
def test_a_column_has_as_many_decimals_as_its_neediest_number(values: list[Any], decimals: int | None) -> None:
    assert decimals_of("column", values) == decimals


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert plain_cell(-0.04, 1) == "0.0"
    assert cell({"gain_mean": -0.04, "gain_sd": 0.2}, "gain", None) == "0.0 ± 0.2"
    assert cell({"gain_mean": -0.06, "gain_sd": float("nan")}, "gain", None) == "-0.1"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (float("nan"), "–"), (True, "yes"), (12_345, "12,345"), (999, "999"), ("x", "x")]
)
def test_other_values(value: object, text: str) -> None:
    assert plain_cell(value) == text
