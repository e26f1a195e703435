from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rflib.paper.chapters import ledger
from rflib.study.plans import plan
from rflib.study.study import Study


def test_measurements_are_counted_by_kind_and_network(filled: Callable[..., Study]) -> None:
    study = filled("accuracy-and-pruning")
    table = ledger.measurements(study).set_index("analysis")
    assert table["architecture"].unique().tolist() == ["rf_vgg19"]
    # Two kernels with two seeds each; an architecture needs neither seed nor training. A second each.
    assert table["measurements"].to_dict() == {"architecture": 2, "history": 4, "one_shot": 4}
    assert table["networks"].to_dict() == {"architecture": 0, "history": 4, "one_shot": 4}
    assert table["seeds"].to_dict() == {"architecture": "", "history": "0, 1", "one_shot": "0, 1"}
    assert table["hours"].sum() * 3600 == pytest.approx(10)


def test_every_measurement_has_a_row(filled: Callable[..., Study]) -> None:
    study = filled("accuracy-and-pruning")
    table = ledger.every_measurement(study)
    assert table["measurement"].tolist() == sorted(item.key.name for item in study.items)
    assert set(table["seeds"]) == {"", "0", "1"}
    assert set(table["pool_kernel"]) == {1, 2}
    assert (table["seconds"] == 1).all()


def test_what_chapters_share_is_paid_for_once(filled: Callable[..., Study]) -> None:
    first = filled("fine-tuning")
    second = replace(first, chapter="accuracy-and-pruning", items=plan("accuracy-and-pruning", first.profile))
    table = ledger.costs({"first": first, "second": second, "none": replace(first, items=())}).set_index("chapter")
    assert table.index.tolist() == ["first", "second"]
    whole = table["training_hours"] + table["measuring_hours"]
    assert whole["first"] * 3600 == pytest.approx(len({item.key.name for item in first.items}))
    assert table["new_hours"].to_dict() == {"first": pytest.approx(whole["first"]), "second": 0}
    assert table.loc["second", "training_hours"] * 3600 == pytest.approx(4)


def test_a_study_of_nothing_has_an_empty_ledger(nothing: Study) -> None:
    assert ledger.measurements(nothing).empty
    assert ledger.every_measurement(nothing).empty
    assert ledger.costs({"none": nothing}).empty
