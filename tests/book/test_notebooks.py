from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rflib.book.notebooks import chapter_names, read_source, source_path
from rflib.errors import RflibError, UsageError


def test_chapters_come_in_reading_order(tmp_path: Path) -> None:
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n- caption: One\n  chapters:\n  - file: notebooks/zeta\n"
        "    sections:\n    - file: notebooks/alpha\n  - file: book/prose\n- chapters:\n  - file: notebooks/mu\n"
    )
    assert chapter_names(tmp_path) == ["zeta", "alpha", "mu"]


def test_an_unknown_chapter_gets_the_nearest_name(book_root: Path) -> None:
    assert source_path(book_root, "first") == book_root / "notebooks" / "first.md"
    expected = r"unknown chapter 'secnd': expected one of first, second\. Did you mean 'second'\?"
    with pytest.raises(UsageError, match=expected):
        source_path(book_root, "secnd")


def test_missing_files_are_named(book_root: Path, tmp_path: Path) -> None:
    (book_root / "notebooks" / "first.md").unlink()
    with pytest.raises(RflibError, match=r"chapter 'first'.*expected its source at .*first\.md, found nothing"):
        source_path(book_root, "first")
    with pytest.raises(RflibError, match=r"expected the reading order at .*_toc\.yml"):
        chapter_names(tmp_path / "elsewhere")


def test_cell_ids_depend_on_the_content_alone(write_chapter: Callable[..., Path]) -> None:
    chapter = write_chapter("1", "1")
    ids = [cell.id for cell in read_source(chapter).cells]
    assert ids == [cell.id for cell in read_source(chapter).cells]
    assert len(set(ids)) == len(ids)
    changed = [cell.id for cell in read_source(write_chapter("1", "2")).cells]
    assert changed[:-1] == ids[:-1]
    assert changed[-1] != ids[-1]
