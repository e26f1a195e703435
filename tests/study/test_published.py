"""The profile "published": what the committed results list, with neither images nor weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rflib.errors import UsageError
from rflib.paper import frames
from rflib.study.publishing import publish_study
from rflib.study.study import Outcome, Study, open_profile, open_study

CHAPTER = "accuracy-and-pruning"


def publish_part(project: Path) -> Study:
    """Compute and publish the first seed of the profile `tiny`; then take images and runs away."""
    open_study(CHAPTER, profile="tiny", seeds=[0]).ensure(workers=1)
    published = open_profile("tiny")
    publish_study(published)
    shutil.rmtree(project / "runs")
    shutil.rmtree(project / "data")
    return published


def test_the_published_part_of_a_profile_is_a_study(project: Path) -> None:
    source = publish_part(project)
    study = open_study(CHAPTER, profile="published")
    outcome = study.ensure()
    assert outcome == Outcome(loaded=3, computed=0, reused=0, planned=5), "a network's structure, two seeds of two runs"
    assert str(outcome) == "3 of 5 planned measurements are published"
    assert study.frame("one_shot")["seed"].unique().tolist() == [0], "only one of two planned seeds is published"
    assert frames.accuracy_and_pruning(study, rate=0.9)["n"].tolist() == [1]
    assert (study.profile.name, study.profile.description) == ("published", "seconds")
    assert study.profile.roles["small_images"].title == "shapes"
    facts = study.data_facts("small_images")
    assert (facts.train_images, facts.test_images, facts.classes, facts.side_pixels) == (48, 16, 2, 16)
    assert facts.fingerprint == source.profile.roles["small_images"].data.fingerprint
    assert not (project / "runs").exists()


def test_what_was_not_published_is_not_in_the_study(project: Path) -> None:
    publish_part(project)
    assert open_study("loss-landscape", profile="published").frame("spectrum").empty
    assert open_study(CHAPTER, profile="published", seeds=[1]).frame("one_shot").empty
    assert frames.accuracy_and_pruning(open_study(CHAPTER, profile="published"), role="large_images").empty


def test_a_later_machine_computes_only_what_is_not_published(
    open_tiny: Callable[..., Study], project: Path, trainings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_study(CHAPTER, profile="tiny", seeds=[0]).ensure(workers=1)
    publish_study(open_profile("tiny"))
    monkeypatch.setenv("RFLIB_RUNS", str(project / "elsewhere"))
    later = open_study(CHAPTER, profile="tiny", reuse="published")
    assert later.ensure(workers=1) == Outcome(loaded=3, computed=2, reused=3)
    assert len(trainings) == 2
    listed = publish_study(open_profile("tiny"))
    assert len(listed.measurements) == 5
    assert open_study(CHAPTER, profile="published").frame("one_shot")["seed"].unique().tolist() == [0, 1]


def test_a_role_is_shown_from_the_profile_with_the_widest_networks(project: Path) -> None:
    folder = project / "notebooks" / "profiles"
    (folder / "wide.yml").write_text((folder / "tiny.yml").read_text().replace("width: 0.03", "width: 0.06"))
    for name in ("wide", "tiny"):
        open_study(CHAPTER, profile=name, seeds=[0], epochs=2).ensure(workers=1)
        publish_study(open_profile(name))
    shown = open_study(CHAPTER, profile="published").frame("one_shot")
    assert shown["width"].unique().tolist() == [0.06]


def test_nothing_published_says_how_to_publish(project: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing is published: expected measurements in results/.*`rflib publish"):
        open_study(CHAPTER, profile="published")
