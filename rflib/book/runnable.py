"""A chapter as a notebook that runs by itself: to download, for Binder and for Colab.

Its first cell fetches what the book brings along unless it is there, its text is plain Markdown, and it shows
the published measurements unless told otherwise. A second form leaves the solutions of exercises to the reader.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from rflib.book.notebooks import read_source, set_stable_ids, tagged
from rflib.book.plain_markdown import plain
from rflib.study.profiles import PUBLISHED

FOLDER = "rflib-book"
ARCHIVE = f"{FOLDER}.zip"
# What reads and shows measurements; the tools of the book itself are not needed in a notebook.
READING = (
    *("filelock", "joblib", "matplotlib", "numpy", "pandas", "pillow", "pydantic", "pyyaml", "safetensors"),
    "scipy",
)
_COMPUTING = ("pytorch-optimizer", "scikit-learn", "torch", "torchvision", "tqdm")

_INSTALL = """\
# Run this once. It does nothing where the book and its library are there already.
import importlib.util
import sys
import tempfile
from pathlib import Path

if importlib.util.find_spec("rflib") is None:
    book = Path("{folder}").resolve()
    if not book.exists():
        # Fetched beside and renamed: it is there whole or not at all, also for a notebook that starts meanwhile.
        with tempfile.TemporaryDirectory(dir=".") as fetched:
{fetch}
            try:
                Path(fetched, book.name).rename(book)
            except OSError:
                if not book.exists():
                    raise
    %pip install --quiet {needs}
    sys.path.insert(0, str(book))"""
_CLONE = """\
            !git clone --quiet --depth 1 {repository} {{fetched}}/{folder}"""
_UNPACK = """\
            # It stands beside this notebook's link on the page of the chapter.
            import shutil
            shutil.unpack_archive("{archive}", Path(fetched, book.name))"""

_PROFILE = re.compile(r'^(profile: str = )"[\w-]+"', re.MULTILINE)
# Both directives whole, from their opening fence to the closing one: the gates around a solution's cells.
_GATE = re.compile(
    r"^(?P<fence>[`:~]{3,})\{solution-(?P<kind>start|end)\}.*?^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL
)


def runnable(
    source_path: Path,
    *,
    repository: str | None,
    citations: Mapping[str, tuple[str, str]],
    chapters: Collection[str],
    with_solutions: bool = True,
) -> NotebookNode:
    """Return the chapter at `source_path` as a notebook that needs nothing but its first cell.

    `repository` is the address that the first cell clones; without one it unpacks the archive that the site
    offers beside the notebook. `citations` and `chapters` are those of `plain`.
    """
    notebook = read_source(source_path)
    if not with_solutions:
        notebook.cells = _without_solutions(notebook.cells)
    notebook.metadata.pop("jupytext", None)
    cells = [_cell(cell, citations, chapters) for cell in notebook.cells]
    install = nbformat.v4.new_code_cell(_install_source(_imports_torch(notebook), repository))
    position = next((index for index, cell in enumerate(cells) if cell.cell_type == "code"), len(cells))
    notebook.cells = [cell for cell in (*cells[:position], install, *cells[position:]) if cell.source.strip()]
    set_stable_ids(notebook)
    return notebook


def has_solutions(source_path: Path) -> bool:
    """Return whether the chapter at `source_path` has exercises with solutions."""
    return _GATE.search(source_path.read_text(encoding="utf-8")) is not None


def _cell(cell: NotebookNode, citations: Mapping[str, tuple[str, str]], chapters: Collection[str]) -> NotebookNode:
    clean = copy.deepcopy(cell)
    clean.metadata.pop("mystnb", None)
    if clean.cell_type == "markdown":
        clean.source = plain(clean.source, citations=citations, chapters=chapters)
    elif tagged(clean, "parameters"):
        clean.source = _PROFILE.sub(rf'\g<1>"{PUBLISHED}"', clean.source)
    return clean


def _without_solutions(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Replace everything between the gates of a solution by an empty cell for the reader's own."""
    kept: list[NotebookNode] = []
    inside = False
    for cell in cells:
        if cell.cell_type != "markdown":
            kept += [] if inside else [cell]
            continue
        position = 0
        for gate in _GATE.finditer(cell.source):
            if gate["kind"] == "start":
                kept += [_text(cell.source[position : gate.start()]), nbformat.v4.new_code_cell("# Your solution")]
            inside, position = gate["kind"] == "start", gate.end()
        kept += [] if inside else [_text(cell.source[position:])]
    return kept


def _text(source: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source.strip())


def _imports_torch(notebook: NotebookNode) -> bool:
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return re.search(r"^\s*(import|from) torch", code, re.MULTILINE) is not None


def _install_source(with_torch: bool, repository: str | None) -> str:
    fetch = (
        _UNPACK.format(archive=ARCHIVE) if repository is None else _CLONE.format(repository=repository, folder=FOLDER)
    )
    needs = sorted([*READING, *(_COMPUTING if with_torch else ())])
    return _INSTALL.format(folder=FOLDER, fetch=fetch, needs=" ".join(needs))
