from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from rflib.book.scrubbing import scrub
from rflib.errors import RflibError

Make = Callable[..., NotebookNode]


def test_traces_of_machine_and_moment_are_gone(executed_notebook: Make, tmp_path: Path) -> None:
    text = f"loaded {tmp_path}/runs/a and {Path.home()}/data/b and /usr/lib"
    outputs = [
        new_output("stream", name="stdout", text=text),
        new_output("stream", name="stderr", text="a warning"),
        new_output("execute_result", data={"text/plain": text}, execution_count=3),
    ]
    notebook = executed_notebook(*outputs)
    before = nbformat.writes(notebook)
    clean = scrub(notebook, "sample", root=tmp_path)
    written = nbformat.writes(clean)
    for trace in (str(tmp_path), "start_time", "iopub", "jupytext", "in.ipynb", "3.11.2", "a warning"):
        assert trace not in written
    assert clean.cells[2].outputs[0].text == "loaded runs/a and ~/data/b and /usr/lib"
    assert clean.cells[2].outputs[1].data["text/plain"] == clean.cells[2].outputs[0].text
    assert clean.cells[2].metadata == {"tags": ["kept"]}
    assert nbformat.writes(notebook) == before
    nbformat.validate(clean)


def test_the_parameter_cells_become_one_folded_table(executed_notebook: Make, tmp_path: Path) -> None:
    clean = scrub(executed_notebook(), "sample", root=tmp_path, below_parameters="Run it.")
    assert [cell.cell_type for cell in clean.cells] == ["markdown", "markdown", "code"]
    table = clean.cells[1].source
    assert ":class: dropdown note" in table
    assert "| `profile` | `'digits'` | profile of notebooks/profiles |" in table
    assert "| `rates` | `[0.9]` | pruning rates |" in table
    assert table.endswith("```\nRun it.")


def test_equal_notebooks_have_equal_bytes(executed_notebook: Make, tmp_path: Path) -> None:
    first, second = executed_notebook(), executed_notebook()
    assert nbformat.writes(first) != nbformat.writes(second)
    cleaned = [nbformat.writes(scrub(each, "sample", root=tmp_path)) for each in (first, second)]
    assert cleaned[0] == cleaned[1]


def test_characters_that_end_a_table_cell_are_escaped(executed_notebook: Make, tmp_path: Path) -> None:
    notebook = executed_notebook()
    notebook.cells[1].source = 'profile: str = "a|b`c"  # this | that\nrates: list[float] = [0.5]  # rates'
    table = scrub(notebook, "sample", root=tmp_path).cells[1].source
    assert "| `profile` | `'a\\|b'c'` | this \\| that |" in table


def test_an_unsafe_output_is_refused_with_its_place(executed_notebook: Make, tmp_path: Path) -> None:
    unsafe = new_output("display_data", data={"text/html": "<script>1</script>"})
    with pytest.raises(RflibError) as caught:
        scrub(executed_notebook(unsafe), "sample", root=tmp_path)
    message = str(caught.value)
    assert message.startswith("chapter 'sample', code cell 2: its output cannot be published")
    assert "contains <script" in message
    assert "expected static content" in message


def test_an_error_output_is_refused(executed_notebook: Make, tmp_path: Path) -> None:
    error = new_output("error", ename="ValueError", evalue="no pixels", traceback=["…"])
    with pytest.raises(RflibError, match=r"code cell 2: .*it is an error \(ValueError: no pixels\)"):
        scrub(executed_notebook(error), "sample", root=tmp_path)


def test_values_of_other_types_stay_readable(executed_notebook: Make, tmp_path: Path) -> None:
    notebook = executed_notebook()
    notebook.metadata.papermill.parameters = json.loads('{"rates": [1], "profile": "smoke"}')
    table = scrub(notebook, "sample", root=tmp_path).cells[1].source
    assert "`'smoke'`" in table
    assert "`[1.0]`" in table
