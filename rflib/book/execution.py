"""Executing one chapter: text notebook → papermill → executed notebook, written whole or not at all."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from papermill.log import logger as papermill_logger

from rflib.book import parameters as chapter_parameters
from rflib.book.kernel import LOG_NAME, kernel_manager
from rflib.book.notebooks import first_line, numbered_code_cells, read_source
from rflib.errors import RflibError, UsageError

Progress = Callable[[str], None]
"""Receives one line of text for the person who waits."""

_LONGEST_MESSAGE = 800


class _KernelDied(Exception):
    """The kernel's process ended; the message is the fatal error that it logged."""


def silent(line: str) -> None:
    """Ignore a line of progress."""


@dataclass(frozen=True)
class Execution:
    """An executed chapter: the notebook's path, the value of every parameter and the wall time in seconds."""

    notebook: Path
    parameters: dict[str, Any]
    seconds: float


def execute(
    chapter_path: Path,
    parameters: Mapping[str, Any],
    output: Path,
    *,
    working_directory: Path,
    on_progress: Progress = silent,
) -> Execution:
    """Execute the text notebook at `chapter_path` in this very Python and write it to `output` (.ipynb).

    `parameters` are typed values that override the chapter's defaults; every parameter is passed on
    explicitly. The notebook is written to `OUTPUT-STEM.partial.ipynb` cell by cell and renamed when all cells
    are done.

    Raises UsageError when parameters do not fit or a cell raised a UsageError, RflibError when a cell raised
    anything else (SystemExit(0) too) or the kernel died; the partial notebook then stays under its name.
    """
    chapter = chapter_path.stem
    values = chapter_parameters.complete(chapter_parameters.read(chapter_path), parameters)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(".partial.ipynb")
    started = time.monotonic()
    try:
        notebook = _run(read_source(chapter_path), values, partial, working_directory)
    except PapermillExecutionError as error:
        raise _failure(chapter, nbformat.read(partial, 4), partial) from error
    except _KernelDied as error:
        raise RflibError(
            f"chapter '{chapter}': its Python process died before the last cell ({error}); "
            f"a process ended from outside most often lacked memory\nThe notebook up to there is {partial}"
        ) from error
    if _error_output(notebook):
        raise _failure(chapter, notebook, partial)
    os.replace(partial, output)
    seconds = time.monotonic() - started
    on_progress(f"{chapter}: executed in {seconds:.0f} s")
    return Execution(output, values, seconds)


def _run(notebook: NotebookNode, values: dict[str, Any], partial: Path, working_directory: Path) -> NotebookNode:
    # The system's temporary folder keeps the socket names below the limit of about 100 characters.
    with tempfile.TemporaryDirectory(prefix="rflib-") as folder:
        source = Path(folder) / "source.ipynb"
        nbformat.write(notebook, source)
        if not papermill_logger.handlers:
            papermill_logger.addHandler(logging.NullHandler())
        try:
            return papermill.execute_notebook(
                _literal(source),
                _literal(partial),
                parameters=values,
                kernel_name="python3",
                language="python",
                cwd=str(working_directory),
                progress_bar=sys.stderr.isatty(),
                kernel_manager_class=kernel_manager(Path(folder)),
            )
        except DeadKernelError as error:
            log = (Path(folder) / LOG_NAME).read_text(errors="replace").splitlines()
            reason = next((line for line in log if "Fatal" in line), "it left no message")
            raise _KernelDied(reason) from error


def _literal(path: Path) -> str:
    """Return `path` for papermill, which treats braces in paths as placeholders."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _error_output(notebook: NotebookNode) -> tuple[int, NotebookNode, NotebookNode] | None:
    """Return the first error (cell number, cell, output), SystemExit(0) included, which papermill ignores."""
    for number, cell in numbered_code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                return number, cell, output
    return None


def _failure(chapter: str, notebook: NotebookNode, partial: Path) -> RflibError:
    found = _error_output(notebook)
    if found is None:
        return RflibError(f"chapter '{chapter}' failed outside its cells; see {partial}")
    number, cell, error = found
    kind = UsageError if error.ename == UsageError.__name__ else RflibError
    return kind(
        f"chapter '{chapter}' stopped in code cell {number} (`{first_line(cell)}`): {error.ename}: "
        f"{_shortened(error.evalue)}\nThe notebook up to there is {partial}"
    )


def _shortened(message: str) -> str:
    """Return a message without terminal colours, cut to a readable length."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message)
    return plain if len(plain) <= _LONGEST_MESSAGE else plain[:_LONGEST_MESSAGE] + " …"
