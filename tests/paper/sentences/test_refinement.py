"""What the sentences about refinement are filled from."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters import receptive_field_refinement as chapter
from rflib.paper.say import NOTHING, say


def network(name: str, **changes: Any) -> dict[str, Any]:
    """Return a row of `refinements`."""
    row = {
        "architecture": name,
        "image_size": 64,
        "takes_image": True,
        "needs_refinement": True,
        "changes": 1.0,
        "parameters": 10,
        "parameters_refined": 10.0,
        "flops_ratio": 2.0,
    }
    return row | changes


NONE: dict[str, Any] = {"changes": None, "parameters_refined": None, "flops_ratio": None}
TABLE = pd.DataFrame(
    [
        network("b", changes=2.0, flops_ratio=4.0),
        network("a"),
        network("c", **NONE),
        network("d", takes_image=False, needs_refinement=None, **NONE),
        network("e", image_size=224, needs_refinement=False, **NONE),
    ]
)


@pytest.fixture
def table_is(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda table: monkeypatch.setattr(chapter.shown, "refinements", lambda *_, **__: table)


def test_who_needs_a_refinement_is_counted_by_image_size(table_is: Any) -> None:
    table_is(TABLE)
    needs = chapter.needs(None)
    assert say("{image_size}: {needed[sum]} of {needed[count]}", needs, per="image_size").points == (
        "64 px: 3 of 3",
        "224 px: 0 of 1",
    )
    ways = say("{changes:.0f}: {architecture[count]}", needs, per=["image_size", "changes"])
    assert ways.points == ("1: 1", "2: 1")
    assert say("{without}", needs, per="image_size", along="without").points == ("c",)
    table_is(TABLE.iloc[:0])
    assert say("{image_size}", chapter.needs(None), per="image_size") == NOTHING


def test_what_refinements_cost(table_is: Any) -> None:
    table_is(TABLE)
    template = "{same[sum]} of {flops_ratio[count]}, {flops_ratio[range]:digits}, {flops_ratio[median]:digits}"
    assert say(template, chapter.refined(None), per=[]).points == ("2 of 2, 2 to 4, 3",)
    table_is(TABLE.iloc[2:])
    assert say(template, chapter.refined(None), per=[]) == NOTHING
