"""What was read while an output was made: exactly that, from stores filled by hand."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from rflib.config import MeasurementKey
from rflib.study.origin import METADATA, Origin, Source, note, origin_of, recorded, traced
from rflib.study.plans import plan
from rflib.study.profiles import Profile
from rflib.study.published import Published
from rflib.study.store import Measurement, Store
from rflib.study.study import Study

ROLE = {
    "title": "images",
    "data": {"name": "cifar10", "fingerprint": "f" * 16},
    "seeds": [0, 1],
    "pool_kernels": {"rf_vgg19": [1, 2]},
    "training": {"epochs": 2},
    "fine_tuning": {"epochs": 3},
}


def made(seconds: float, commit: str = "a" * 40, **others: Any) -> dict[str, Any]:
    return {"seconds": seconds, "device": "cpu", "code": {"commit": commit, "dirty": False}, **others}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    roles = {"small_images": ROLE, "large_images": {**ROLE, "seeds": [5]}}
    profile = Profile.checked({"name": "filled", "description": "by hand", "rates": [0.9], **roles})
    items = plan("accuracy-and-pruning", profile)
    store = Store(tmp_path / "runs")
    for index, item in enumerate(items):
        store.save_measurement(item.key, values={"rows": [{}]}, provenance=made(float(index)))
    return Study("accuracy-and-pruning", profile, items, store)


def source(name: str, *, role: str = "small_images", commit: str = "", time: str = "", **others: Any) -> Source:
    plain = {"runs": (), "seeds": (), "device": "", "seconds": 0.0}
    return Source(name, "filled", role, commit=commit, time=time, **{**plain, **others})


def read_all(study: Study, analysis: str = "one_shot", *, role: str = "small_images") -> pd.DataFrame:
    frame = study.frame(analysis)
    return frame[frame["role"] == role]


def names(study: Study, analysis: str, role: str) -> list[str]:
    return sorted(item.key.name for item in study.items if item.key.analysis == analysis and item.role == role)


@pytest.mark.parametrize("role", ["small_images", "large_images"])
def test_a_table_knows_what_was_read_of_its_role_and_nothing_else(study: Study, role: str) -> None:
    frame = traced(read_all)(study, role=role)
    assert [each.name for each in origin_of(frame).sources] == names(study, "one_shot", role)
    assert {each.profile for each in origin_of(frame).sources} == {"filled"}


def test_without_a_role_everything_counts_and_what_was_read_inside_passes_outwards(study: Study) -> None:
    inner = traced(read_all)

    @traced
    def outer(study: Study) -> pd.DataFrame:
        inner(study, role="large_images")
        return study.frame("architecture")

    found = {each.name for each in origin_of(outer(study)).sources}
    architectures = {name for role in ("small_images", "large_images") for name in names(study, "architecture", role)}
    assert found == architectures | set(names(study, "one_shot", "large_images"))


def test_reading_outside_is_not_counted_and_a_failure_leaves_no_recording(study: Study) -> None:
    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        recorded(fail)()
    note(lambda: pytest.fail("asked although nobody records"))
    study.frame("one_shot")
    study.source(study.items[0])
    assert recorded(lambda: 1)() == (1, Origin())


def test_frames_hand_their_origin_on(study: Study) -> None:
    frame = traced(read_all)(study)
    origin = origin_of(frame)
    kept = [
        frame.drop(columns="role"),
        frame.reindex(columns=["seed"]),
        frame.rename(columns={"seed": "other"}),
        frame.loc[frame["seed"] == 0, ["seed"]],
        frame.assign(new=1),
        traced(lambda table: pd.DataFrame({"rows": [len(table)]}))(frame),
    ]
    assert origin
    assert [origin_of(each) for each in kept] == [origin] * len(kept)
    assert copy.deepcopy(origin) is origin
    assert origin_of(pd.DataFrame()) == origin_of(3) == origin_of(SimpleNamespace(attrs={METADATA: 3})) == Origin()


def test_a_frame_that_is_returned_as_it_came_is_not_changed(study: Study) -> None:
    given = pd.DataFrame({"x": [1]})

    def give(study: Study) -> pd.DataFrame:
        study.frame("one_shot")
        return given

    returned = traced(give)(study)
    assert origin_of(returned)
    assert METADATA not in given.attrs


def test_a_measurement_describes_itself(study: Study) -> None:
    key: MeasurementKey = next(item.key for item in study.items if item.key.analysis == "one_shot")
    stored = Measurement("name", {}, {}, {}, made(2.5, commit="0123456789", time="2024", threads="1"))
    found = Source.of(key, stored, profile="p", role="small_images")
    assert (found.name, found.runs, found.seeds) == (key.name, (key.runs[0].name,), (key.runs[0].seed,))
    assert (found.commit, found.device, found.time, found.seconds) == ("0123456", "cpu", "2024", 2.5)
    stored.provenance["code"]["dirty"] = True
    assert Source.of(key, stored, profile="p", role="small_images").commit == "0123456 and changes"
    bare = Source.of(key, Measurement("name", {}, {}, {}, {}), profile="p", role="small_images")
    assert (bare.commit, bare.device, bare.seconds) == ("", "", 0.0)


def test_an_origin_in_plain_values() -> None:
    sources = [
        source("b", runs=("r", "s"), seeds=(1, 0), commit="new", time="2", device="cpu", seconds=2.0),
        source("a", runs=("r",), seeds=(1,), commit="old", time="1", device="cuda", seconds=1.04),
        source("a", role="large_images", runs=("r",), seeds=(1,), commit="old", time="1", device="cuda", seconds=1.04),
        source("c"),
    ]
    assert Origin.of(sources).described() == {
        "profiles": ["filled"],
        "measurements": ["a", "b", "c"],
        "networks": 2,
        "seeds": [0, 1],
        "commits": ["old", "new"],
        "devices": ["cpu", "cuda"],
        "seconds": 3.0,
    }
    assert Origin.of(sources) == Origin.of(reversed(sources))


def test_what_is_published_names_the_profile_that_computed_it(study: Study) -> None:
    item = study.items[0]
    published = Study(
        study.chapter,
        study.profile,
        study.items,
        study.store,
        published=Published({}, {item.key.name: "somewhere"}, planned=9),
    )
    assert published.source(item).profile == "somewhere"
    assert published.source(study.items[1]).profile == "filled"
