"""Chapters as notebook objects: reading order, text to notebook, stable ids, cell numbers for messages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import yaml
from nbformat import NotebookNode

from rflib.errors import RflibError, unknown

INJECTED = "injected-parameters"
_PAPERMILL_BANNER = "papermill-error-cell-tag"


def chapter_names(root: Path) -> list[str]:
    """Return the names of the chapters (`notebooks/NAME`) in the order of `_toc.yml`."""
    path = root / "_toc.yml"
    if not path.is_file():
        raise RflibError(f"expected the reading order at {path}, found nothing; run this in the book's repository")
    files = _files(yaml.safe_load(path.read_text(encoding="utf-8")))
    return [Path(file).stem for file in files if Path(file).parent.name == "notebooks"]


def source_path(root: Path, chapter: str) -> Path:
    """Return the source of `chapter`; a name outside `_toc.yml` is a UsageError with the nearest one."""
    names = chapter_names(root)
    if chapter not in names:
        raise unknown("chapter", chapter, names)
    path = root / "notebooks" / f"{chapter}.md"
    if not path.is_file():
        raise RflibError(f"chapter '{chapter}' stands in _toc.yml: expected its source at {path}, found nothing")
    return path


def read_source(path: Path) -> NotebookNode:
    """Return the text notebook at `path` as a notebook with ids that depend on its content alone."""
    notebook = jupytext.read(path)
    set_stable_ids(notebook)
    return notebook


def set_stable_ids(notebook: NotebookNode) -> None:
    """Give every cell an id made from its position, type and source: equal notebooks have equal bytes."""
    for index, cell in enumerate(notebook.cells):
        content = f"{index}\0{cell.cell_type}\0{cell.source}"
        cell["id"] = hashlib.sha256(content.encode()).hexdigest()[:12]


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Return whether `cell` carries `tag`."""
    return tag in cell.metadata.get("tags", [])


def numbered_code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Yield the code cells with their number in the chapter's source, counted from 1.

    The cell that papermill injects has the number of the parameters cell above it.
    """
    number = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and not tagged(cell, _PAPERMILL_BANNER):
            number += not tagged(cell, INJECTED)
            yield number, cell


def first_line(cell: NotebookNode) -> str:
    """Return the first line of a cell that is code, to name the cell in a message."""
    lines = [line.strip() for line in cell.source.splitlines()]
    return next((line for line in lines if line and not line.startswith(("#", "%"))), "")[:80]


def _files(node: Any) -> Iterator[str]:
    """Yield `root` and every `file` of a table of contents, depth first, as sphinx-external-toc reads it."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("root", "file"):
                yield str(value)
            else:
                yield from _files(value)
    elif isinstance(node, list):
        for item in node:
            yield from _files(item)
