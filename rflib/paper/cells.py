"""The text of a table's cells: a mean with its spread, and one number of decimals in a column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from rflib.paper.quantities import quantity

_MISSING = "–"
_DIGITS = 3
# Where a column needs more, its numbers have too little in common to be written alike.
_MOST_DECIMALS = 4


def cell(row: Mapping[Any, Any], column: str, decimals: int | None) -> str:
    """Return one cell: "mean ± sd" of what has a mean, as printed if it is the paper's, else the value itself."""
    if column == "dense_reported" and row.get("pending"):
        return "Pending"
    if f"{column}_mean" not in row:
        return plain_cell(row[column], decimals)
    if isinstance(row.get(f"{column}_mean_printed"), str):
        return " ± ".join(part for part in (row[f"{column}_{p}_printed"] for p in ("mean", "sd")) if part) or _MISSING
    mean, spread = row[f"{column}_mean"], row.get(f"{column}_sd")
    return _mean_and_spread(mean, spread, _form(column, mean))


def plain_cell(value: Any, decimals: int | None = None) -> str:
    """Return the text of one value; a float with so many decimals, or to three digits."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return _MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and decimals is None:
        return f"{value:.0f}" if value.is_integer() else f"{value:.{_DIGITS}g}"
    if isinstance(value, float):
        return f"{value:z.{decimals}f}"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def decimals_of(column: str, values: Iterable[Any]) -> int | None:
    """Return with how many decimals to write all numbers of a column, as many as one of them needs for three digits.

    None where not all are numbers, and where one of them is so small that the others would be lost in zeros.
    """
    known = [value for value in values if plain_cell(value) != _MISSING]
    if not known or not all(isinstance(value, float) and math.isfinite(value) for value in known):
        return None
    needed = quantity(column).decimals or max(map(_needed, known))
    return needed if needed <= _MOST_DECIMALS else None


def _needed(value: float) -> int:
    """Return how many decimals three digits of a number end with, zeros at the end left out."""
    if value == 0:
        return 0
    places = max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    return len(f"{value:.{places}f}".rstrip("0").partition(".")[2])


def _form(column: str, mean: float) -> str:
    if column.endswith("_reported"):
        return "g"
    digits = quantity(column).digits
    if digits and mean and math.isfinite(mean):
        return f".{max(0, digits - 1 - math.floor(math.log10(abs(mean))))}f"
    # z: what rounds to zero has no sign.
    return f"z.{quantity(column).decimals or 1}f"


def _mean_and_spread(mean: float, spread: float | None, form: str) -> str:
    if mean is None or math.isnan(mean):
        return _MISSING
    if spread is None or math.isnan(spread):
        return f"{mean:{form}}"
    return f"{mean:{form}} ± {spread:{form}}"
