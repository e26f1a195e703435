"""Whether published results hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rflib.config import HistorySettings
from rflib.study.publishing import publish_study
from rflib.study.store.places import results_root
from rflib.study.study import Study
from rflib.study.verification import verify_published


@pytest.fixture
def published(open_tiny: Callable[..., Study]) -> Path:
    """The architecture measurement of one study, published; return its results folder."""
    study = open_tiny("manipulating-the-receptive-field")
    study.ensure(workers=1)
    publish_study(study)
    return results_root()


def test_what_was_published_holds(published: Path) -> None:
    assert verify_published() == (1, [])


def test_nothing_published_holds(project: Path) -> None:
    assert verify_published() == (0, [])


def test_damage_is_reported_alone(published: Path) -> None:
    (file,) = published.glob("measurements/*/measurement.json")
    file.write_bytes(file.read_bytes().replace(b"parameters", b"parameterz", 1))
    count, faults = verify_published()
    assert count == 1
    assert len(faults) == 1
    assert f"{file} is damaged" in faults[0]


def test_the_index_and_the_measurements_are_compared(published: Path) -> None:
    index = published / "index.json"
    content = json.loads(index.read_text())
    (name,) = content["profiles"]["tiny"]["measurements"]
    content["profiles"]["tiny"]["measurements"] = ["history-absent"]
    index.write_text(json.dumps(content))
    assert verify_published() == (
        1,
        [
            "history-absent: listed in the index but missing; restore it from git",
            f"{name}: not listed in the index; remove it or publish again",
        ],
    )


def test_an_old_version_is_reported(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rflib.config import ArchitectureSettings

    monkeypatch.setattr(HistorySettings, "version", 7)
    assert verify_published() == (1, [])
    monkeypatch.setattr(ArchitectureSettings, "version", 2)
    (fault,) = verify_published()[1]
    assert fault.endswith(": version 1, the library computes 2; publish again")
