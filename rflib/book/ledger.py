"""The ledger's list: every figure and table of the staged book that says what it was made from, a row each."""

from __future__ import annotations

from collections.abc import Mapping

from nbformat import NotebookNode

from rflib.book.notebooks import set_stable_ids, tagged
from rflib.book.provenance import Entry, commits, entries
from rflib.paper.tables import PlainTable

TAG = "ledger"
_HEADINGS = ("Chapter", "No.", "Shown", "Measurements", "Networks", "Seeds", "Commits", "Device")
_NOTHING = "No chapter of this copy of the book shows a figure or table that was made from measurements."


def fill_ledger(pages: Mapping[str, NotebookNode]) -> None:
    """Write the list over `pages`, chapter by chapter, into the cell tagged `ledger` of whichever page has it."""
    found = [entry for chapter, page in pages.items() for entry in entries(page, chapter)]
    for page in pages.values():
        cells = [cell for cell in page.cells if cell.cell_type == "markdown" and tagged(cell, TAG)]
        for cell in cells:
            cell.source = listed(found) if found else _NOTHING
        if cells:
            set_stable_ids(page)


def listed(found: list[Entry]) -> str:
    """Return a Markdown table with a row for each figure and table; notes under them link to their row."""
    return PlainTable(_HEADINGS, tuple(_row(entry) for entry in found)).markdown()


def _row(entry: Entry) -> tuple[str, ...]:
    origin = entry.origin
    reference = f"{{numref}}`{entry.label}`" if entry.label else f"{{ref}}`table <{entry.note}>`"
    return (
        f"[{entry.chapter.replace('-', ' ')}]({entry.chapter})",
        f"[{entry.number}]{{#{entry.row}}}",
        reference,
        str(len(origin["measurements"])),
        str(origin["networks"]),
        ", ".join(map(str, origin["seeds"])) or "–",
        commits(origin) or "–",
        ", ".join(origin["devices"]) or "–",
    )
