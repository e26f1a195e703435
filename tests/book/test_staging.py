from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode

from rflib.book.staging import settings, stage
from rflib.errors import RflibError

Make = Callable[..., NotebookNode]


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def executed(book_root: Path, executed_notebook: Make) -> dict[str, Path | None]:
    path = book_root / "_build" / "executed" / "first.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(executed_notebook(), path)
    return {"first": path, "second": None}


def test_the_staged_copy_is_complete(book_root: Path, executed: dict[str, Path | None]) -> None:
    staged = book_root / "_build" / "book"
    stage(book_root, staged, executed)
    assert set(contents(staged)) == {
        *("_config.yml", "_toc.yml", "book/index.md", "book/references.md", "book/references.bib"),
        *("notebooks/first.ipynb", "notebooks/second.ipynb"),
        *("downloads/first.ipynb", "downloads/second.ipynb", "downloads/rflib-book.zip"),
    }
    download = nbformat.read(staged / "downloads" / "first.ipynb", 4)
    assert "rates: list[float] = [0.5]" in download.cells[2].source
    assert not any(cell.get("outputs") for cell in download.cells)


def test_staging_twice_gives_the_same_bytes(book_root: Path, executed: dict[str, Path | None], tmp_path: Path) -> None:
    for name in ("one", "two"):
        stage(book_root, tmp_path / name, executed)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_only_changed_files_are_written(book_root: Path, executed: dict[str, Path | None]) -> None:
    staged = book_root / "_build" / "book"
    assert len(stage(book_root, staged, executed)) == 10
    assert stage(book_root, staged, executed) == []
    (book_root / "book" / "index.md").write_text("# Other\n")
    (book_root / "book" / "references.md").unlink()
    changed = {Path("book/index.md"), Path("book/references.md"), Path("downloads/rflib-book.zip")}
    assert set(stage(book_root, staged, executed)) == changed
    assert not (staged / "book" / "references.md").exists()


def test_a_chapter_that_was_not_executed_says_so(book_root: Path, executed: dict[str, Path | None]) -> None:
    staged = book_root / "_build" / "book"
    stage(book_root, staged, executed)
    cells = nbformat.read(staged / "notebooks" / "second.ipynb", 4).cells
    assert "was not executed" in cells[1].source
    assert "`rflib book --chapter second`" in cells[1].source
    assert "| `rates` | `[0.5]` |" in cells[2].source


def test_a_copy_of_one_chapter_ends_with_its_references(book_root: Path, executed: dict[str, Path | None]) -> None:
    staged = book_root / "_build" / "alone"
    toc = {"format": "jb-book", "root": "notebooks/first"}
    stage(book_root, staged, {"first": None, "second": None}, contents=toc, with_bibliography=True)
    assert yaml.safe_load((staged / "_toc.yml").read_text()) == toc
    ends = [nbformat.read(staged / "notebooks" / f"{name}.ipynb", 4).cells[-1] for name in ("first", "second")]
    assert ["{bibliography}" in cell.source for cell in ends] == [True, False]


def test_settings_are_kept_but_for_what_staging_needs() -> None:
    given = {
        "title": "T",
        "execute": {"execute_notebooks": "force"},
        "sphinx": {"extra_extensions": ["sphinx_proof"], "config": {"numfig": True}},
    }
    assert settings(given) == {
        "title": "T",
        "only_build_toc_files": True,
        "execute": {"execute_notebooks": "off"},
        "sphinx": {
            "extra_extensions": ["sphinx_proof", "rflib.book.mathml"],
            "config": {"numfig": True, "html_math_renderer": "mathml"},
        },
    }
    assert settings(settings(given)) == settings(given)
    assert given["execute"] == {"execute_notebooks": "force"}


def test_missing_settings_are_named(book_root: Path) -> None:
    (book_root / "_config.yml").unlink()
    with pytest.raises(RflibError, match=r"expected the book's settings at .*_config\.yml, found nothing"):
        stage(book_root, book_root / "_build" / "book", {})
