"""Notebooks that run by themselves: their first cell, their parameters, and the form without solutions."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode, validate

from rflib.book.offers import archive
from rflib.book.runnable import ARCHIVE, FOLDER, READING, runnable
from rflib.study.store.places import project_root

EXERCISE = """
Text before.

```{solution-start} exercise-1
:class: dropdown
```

It is four.

```{code-cell} python3
answer = 4
```

```{solution-end}
```

Text between.

```{solution-start} exercise-2
```

```{code-cell} python3
answer = 5
```

```{solution-end}
```

Text after.
"""


def made(path: Path, *, repository: str | None = None, with_solutions: bool = True) -> NotebookNode:
    notebook = runnable(path, repository=repository, citations={}, chapters=[], with_solutions=with_solutions)
    validate(notebook)
    return notebook


def codes(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_the_first_code_cell_fetches_the_book_and_the_profile_is_the_published_one(
    write_chapter: Callable[..., Path],
) -> None:
    install, parameters, last = codes(made(write_chapter("print(profile)"), repository="https://example.org/a/b"))
    assert "git clone --quiet --depth 1 https://example.org/a/b {fetched}/rflib-book" in install
    assert f"%pip install --quiet {' '.join(sorted(READING))}" in install
    assert parameters.startswith('profile: str = "published"  # profile of')
    assert last == "print(profile)"


def test_without_a_repository_the_archive_beside_it_is_unpacked(write_chapter: Callable[..., Path]) -> None:
    install = codes(made(write_chapter("import torch")))[0]
    assert f'unpack_archive("{ARCHIVE}"' in install
    assert "git clone" not in install
    assert re.search(r"%pip install .*\btorch\b", install)


def test_the_form_without_solutions_leaves_an_empty_cell_for_each(write_chapter: Callable[..., Path]) -> None:
    path = write_chapter("x = 1", prose=EXERCISE)
    assert codes(made(path))[2:] == ["x = 1", "answer = 4", "answer = 5"]
    without = made(path, with_solutions=False)
    assert codes(without)[2:] == ["x = 1", "# Your solution", "# Your solution"]
    texts = [cell.source for cell in without.cells if cell.cell_type == "markdown"]
    assert texts[1:] == ["Text before.", "Text between.", "Text after."]


def test_equal_sources_give_equal_notebooks(write_chapter: Callable[..., Path]) -> None:
    path = write_chapter("x = 1", prose=EXERCISE)
    assert made(path) == made(path)


def test_what_a_reader_needs_is_what_the_library_depends_on() -> None:
    project = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]
    depends = {re.split(r"[<>=]", each)[0] for each in project["dependencies"]}
    assert set(READING) <= depends


def test_the_archive_is_there_whole_or_not_at_all(
    write_chapter: Callable[..., Path], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second notebook that starts while the first one unpacks, and an unpacking that breaks off."""
    install = re.sub(r"^ *%pip.*$", "", codes(made(write_chapter("x = 1")))[0], flags=re.MULTILINE)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    unpack = shutil.unpack_archive

    def interrupted(archive: str, folder: Path) -> None:
        folder.mkdir()
        raise KeyboardInterrupt

    def overtaken(archive: str, folder: Path) -> None:
        unpack(archive, folder)
        shutil.copytree(folder, FOLDER)

    monkeypatch.setattr(shutil, "unpack_archive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        exec(install, {})
    assert os.listdir(elsewhere) == [ARCHIVE]
    monkeypatch.setattr(shutil, "unpack_archive", overtaken)
    exec(install, {})
    assert sorted(os.listdir(elsewhere)) == [FOLDER, ARCHIVE]
    assert Path(FOLDER, "rflib", "__init__.py").is_file()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder where the library is not installed: only the archive of the book lies there."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / ARCHIVE).write_bytes(archive(project_root()))
    monkeypatch.chdir(folder)
    return folder


def test_its_first_cell_makes_the_published_results_readable_without_the_books_tools(elsewhere: Path) -> None:
    """In a fresh interpreter that has neither this library nor the tools of the book nor torch."""
    install = codes(made(project_root() / "notebooks" / "accuracy-and-pruning.md"))[0]
    block = ["rflib", "torch", "jupyter_book", "jupytext", "nbformat", "papermill", "typer", "rich", "sklearn"]
    program = f"""
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "rflib" else real(name)
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {block[1:]!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
{re.sub(r"^ *%pip.*$", "", install, flags=re.MULTILINE)}
import rflib
from pathlib import Path
assert Path(rflib.__file__).is_relative_to(Path.cwd() / "rflib-book"), rflib.__file__
study = rflib.open_study("accuracy-and-pruning", profile="published")
from rflib.paper import frames
from rflib.paper.chapters import accuracy_and_pruning
table = frames.accuracy_and_pruning(study)
accuracy_and_pruning.draw_accuracy_and_pruning(study)
print(len(table))
"""
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False
    )
    assert found.returncode == 0, found.stderr[-2000:]
    assert int(found.stdout) >= 8


def test_the_install_cell_does_nothing_where_the_library_is(write_chapter: Callable[..., Path], tmp_path: Path) -> None:
    assert importlib.util.find_spec("rflib") is not None
    install = codes(made(write_chapter("x = 1")))[0]
    before = list(sys.path)
    exec(re.sub(r"^ *%pip.*$", "", install, flags=re.MULTILINE), {})
    assert sys.path == before
