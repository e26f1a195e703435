from __future__ import annotations

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rflib.book.ledger import fill_ledger
from tests.book.test_provenance import ORIGIN


def page(*origins: dict[str, object]) -> object:
    outputs = [
        new_output("display_data", data={"text/markdown": "| a |"}, metadata={"rflib": origin}) for origin in origins
    ]
    return new_notebook(cells=[new_code_cell("show()", outputs=outputs)])


def ledger() -> object:
    return new_notebook(cells=[new_markdown_cell("Later.", metadata={"tags": ["ledger"]}), new_markdown_cell("End.")])


def test_every_figure_and_table_has_a_row_that_its_note_can_link_to() -> None:
    bare = {**ORIGIN, "networks": 0, "seeds": [], "commits": [], "devices": []}
    pages = {"a-chapter": page({**ORIGIN, "name": "table-1"}, bare), "ledger": ledger(), "other": page(ORIGIN)}
    fill_ledger(pages)
    cells = pages["ledger"].cells
    assert cells[0].source.splitlines() == [
        "| Chapter | No. | Shown | Measurements | Networks | Seeds | Commits | Device |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| [a chapter](a-chapter) | [1]{#ledger-a-chapter-1} | {numref}`table-1` | 2 | 2 | 0, 1 | `1234567` | cpu |",
        "| [a chapter](a-chapter) | [2]{#ledger-a-chapter-2} | {ref}`table <from-a-chapter-2>` | 2 | 0 | – | – | – |",
        "| [other](other) | [1]{#ledger-other-1} | {ref}`table <from-other-1>` | 2 | 2 | 0, 1 | `1234567` | cpu |",
    ]
    assert cells[1].source == "End."


def test_the_list_is_the_same_every_time_and_says_when_it_is_empty() -> None:
    filled = []
    for _ in range(2):
        pages = {"chapter": page(ORIGIN), "ledger": ledger()}
        fill_ledger(pages)
        filled.append(pages["ledger"])
    assert filled[0] == filled[1]
    alone = {"ledger": ledger()}
    fill_ledger(alone)
    assert alone["ledger"].cells[0].source.startswith("No chapter of this copy")
