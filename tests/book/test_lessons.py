"""Chapters without a profile: executed once for every profile, published as executed notebooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from rflib.book import build_book, freshness, lessons, rerun
from rflib.book.lessons import is_lesson, publish_lessons, published_path, stale_lessons


@pytest.fixture(autouse=True)
def unchanging_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "library_digest", lambda: "constant")


@pytest.fixture
def root(book_root: Path, write_chapter: Callable[..., Path]) -> Path:
    """Return the tiny book, its second chapter a lesson."""
    write_chapter(
        "import sys\nprint('the lesson says', 6 * factor)\nprint('hidden', file=sys.stderr)",
        name="second",
        parameters="factor: int = 7  # by which six is multiplied",
    )
    return book_root


def executed(root: Path, profile: str) -> list[str]:
    lines: list[str] = []
    build_book(root, profile=profile, on_progress=lines.append)
    return [line.split(":")[0] for line in lines if ": executed in" in line]


def page(root: Path) -> str:
    return (root / "_build" / "html" / "notebooks" / "second.html").read_text()


def test_a_lesson_is_a_chapter_without_the_parameter_profile(root: Path) -> None:
    assert not is_lesson(root / "notebooks" / "first.md")
    assert is_lesson(root / "notebooks" / "second.md")


def test_a_lesson_is_executed_once_for_all_profiles(root: Path) -> None:
    assert executed(root, "digits") == ["first", "second"]
    assert executed(root, "smoke") == ["first"]
    assert "the lesson says 42" in page(root)


def test_the_published_book_shows_the_published_notebook_and_executes_no_lesson(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [path.name for path in publish_lessons(root)] == ["second.ipynb"]
    monkeypatch.setattr(lessons, "execute", None)
    assert executed(root, "published") == ["first"]
    assert "the lesson says 42" in page(root)
    assert publish_lessons(root) == []


def test_without_a_published_notebook_the_published_book_says_so(root: Path) -> None:
    assert executed(root, "published") == ["first"]
    assert "was not executed" in page(root)


def test_what_is_published_tells_nothing_of_the_machine_and_keeps_its_parameters(root: Path) -> None:
    publish_lessons(root)
    notebook = nbformat.read(published_path(root, "second"), 4)
    assert notebook.metadata["papermill"] == {"parameters": {"factor": 7}}
    text = published_path(root, "second").read_text()
    assert str(root) not in text
    assert "duration" not in text
    assert "print('hidden', file=sys.stderr)" in text
    assert [output.name for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs] == ["stdout"]


def test_another_source_and_other_bytes_are_named(root: Path) -> None:
    assert stale_lessons(root) == [
        "lessons/second.ipynb: other than published or executed from another source (changed: notebook); "
        "run `rflib publish` again"
    ]
    publish_lessons(root)
    assert stale_lessons(root) == []
    source = root / "notebooks" / "second.md"
    source.write_text(source.read_text() + "\nMore.\n")
    assert "(changed: source)" in stale_lessons(root)[0]
    publish_lessons(root)
    published = published_path(root, "second")
    published.write_text(published.read_text().replace("42", "43"))
    assert "(changed: notebook)" in stale_lessons(root)[0]


def test_what_is_no_lesson_any_more_is_withdrawn(root: Path) -> None:
    publish_lessons(root)
    old = published_path(root, "gone")
    old.write_text("{}")
    old.with_suffix(".json").write_text("{}")
    publish_lessons(root)
    assert sorted(path.name for path in old.parent.iterdir()) == ["second.ipynb", "second.json"]


def test_a_lesson_is_rerun_with_other_values(root: Path) -> None:
    assert "the lesson says 12" in rerun(root, "second", {"factor": 2}).page.read_text()
