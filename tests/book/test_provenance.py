from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from rflib.book.parameters import Parameter, parse
from rflib.book.provenance import annotate, command, entries, summary
from rflib.book.scrubbing import scrub

Make = Callable[..., NotebookNode]

ORIGIN = {
    "profiles": ["digits"],
    "measurements": ["one_shot-a", "one_shot-b"],
    "networks": 2,
    "seeds": [0, 1],
    "commits": ["1234567"],
    "devices": ["cpu"],
    "seconds": 3.5,
}
PARAMETERS = [
    Parameter("profile", "str", "digits", "profile"),
    Parameter("seeds", "list[int] | None", None, "seeds"),
    Parameter("note", "str", "", "a text"),
    Parameter("reuse", "str | None", None, "published or not"),
]
VALUES: dict[str, Any] = {each.name: each.default for each in PARAMETERS}


def table(**changed: Any) -> NotebookNode:
    data = {"text/markdown": ":::{table} T\n:name: table-1\n\n| a |\n|---|\n:::", "text/html": "<table></table>"}
    return new_output("execute_result", data=data, metadata={"rflib": {**ORIGIN, **changed}}, execution_count=1)


def figure() -> NotebookNode:
    return new_output("execute_result", data={"image/png": "aa"}, metadata={"rflib": ORIGIN}, execution_count=1)


def annotated(notebook: NotebookNode, **values: Any) -> NotebookNode:
    annotate(notebook, "sample", PARAMETERS, {**VALUES, **values})
    return notebook.cells[-1]


def test_a_table_gets_its_note_below_it(executed_notebook: Make) -> None:
    cell = annotated(executed_notebook(table(name="table-1")))
    shown, note = cell.outputs[0].data["text/markdown"].split("\n\n::::{only} html\n")
    assert shown.endswith("\n:::")
    assert note.splitlines() == [
        ":::{dropdown} Where this comes from",
        ":name: from-sample-1",
        ":class-container: rf-origin",
        "",
        "Profile `digits`: 2 measurements of 2 trained networks; seeds 0, 1; on cpu; commit `1234567`. "
        "Make it again: `rflib run sample --profile digits`. {ref}`In the ledger <ledger-sample-1>`.",
        ":::",
        "::::",
    ]
    assert cell.outputs[0].data["text/html"] == "<table></table>"


def test_a_figure_gets_its_note_as_the_legend_of_its_caption(executed_notebook: Make) -> None:
    notebook = executed_notebook(figure())
    notebook.cells[-1].metadata["mystnb"] = {"figure": {"name": "fig-a", "caption": "A caption."}}
    cell = annotated(notebook)
    caption = cell.metadata["mystnb"]["figure"]["caption"]
    assert caption.startswith("A caption.\n\n::::{only} html\n:::{dropdown} Where this comes from\n")
    assert [(entry.label, entry.note, entry.row) for entry in entries(notebook, "sample")] == [
        ("fig-a", "from-sample-1", "ledger-sample-1")
    ]


def test_outputs_are_numbered_through_the_chapter_and_others_stay_as_they_are(executed_notebook: Make) -> None:
    plain = new_output("display_data", data={"text/markdown": "- words"})
    notebook = executed_notebook(table(), plain, table(name="table-1"))
    cell = annotated(notebook)
    assert cell.outputs[1].data["text/markdown"] == "- words"
    assert ":name: from-sample-2" in cell.outputs[2].data["text/markdown"]
    assert [(entry.number, entry.label) for entry in entries(notebook, "sample")] == [(1, ""), (2, "table-1")]


def test_what_is_published_says_under_which_profile_it_was_measured(executed_notebook: Make) -> None:
    cell = annotated(executed_notebook(table(profiles=["gpu-hour"])), profile="published", seeds=[0])
    note = cell.outputs[0].data["text/markdown"]
    assert "Published, measured under `gpu-hour`: 2 measurements" in note
    assert "Make it again: `rflib run sample --profile published -p 'seeds=[0]'`." in note
    assert "Measure it anew: `rflib run sample --profile gpu-hour -p 'seeds=[0]'`." in note


def test_the_command_gives_the_same_values_again() -> None:
    values = {**VALUES, "profile": "smoke", "seeds": [0, 1], "note": "a b", "reuse": "published"}
    text = command("sample", PARAMETERS, values)
    assert text == "rflib run sample --profile smoke --reuse published -p 'seeds=[0, 1]' -p 'note=a b'"
    assert parse(PARAMETERS, ["seeds=[0, 1]", "note=a b"]) == {"seeds": [0, 1], "note": "a b"}
    assert command("lesson", PARAMETERS[1:], {name: VALUES[name] for name in ("seeds", "note", "reuse")}) == (
        "rflib run lesson"
    )


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"networks": 0, "seeds": [], "devices": [], "commits": []}, "2 measurements"),
        ({"measurements": ["a"], "networks": 1, "seeds": [3]}, "1 measurement of 1 trained network; seed 3;"),
        ({"devices": ["cpu", "cuda"]}, "on cpu and cuda"),
        ({"commits": ["a", "b"]}, "commits `a`, `b`"),
        ({"commits": list("abcde")}, "commits `a` to `e` (5)"),
    ],
)
def test_summaries(changed: dict[str, Any], text: str) -> None:
    assert text in summary({**ORIGIN, **changed})


def test_publishing_adds_the_note_once_and_the_same_every_time(executed_notebook: Make, tmp_path: Path) -> None:
    notebook = executed_notebook(table(name="table-1"))
    notebook.metadata.papermill.parameters["profile"] = "smoke"
    before = copy.deepcopy(notebook)
    pages = [nbformat.writes(scrub(notebook, "sample", root=tmp_path)) for _ in range(2)]
    assert notebook == before
    assert pages[0] == pages[1]
    assert pages[0].count("Where this comes from") == 1
    assert "rflib run sample --profile smoke -p 'rates=[0.9]'" in pages[0]
