"""From an executed notebook to a publishable one: no traces of the machine or the moment, nothing unsafe."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from rflib.book.notebooks import INJECTED, numbered_code_cells, set_stable_ids, tagged
from rflib.book.parameters import Parameter, complete, declared
from rflib.book.provenance import annotate
from rflib.book.safety import ALLOWED_TYPES, refusal
from rflib.errors import RflibError

_PAPERMILL = "papermill"
_VOLATILE_NOTEBOOK = (_PAPERMILL, "jupytext", "widgets")
_VOLATILE_CELL = ("papermill", "execution", "collapsed", "scrolled")
_LANGUAGE = {"name": "python", "file_extension": ".py", "pygments_lexer": "ipython3"}


def scrub(notebook: NotebookNode, chapter: str, *, root: Path, below_parameters: str = "") -> NotebookNode:
    """Return a publishable copy of the executed `notebook`; equal inputs give equal notebooks.

    Timings, paths and standard error are removed, paths below `root` become relative, cell ids are derived
    from the content, the parameter cells become one folded table, and under every figure and table stands
    where it comes from.

    Raises RflibError, naming chapter and cell, when an output is an error, could run a script or loads from
    outside.
    """
    clean = without_traces(notebook, chapter, root=root)
    parameters = declared(clean, chapter)
    values = complete(parameters, parameters_of_run(clean))
    annotate(clean, chapter, parameters, values)
    clean.metadata.pop(_PAPERMILL, None)
    clean.cells = [cell for cell in clean.cells if not tagged(cell, INJECTED)]
    position = next(index for index, cell in enumerate(clean.cells) if tagged(cell, "parameters"))
    clean.cells[position] = nbformat.v4.new_markdown_cell(_parameter_table(parameters, values) + below_parameters)
    set_stable_ids(clean)
    return clean


def without_traces(notebook: NotebookNode, chapter: str, *, root: Path) -> NotebookNode:
    """Return a copy of the executed `notebook` without timings, paths and standard error, its parameters kept.

    Raises RflibError for an output that must not be published, as `scrub` does.
    """
    _refuse_unsafe(notebook, chapter)
    clean = copy.deepcopy(notebook)
    clean.metadata = _notebook_metadata(clean.metadata)
    clean.metadata[_PAPERMILL] = {"parameters": parameters_of_run(notebook)}
    clean.cells = [_cell(cell, root) for cell in clean.cells]
    set_stable_ids(clean)
    return clean


def parameters_of_run(notebook: NotebookNode) -> dict[str, Any]:
    """Return the parameter values that papermill recorded in an executed notebook."""
    return dict(notebook.metadata.get(_PAPERMILL, {}).get("parameters", {}))


def _refuse_unsafe(notebook: NotebookNode, chapter: str) -> None:
    for number, cell in numbered_code_cells(notebook):
        for output in cell.outputs:
            if reason := refusal(output):
                raise RflibError(
                    f"chapter '{chapter}', code cell {number}: its output cannot be published: {reason}; "
                    f"expected static content of the types {', '.join(ALLOWED_TYPES)}. "
                    "Correct the cell and execute it again"
                )


def _notebook_metadata(metadata: NotebookNode) -> NotebookNode:
    kept = {name: value for name, value in metadata.items() if name not in _VOLATILE_NOTEBOOK}
    return nbformat.from_dict({**kept, "language_info": _LANGUAGE})


def _cell(cell: NotebookNode, root: Path) -> NotebookNode:
    for name in _VOLATILE_CELL:
        cell.metadata.pop(name, None)
    if cell.cell_type == "code":
        cell.execution_count = None
        cell.outputs = [_output(output, root) for output in cell.outputs if output.get("name") != "stderr"]
    return cell


def _output(output: NotebookNode, root: Path) -> NotebookNode:
    if "execution_count" in output:
        output.execution_count = None
    if "text" in output:
        output.text = _without_paths(output.text, root)
    for media_type, content in output.get("data", {}).items():
        if media_type.startswith("text/"):
            output.data[media_type] = _without_paths(content, root)
    return output


def _without_paths(text: str, root: Path) -> str:
    """Make paths below the repository relative and shorten those below the home folder to `~`."""
    relative = text.replace(f"{root}/", "").replace(str(root), ".")
    home = str(Path.home())
    return relative if len(home) <= 1 else re.sub(rf"(?<![\w.-]){re.escape(home)}(?=/|\b)", "~", relative)


def _parameter_table(parameters: list[Parameter], values: dict[str, Any]) -> str:
    rows = [
        f"| `{each.name}` | `{_in_table(repr(values[each.name]))}` | {_in_table(each.meaning)} |" for each in parameters
    ]
    return "\n".join(
        [
            "```{admonition} Parameters of this run",
            ":class: dropdown note",
            "",
            "| name | value | meaning |",
            "|---|---|---|",
            *rows,
            "```",
            "",
        ]
    )


def _in_table(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("`", "'")
