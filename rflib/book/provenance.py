"""Under every figure and table of a chapter: the measurements, seeds, commits and device behind it, and its command.

A figure or table says in the metadata of its output what it was made from (`rflib.study.origin`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from rflib.book.parameters import PROFILE, Parameter
from rflib.study.origin import METADATA

_MARKDOWN = "text/markdown"
_MOST_COMMITS = 4
_OPTIONS = (PROFILE, "reuse")


@dataclass(frozen=True)
class Entry:
    """One figure or table: its chapter, its place among those of the chapter, its label if it has one, its origin."""

    chapter: str
    number: int
    label: str
    origin: Mapping[str, Any]

    @property
    def note(self) -> str:
        """The label of the note under it."""
        return f"from-{self.chapter}-{self.number}"

    @property
    def row(self) -> str:
        """The label of its row in the ledger."""
        return f"ledger-{self.chapter}-{self.number}"


def command(chapter: str, parameters: Sequence[Parameter], values: Mapping[str, Any]) -> str:
    """Return the shell command that makes a chapter with these values of its parameters."""
    changed = {each.name: values[each.name] for each in parameters if values[each.name] != each.default}
    named = {name: values[name] for name in _OPTIONS if values.get(name)}
    options = [part for name, value in named.items() for part in (f"--{name}", str(value))]
    others = {name: value for name, value in changed.items() if name not in named}
    options += [part for name, value in others.items() for part in ("-p", f"{name}={_text(value)}")]
    return shlex.join(["rflib", "run", chapter, *options])


def entries(notebook: NotebookNode, chapter: str) -> list[Entry]:
    """Return the figures and tables of an executed chapter that say what they were made from, in order."""
    return [entry for entry, _, _ in _found(notebook, chapter)]


def annotate(notebook: NotebookNode, chapter: str, parameters: Sequence[Parameter], values: Mapping[str, Any]) -> None:
    """Put a folded note under every figure and table of an executed chapter, in place."""
    for entry, cell, output in _found(notebook, chapter):
        note = _note(entry, parameters, values)
        if _MARKDOWN in output.data:
            output.data[_MARKDOWN] += f"\n\n{note}"
        elif (figure := _figure(cell)) is not None:
            # What follows the first paragraph of a caption is the legend of the figure.
            figure["caption"] = f"{figure.get('caption', '')}\n\n{note}"


def summary(origin: Mapping[str, Any]) -> str:
    """Say how many measurements of how many trained networks an output is made from, of which seeds and where."""
    parts = [_counted(len(origin["measurements"]), "measurement")]
    if origin["networks"]:
        parts[0] += f" of {_counted(origin['networks'], 'trained network')}"
        parts.append(f"{_plural(len(origin['seeds']), 'seed')} {', '.join(map(str, origin['seeds']))}")
    if origin["devices"]:
        parts.append(f"on {' and '.join(origin['devices'])}")
    if origin["commits"]:
        parts.append(f"{_plural(len(origin['commits']), 'commit')} {commits(origin)}")
    return "; ".join(parts)


def commits(origin: Mapping[str, Any]) -> str:
    """Name the commits of the library that measured, in the order in which they did; of many, the first and last."""
    found = [f"`{commit}`" for commit in origin["commits"]]
    return ", ".join(found) if len(found) <= _MOST_COMMITS else f"{found[0]} to {found[-1]} ({len(found)})"


def _found(notebook: NotebookNode, chapter: str) -> Iterator[tuple[Entry, NotebookNode, NotebookNode]]:
    number = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if origin := output.get("metadata", {}).get(METADATA):
                number += 1
                label = origin.get("name") or (_figure(cell) or {}).get("name", "")
                yield Entry(chapter, number, label, origin), cell, output


def _figure(cell: NotebookNode) -> dict[str, Any] | None:
    figure: dict[str, Any] | None = cell.metadata.get("mystnb", {}).get("figure")
    return figure


def _note(entry: Entry, parameters: Sequence[Parameter], values: Mapping[str, Any]) -> str:
    profile = values.get(PROFILE)
    measured_under = [name for name in entry.origin["profiles"] if name != profile]
    sentences = [f"Profile `{profile}`: {summary(entry.origin)}."]
    sentences.append(f"Make it again: `{command(entry.chapter, parameters, values)}`.")
    if measured_under:
        sentences[0] = f"Published, measured under {_code(measured_under)}: {summary(entry.origin)}."
        anew = [command(entry.chapter, parameters, {**values, PROFILE: name}) for name in measured_under]
        sentences.append(f"Measure it anew: {_code(anew)}.")
    return "\n".join(
        [
            # Printed as a book, only the ledger tells it: a page has nothing to fold.
            "::::{only} html",
            ":::{dropdown} Where this comes from",
            f":name: {entry.note}",
            ":class-container: rf-origin",
            "",
            f"{' '.join(sentences)} {{ref}}`In the ledger <{entry.row}>`.",
            ":::",
            "::::",
        ]
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _code(texts: Sequence[str]) -> str:
    return " and ".join(f"`{text}`" for text in texts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {_plural(count, noun)}"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"
