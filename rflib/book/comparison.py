"""A rerun beside what is published: every figure and table is followed by its published counterpart."""

from __future__ import annotations

import copy
import re

from nbformat import NotebookNode

from rflib.errors import RflibError
from rflib.study.origin import METADATA

_SUFFIX = "-published"
_HEAD = "Published: "
_MARKDOWN = "text/markdown"
_TABLE = re.compile(r"^(:{3,}\{table\}) ", re.MULTILINE)
_NAME = re.compile(r"^(:name: \S+)$", re.MULTILINE)


def beside_published(executed: NotebookNode, published: NotebookNode) -> NotebookNode:
    """Return `executed` with the published figure or table after each of its own.

    Both are executions of one chapter, so their cells correspond. Labels of published ones end in
    "-published", their captions begin with "Published".

    Raises RflibError when the notebooks are not of the same source.
    """
    if len(executed.cells) != len(published.cells):
        raise RflibError(
            f"expected two executions of one chapter, found {len(executed.cells)} and {len(published.cells)} cells; "
            "run it again"
        )
    combined = copy.deepcopy(executed)
    combined.cells = []
    for own, other in zip(executed.cells, published.cells, strict=True):
        combined.cells.append(copy.deepcopy(own))
        if shown := [output for output in other.get("outputs", []) if METADATA in output.get("metadata", {})]:
            combined.cells.append(_counterpart(other, shown))
    return combined


def _counterpart(cell: NotebookNode, outputs: list[NotebookNode]) -> NotebookNode:
    found = copy.deepcopy(cell)
    found.id = f"{cell.id[:50]}{_SUFFIX}"
    found.metadata["tags"] = [*found.metadata.get("tags", []), "remove-input"]
    found.outputs = [_relabelled(output) for output in outputs]
    if figure := found.metadata.get("mystnb", {}).get("figure"):
        figure["name"] = figure["name"] + _SUFFIX
        figure["caption"] = _HEAD + figure.get("caption", "")
    return found


def _relabelled(output: NotebookNode) -> NotebookNode:
    """Return a copy that no note of the rerun is put under, with labels and captions of its own."""
    found = copy.deepcopy(output)
    del found.metadata[METADATA]
    if _MARKDOWN in found.data:
        text, captions = _TABLE.subn(rf"\1 {_HEAD}", found.data[_MARKDOWN])
        found.data[_MARKDOWN] = _NAME.sub(rf"\1{_SUFFIX}", text) if captions else f"{_HEAD}\n\n{text}"
    return found
