from __future__ import annotations

from pathlib import Path

import pytest

from rflib.book.freshness import State, changes, current_state, library_digest, record, record_path, update_content


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "executed" / "first.ipynb"
    path.parent.mkdir()
    path.write_text("{}")
    return path


def state(root: Path, *, rates: list[float] | None = None, content_key: str = "empty") -> State:
    return current_state(
        root / "notebooks" / "first.md",
        {"rates": rates or [0.5]},
        profile_path=root / "notebooks" / "profiles" / "digits.yml",
        content_key=content_key,
    )


def test_a_recorded_chapter_is_fresh(book_root: Path, notebook: Path) -> None:
    assert changes(notebook, state(book_root)) == ["notebook"]
    record(notebook, state(book_root))
    assert changes(notebook, state(book_root)) == []
    assert record_path(notebook).name == "first.json"


def test_each_part_makes_it_stale(book_root: Path, notebook: Path) -> None:
    record(notebook, state(book_root))
    assert changes(notebook, state(book_root, rates=[0.9])) == ["parameters"]
    assert changes(notebook, state(book_root, content_key="one measurement")) == ["content"]
    profile = book_root / "notebooks" / "profiles" / "digits.yml"
    profile.write_text("data: cifar10\n")
    assert changes(notebook, state(book_root)) == ["profile"]
    profile.unlink()
    assert changes(notebook, state(book_root)) == ["profile"]
    source = book_root / "notebooks" / "first.md"
    source.write_text(source.read_text() + "\nMore.\n")
    assert changes(notebook, state(book_root)) == ["source", "profile"]


def test_other_bytes_or_an_unreadable_record_make_it_stale(book_root: Path, notebook: Path) -> None:
    for damage in ("", "[]", "null", '{"source": 1}', "{"):
        record(notebook, state(book_root))
        record_path(notebook).write_text(damage)
        assert changes(notebook, state(book_root)) == ["notebook"]
    record(notebook, state(book_root))
    notebook.write_text("{} ")
    assert changes(notebook, state(book_root)) == ["notebook"]
    notebook.unlink()
    assert changes(notebook, state(book_root)) == ["notebook"]


def test_newer_content_can_be_recorded_alone(book_root: Path, notebook: Path) -> None:
    update_content(notebook, content_key="full")
    assert not record_path(notebook).exists()
    record(notebook, state(book_root))
    update_content(notebook, content_key="full")
    assert changes(notebook, state(book_root, content_key="full")) == []
    assert changes(notebook, state(book_root)) == ["content"]


def test_the_library_digest_sees_sources_and_data_but_no_caches(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "__pycache__").mkdir(parents=True)
    (package / "a.py").write_text("1")
    (package / "table.csv").write_text("1")
    digests = [library_digest(package)]
    (package / "__pycache__" / "a.pyc").write_text("x")
    assert library_digest(package) == digests[0]
    (package / "a.py").write_text("2")
    digests.append(library_digest(package))
    (package / "table.csv").write_text("2")
    digests.append(library_digest(package))
    (package / "table.csv").rename(package / "tables.csv")
    digests.append(library_digest(package))
    assert len(set(digests)) == 4
