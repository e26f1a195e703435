"""What the sentences about effective fields and about pixels are filled from."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters import effective_receptive_field as chapter
from rflib.paper.say import NOTHING, say


def network(name: str, field: float, trained: float, accuracy: float) -> dict[str, Any]:
    return {"architecture": name, "theoretical_field": field, "trained_mean": trained, "accuracy_mean": accuracy}


ROWS = [
    network("a", 50.0, 30.0, 80.0),
    network("b", 100.0, 28.0, 90.0),
    network("c", 200.0, 29.0, 85.0),
    network("d", 60.0, 31.0, 70.0),
]


def test_accuracy_against_both_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chapter.fields, "field_and_accuracy", lambda *_, **__: pd.DataFrame(ROWS))
    assert chapter.accuracy_by_field(None).values.tolist() == [[4, pytest.approx(0.6), -1.0, "b", 100.0, "c", 200.0]]
    monkeypatch.setattr(chapter.fields, "field_and_accuracy", lambda *_, **__: pd.DataFrame(ROWS[:3]))
    assert say("{theoretical}", chapter.accuracy_by_field(None), per=[]) == NOTHING


def test_pixels_by_kind_of_kernel() -> None:
    columns = ["architecture", "uneven_layers", "imbalance_mean", "uniform_imbalance", "partially_dead_mean"]
    rows = [("a", 0, 0.02, 0.01, 0.2), ("b", 3, 0.2, 0.1, 2.0), ("c", 1, 0.4, 0.2, 4.0)]
    table = chapter.by_kernels(pd.DataFrame(rows, columns=columns))
    template = "{kernels} ({architecture}): {imbalance[range]:.3f}, {uniform_imbalance[range]:.3f}, "
    said = say(f"{template}{{partially_dead[range]:.1f}}", table, per="kernels", along="architecture")
    assert said.points == (
        "without such kernels (a): 0.020, 0.010, 0.2 %",
        "with kernels that their stride does not divide (b and c): 0.200 to 0.400, 0.100 to 0.200, 2.0 to 4.0 %",
    )
    assert chapter.by_kernels(pd.DataFrame()).empty


def test_who_guesses_shifts_is_told_for_each_version() -> None:
    rows = [("classes", 10.0, 10.0), ("shifts", 60.0, 65.0), ("shifts", 60.0, 27.0), ("shifts", 30.0, 30.1)]
    table = pd.DataFrame(rows, columns=["task", "accuracy_plain_mean", "accuracy_padded_mean"])
    found = chapter.floors(table.assign(architecture="resnet18"))
    assert found[["task", "guessing", "margin"]].values.tolist() == [["shifts", "padded", 5], ["shifts", "plain", 5]]
    assert say("{task}", found, per="guessing").points[0] == "telling shifts"
    assert chapter.floors(pd.DataFrame()).empty
