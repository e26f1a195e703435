"""Which profile is named for what a study does not measure."""

from __future__ import annotations

import pytest

from rflib.study.coverage import filling_profile
from rflib.study.origin import Asked
from rflib.study.plans import plan
from rflib.study.profiles import PUBLISHED, load_profile
from rflib.study.store import Store
from rflib.study.store.places import runs_root
from rflib.study.study import Study


def study_of(chapter: str, profile: str, *, name: str | None = None) -> Study:
    loaded = load_profile(profile)
    return Study(chapter, loaded.replace(name=name or profile), plan(chapter, loaded), Store(runs_root()))


@pytest.mark.parametrize(
    ("profile", "role", "expected"),
    [
        ("smoke", "small_images", "digits"),
        ("cifar10-cpu", "small_images", "cifar10-cpu"),
        ("cifar10-cpu", "large_images", "cifar10-cpu"),
        ("paper", "large_images", "paper"),
    ],
)
def test_the_next_larger_profile_is_named(profile: str, role: str, expected: str) -> None:
    study = study_of("accuracy-and-pruning", profile)
    assert filling_profile(study, Asked("one_shot", ("grid",), role, None)) == expected
    widths = study_of("width-and-depth", "cifar10-cpu")
    assert filling_profile(widths, Asked("one_shot", ("width",), "large_images", None)) == "gpu-hour"


def test_beside_what_is_published_digits_come_last() -> None:
    study = study_of("width-and-depth", "cifar10-cpu", name=PUBLISHED)
    assert filling_profile(study, Asked("one_shot", ("width",), "large_images", None)) == "gpu-hour"


def test_what_nobody_measures_has_no_profile() -> None:
    study = study_of("fine-tuning", "digits")
    assert filling_profile(study, Asked("spectrum", (), "small_images", None)) is None
    assert filling_profile(study, Asked("history", (), "small_images", "rf_vgg16")) is None
    assert filling_profile(Study("none", study.profile, (), study.store), Asked("history", (), None, None)) is None
