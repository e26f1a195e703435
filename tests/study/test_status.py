"""How far a study is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rflib.config import MeasurementKey
from rflib.study.status import content_key, status
from rflib.study.store import Holder
from rflib.study.study import Study

Open = Callable[..., Study]


def test_status_counts_what_is_done_and_scales_the_time_of_finished_runs(open_tiny: Open) -> None:
    study = open_tiny(seeds=[0, 1])
    before = status(study)
    assert before.missing_seconds is None
    assert before.counts.set_index("analysis").loc["history"].tolist() == [0, 2]
    key = content_key(study)

    one = open_tiny(seeds=[0])
    one.ensure(workers=1)
    halfway = status(study)
    assert halfway.counts.set_index("analysis").loc[["architecture", "history", "one_shot"]].values.tolist() == [
        [1, 0],
        [1, 1],
        [1, 1],
    ]
    # The other seed is the same work as the one that is done.
    seconds = one.load(one.items[1].key).provenance["seconds"]
    assert halfway.missing_seconds == pytest.approx(seconds)
    assert status(one).missing_seconds == 0
    assert before.outlook == "5 are missing; no training run is finished yet, so their cost is unknown."
    assert halfway.outlook == f"2 are missing: about {seconds / 60:.1f} minutes of training on one worker."
    assert status(one).outlook == "Nothing is missing."
    assert content_key(study) != key


def test_status_says_who_works_on_what_of_the_study(open_tiny: Open) -> None:
    study, other = open_tiny(seeds=[0]), open_tiny(seeds=[1])
    run = study.items[1].key.runs[0]
    tuned = open_tiny("fine-tuning", seeds=[0])
    with study.store.lock(run.name), study.store.lock(study.items[2].key.name), study.store.lock("publish"):
        assert status(study).running == dict.fromkeys([run.name, study.items[2].key.name], Holder.current())
        assert status(tuned).running.keys() >= {run.name}, "what its runs start from"
        assert status(other).running == {}
        first = status(tuned).lines[0]
    assert first == f"running now: {run.name}, by {Holder.current()}"
    assert status(study).lines == [status(study).outlook]


def test_status_adds_up_what_was_spent_by_unit(open_tiny: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_tiny()
    study.ensure(workers=1)
    keys = {item.key.id: item.key for item in study.items}.values()
    seconds = sum(study.load(key).provenance["seconds"] for key in keys)
    assert status(study).spent == pytest.approx({"core-hours": seconds / 3600})

    load = Study.load
    origins = {
        "history": {"seconds": 7200.0, "device": "cuda", "gpu_share": 0.25, "threads": 4},
        "one_shot": {"seconds": 3600.0, "device": "cuda", "threads": 4},
        "architecture": {"seconds": 1800.0, "device": "cpu", "gpu_share": 1.0, "threads": 4},
    }

    def loaded(self: Study, key: MeasurementKey) -> object:
        return replace(load(self, key), provenance=origins[key.analysis])

    monkeypatch.setattr(Study, "load", loaded)
    assert status(study).spent == {"GPU-hours": 1.5, "core-hours": 2.0}
    assert status(study).lines == ["Spent so far: 1.5 GPU-hours and 2 core-hours.", "Nothing is missing."]
