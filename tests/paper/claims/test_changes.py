"""Rules are fixed before data are seen: what was changed later is listed, and nothing changes unseen."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from rflib.paper import reported
from rflib.paper.claims import FROZEN, changes
from rflib.paper.verdicts import margins

# Each value as of the day that the margins were frozen. Whoever changes one adds a row to `rule_changes.csv`.
FIXED = {
    "RATE": 0.9,
    "RATE_IN_THE_TEXT": 0.8,
    "NOTICEABLE_POINTS": 1.0,
    "GUESSING_POINTS": 5.0,
    "COLLAPSE_POINTS": 10.0,
    "FEW_DEAD": 5.0,
    "MANY_DEAD": 20.0,
    "NOTICEABLE_SHARE": 0.05,
    "MUCH_RECOVERED": 0.5,
    "EQUAL_FIELDS": 0.1,
    "SIMILAR_PARAMETERS": 1.25,
    "SLIGHT_POINTS": 5.0,
    "NOTICEABLE_LAYERS": 1.0,
    "NOTICEABLE_SATURATION": 5.0,
    "SIMILAR_PROBES_POINTS": 2.0,
    "SUDDEN_POINTS": 5.0,
    "NOTICEABLE_SIMILARITY": 0.05,
    "HIGH_SIMILARITY": 0.5**0.5,
    "MIDDLE_LAYER": 25,
    "LARGEST_RESIDUAL": 0.1,
    "CLEAR_TREND": 0.5,
    "NOTICEABLE_DECADES": 0.1,
    "NOTICEABLE_PIXELS": 1.0,
    "CLEAR_IMBALANCE": 0.1,
    "NOTICEABLE_IMBALANCE": 0.05,
    "DEAD_PIXELS_PERCENT": 1.0,
    "SHARP_DISCREPANCY": 0.693,
    "NOTICEABLE_DISCREPANCY": 0.05,
}


def test_margins_are_as_they_were_frozen() -> None:
    found = {name: value for name, value in vars(margins).items() if name.isupper()}
    assert found == FIXED


def test_changes_are_in_order_complete_and_of_claims_that_exist() -> None:
    listed = changes()
    assert listed["date"].is_monotonic_increasing
    assert listed["date"].iloc[-1] == FROZEN
    known = set(reported.claims()["id"])
    named = [name for text in listed["claims"] for name in re.findall(r"\b[A-Z]{2}-\d\d\b", text)]
    assert set(named) <= known
    assert (listed[["claims", "rule_before", "rule_after", "why"]] != "").all(axis=None)
    assert (listed["verdict_before"] == "").tolist() == (listed["verdict_after"] == "").tolist()


@pytest.mark.parametrize("name", ["RR-03", "PT-06", "RR-15", "RF-06"])
def test_verdicts_that_a_rule_turned_are_told(name: str) -> None:
    listed = changes()
    row = listed[listed["claims"].str.contains(name)].iloc[-1]
    assert row["verdict_before"] != row["verdict_after"]


def test_each_call_returns_a_frame_of_its_own() -> None:
    first = changes()
    first["why"] = ""
    assert isinstance(first, pd.DataFrame)
    assert (changes()["why"] != "").all()
