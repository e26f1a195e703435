"""Exercises on the page and in the notebook: gated solutions around executed cells, and lessons without solutions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from rflib.book.notebooks import read_source
from rflib.book.runnable import has_solutions, runnable
from rflib.book.site import build_site
from rflib.book.staging import settings, stage

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md") if has_solutions(path))
EXERCISE = """````{exercise} ★★ Count
:label: exercise-counting-1

How many are $1 + 1$?

```{admonition} Hint
:class: dropdown tip

Use both hands.
```
````

```{solution-start} exercise-counting-1
:class: dropdown
```

Both hands together:"""
# A cell that asks for a package manager is not Python; it does nothing where the library is installed.
RUN = """
import sys, nbformat
namespace = {}
for cell in nbformat.read(sys.argv[1], 4).cells:
    if cell.cell_type == "code" and "%pip" not in cell.source:
        exec(compile(cell.source, cell.source[:60], "exec"), namespace)
"""


@pytest.fixture
def page(book_root: Path, executed_notebook: Callable[..., NotebookNode]) -> str:
    """Return the page of an executed chapter that ends with an exercise, built strictly with the book's settings."""
    notebook = executed_notebook(new_output("stream", name="stdout", text="two, as executed"))
    notebook.cells.insert(-1, new_markdown_cell(EXERCISE))
    notebook.cells.append(
        new_markdown_cell("```{solution-end}\n```\n\nBehind the solution of {numref}`exercise-counting-1`.")
    )
    path = book_root / "executed.ipynb"
    nbformat.write(notebook, path)
    own = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    sample = yaml.safe_load((book_root / "_config.yml").read_text(encoding="utf-8"))
    sample["sphinx"]["extra_extensions"] = own["extra_extensions"]
    sample["sphinx"]["config"]["exercise_style"] = own["config"]["exercise_style"]
    (book_root / "_config.yml").write_text(yaml.safe_dump(sample), encoding="utf-8")
    index = book_root / "book" / "index.md"
    index.write_text(index.read_text(encoding="utf-8").replace("{numref}`figure-1`", "a figure"), encoding="utf-8")
    stage(book_root, book_root / "_build" / "book", {"first": path, "second": None})
    site = build_site(book_root, book_root / "_build" / "book").parent
    return (site / "notebooks" / "first.html").read_text(encoding="utf-8")


def test_an_executed_solution_is_folded_with_its_output_and_ends_at_its_gate(page: str) -> None:
    (exercise,) = re.findall(r'<div class="exercise admonition".*?(?=<div class="solution)', page, flags=re.DOTALL)
    assert "Exercise 1" in exercise
    assert "★★ Count" in exercise
    assert re.search(r'class="dropdown tip admonition"|class="tip dropdown admonition"', exercise)
    solution = page[page.index('<div class="solution dropdown admonition"') : page.index("Behind the solution of")]
    assert "show" in solution
    assert "two, as executed" in solution
    assert solution.count("<div") == solution.count("</div>")


def test_the_books_settings_keep_their_extensions_beside_the_renderer_of_formulas() -> None:
    book = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    extensions = settings(book)["sphinx"]["extra_extensions"]
    assert "sphinx_exercise" in extensions
    assert extensions[-1] == "rflib.book.mathml"


@pytest.mark.parametrize("chapter", LESSONS)
def test_no_heading_stands_inside_a_solution(chapter: str) -> None:
    # A heading opens a section that the gate does not reach out of: the solution would stay open on the page.
    text = "\n".join(
        cell.source for cell in read_source(ROOT / "notebooks" / f"{chapter}.md").cells if cell.cell_type == "markdown"
    )
    for solution in re.findall(r"\{solution-start\}.*?\{solution-end\}", text, flags=re.DOTALL):
        assert not re.search(r"^#+ ", solution, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("chapter", [name for name in LESSONS if name.startswith("method-")])
def test_a_lesson_runs_without_its_solutions(chapter: str, tmp_path: Path) -> None:
    source = ROOT / "notebooks" / f"{chapter}.md"
    keys = re.findall(r"^@\w+\{([\w-]+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    citations = {key: (key, key) for key in keys}
    notebook = runnable(source, repository=None, citations=citations, chapters=[], with_solutions=False)
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    finished = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "lesson.ipynb")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
