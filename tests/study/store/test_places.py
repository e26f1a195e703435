from __future__ import annotations

from pathlib import Path

import pytest

from rflib.errors import UsageError
from rflib.study.store import places


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RFLIB_RUNS", "RFLIB_DATA"):
        monkeypatch.delenv(name, raising=False)
    return make_project(tmp_path / "project")


def make_project(folder: Path) -> Path:
    (folder / "notebooks" / "profiles").mkdir(parents=True)
    (folder / "_toc.yml").touch()
    return folder


def test_the_project_is_found_from_any_folder_in_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "notebooks" / "profiles")
    assert places.project_root() == project
    assert places.runs_root() == project / "runs"
    assert places.results_root() == project / "results"
    assert places.data_root() == project / "data"


def test_the_staged_copy_of_the_book_is_not_the_project(project: Path) -> None:
    staged = make_project(project / "_build" / "book" / "digits")
    assert places.project_root(staged / "notebooks") == project
    other = make_project(project / "_build_of_mine")
    assert places.project_root(other) == other


def test_elsewhere_the_checkout_of_the_package_is_taken(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(places, "__file__", str(project / "rflib" / "study" / "store" / "places.py"))
    assert places.project_root(tmp_path / "elsewhere") == project
    monkeypatch.setattr(places, "__file__", str(tmp_path / "site" / "rflib" / "study" / "store" / "places.py"))
    with pytest.raises(UsageError, match=r"expected a folder with _toc.yml and notebooks/ at .*elsewhere"):
        places.project_root(tmp_path / "elsewhere")


def test_variables_name_other_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RFLIB_RUNS", "~/runs")
    monkeypatch.setenv("RFLIB_DATA", "images")
    assert places.runs_root() == Path.home() / "runs"
    assert places.data_root() == tmp_path / "images"
