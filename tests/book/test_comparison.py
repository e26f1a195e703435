from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from rflib.book.comparison import beside_published
from rflib.errors import RflibError
from rflib.study.origin import METADATA

FIGURE = {"figure": {"name": "figure-1", "caption": "Curves."}, "image": {"alt": "curves"}}
TABLE = "::::{table} Accuracies.\n:name: table-1\n\n| k |\n| --- |\n| 1 |\n::::"


def chapter(value: str, *, covered: bool = True) -> NotebookNode:
    origin: dict[str, Any] = {METADATA: {"measurements": [value]}} if covered else {}
    display = lambda **data: nbformat.v4.new_output("display_data", data, metadata=dict(origin))  # noqa: E731
    code = nbformat.v4.new_code_cell
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Title"),
            code("print('computed')", outputs=[nbformat.v4.new_output("stream", text=f"computed {value}")]),
            code("table", outputs=[display(**{"text/markdown": TABLE.replace("| 1 |", f"| {value} |")})]),
            code("figure", metadata={"mystnb": FIGURE}, outputs=[display(**{"image/png": value})]),
        ]
    )


def test_each_figure_and_table_is_followed_by_its_published_counterpart() -> None:
    own, other = chapter("own"), chapter("other")
    combined = beside_published(own, other)
    nbformat.validate(combined)
    assert [cell.source for cell in combined.cells] == [
        *("# Title", "print('computed')", "table", "table", "figure", "figure")
    ]
    table, published_table, figure, published_figure = combined.cells[2:]
    assert (table, figure) == (own.cells[2], own.cells[3])
    text = published_table.outputs[0].data["text/markdown"]
    assert text.startswith("::::{table} Published: Accuracies.\n:name: table-1-published\n")
    assert "| other |" in text
    assert published_figure.metadata.mystnb.figure == {
        "name": "figure-1-published",
        "caption": "Published: Curves.",
    }
    assert published_figure.metadata.mystnb.image == {"alt": "curves"}
    assert published_figure.outputs[0].data == {"image/png": "other"}
    for cell in (published_table, published_figure):
        assert cell.metadata.tags == ["remove-input"]
        assert METADATA not in cell.outputs[0].metadata


def test_a_table_without_a_caption_is_said_to_be_the_published_one() -> None:
    own, other = chapter("own"), chapter("other")
    other.cells[2].outputs[0].data["text/markdown"] = "| k |\n| --- |\n| 1 |"
    text = beside_published(own, other).cells[3].outputs[0].data["text/markdown"]
    assert text == "Published: \n\n| k |\n| --- |\n| 1 |"


def test_the_notebooks_given_are_left_alone() -> None:
    own, other = chapter("own"), chapter("other")
    before = nbformat.writes(own), nbformat.writes(other)
    beside_published(own, other)
    assert (nbformat.writes(own), nbformat.writes(other)) == before


def test_what_is_not_published_has_no_counterpart() -> None:
    own = chapter("own")
    assert beside_published(own, chapter("other", covered=False)) == own


def test_other_chapters_are_refused() -> None:
    other = chapter("other")
    other.cells.pop()
    with pytest.raises(RflibError, match="expected two executions of one chapter, found 4 and 3 cells; run it again"):
        beside_published(chapter("own"), other)
