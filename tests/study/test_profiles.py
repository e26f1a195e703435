"""Profiles: the committed ones load, and a faulty file says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rflib.errors import UsageError
from rflib.study.plans import PLANS, plan
from rflib.study.profiles import Profile, load_profile, profile_names

COMMITTED = Path(__file__).parents[2] / "notebooks" / "profiles"


@pytest.fixture
def edit(project: Path) -> Path:
    return project / "notebooks" / "profiles" / "tiny.yml"


@pytest.mark.parametrize("name", sorted(path.stem for path in COMMITTED.glob("*.yml")))
def test_every_committed_profile_loads_and_plans_every_chapter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(COMMITTED)
    profile = load_profile(name)
    assert profile.name == name
    assert profile.roles
    for chapter in PLANS:
        plan(chapter, profile)


def test_the_default_profile_fills_both_roles_with_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(COMMITTED)
    profile = load_profile("digits")
    assert [(name, role.data.name, role.data.image_size) for name, role in profile.roles.items()] == [
        ("small_images", "digits", 32),
        ("large_images", "digits", 64),
    ]
    assert profile.rates == (0.5, 0.6, 0.7, 0.8, 0.9)


def test_a_profile_is_read_with_its_anchors(profile: Profile) -> None:
    assert profile_names() == ["tiny"]
    assert list(profile.roles) == ["small_images"]
    assert profile.small_images is not None
    assert profile.small_images.training == profile.small_images.fine_tuning
    assert profile.small_images.training.cosine_period_epochs == 2


@pytest.mark.parametrize("name", ["tinny", "../tiny", "", "notebooks/tiny"])
def test_an_unknown_profile(project: Path, name: str) -> None:
    hint = r" Did you mean 'tiny'\?" if "tin" in name and "note" not in name else ""
    with pytest.raises(UsageError, match=rf"unknown profile '{name}': expected one of published, tiny\.{hint}$"):
        load_profile(name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("width: 0.03", "widht: 0.03", r"tiny\.yml: unknown setting 'widht'\. Did you mean 'width'\?"),
        ("width: 0.03", "width: wide", r"tiny\.yml: 'width': expected a valid number.*found 'wide'"),
        ("width: 0.03", "width: -1", r"'width': expected greater than 0, found -1"),
        ("width: 0.03", "1: 2", r"tiny\.yml: .*'1'"),
        ("rates: [0.5, 0.9]", "rates: [0.5, 1.0]", r"'rates\.1': expected less than 1, found 1\.0"),
        ("rates: [0.5, 0.9]", "rates: []", r"'rates': .*at least 1 item"),
        ("seeds: [0, 1]", "seeds: 0", r"'small_images\.seeds': expected a valid tuple, found 0"),
        ("rf_vgg19: [2]", "rf_vgg18: [2]", r"found 'rf_vgg18'\. Did you mean 'rf_vgg1[69]'\?"),
        ("rf_vgg19: [2]", "rf_vgg19: [0]", r"'small_images\.pool_kernels\.rf_vgg19\.0': expected greater than 0"),
        ("title: shapes", "titel: shapes", r"unknown setting 'small_images\.titel'"),
        ("title: shapes", "title: [", r"tiny\.yml: expected YAML, found: .*line \d+"),
    ],
)
def test_a_faulty_profile_names_the_fault(edit: Path, old: str, new: str, message: str) -> None:
    text = edit.read_text()
    assert text.count(old) == 1
    edit.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=f"(?s){message}"):
        load_profile("tiny")


@pytest.mark.parametrize(
    ("content", "found"), [(b"- 1\n- 2\n", "a mapping of settings, found list"), (b"\xff\xfe\x00", "expected YAML")]
)
def test_a_file_that_is_no_profile(edit: Path, content: bytes, found: str) -> None:
    edit.write_bytes(content)
    with pytest.raises(UsageError, match=f"(?s)tiny.yml: .*{found}"):
        load_profile("tiny")


def test_mirrored_digits_are_refused_before_anything_is_computed(edit: Path) -> None:
    text = (
        edit.read_text().replace('"folder:shapes"', "digits").replace("horizontal_flip: false", "horizontal_flip: true")
    )
    edit.write_text(text)
    with pytest.raises(UsageError, match=r"profile tiny: .*horizontal_flip must be false for digits"):
        plan("accuracy-and-pruning", load_profile("tiny"))


def test_runs_of_a_profile(profile: Profile) -> None:
    role = profile.roles["small_images"]
    run = profile.run(role, profile.model(role, "rf_vgg19", 2), 1)
    assert (run.seed, run.config.model.width, run.config.model.classes) == (1, 0.03, 2)
    tuned = profile.fine_tuned(role, run, 0.9, epochs=5)
    assert tuned.parent == run
    assert tuned.config.mask is not None
    assert (tuned.config.mask.rate, tuned.config.mask.scope) == (0.9, "global")
    assert (tuned.config.training.epochs, tuned.config.training.cosine_period_epochs) == (5, 5)
    assert profile.fine_tuned(role, run, 0.9).config.training == role.fine_tuning
