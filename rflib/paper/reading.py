"""What a person reads from the published measurements, and the verdicts that the words rest on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import get_args

from rflib.errors import UsageError
from rflib.paper.verdicts.verdict import Outcome, Verdict

_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTIONS = re.compile(r"^(?:---\n.*?^---\n|(?::[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
_REMEDY = "read the measurements anew, and write what they say now"


@dataclass(frozen=True)
class Reading:
    """A paragraph in Markdown, with the claims and verdicts that it rests on."""

    text: str
    rests_on: Mapping[str, Outcome]

    def _repr_markdown_(self) -> str:
        claims = ", ".join(f"{{ref}}`{name} <claim-{name.lower()}>` {found}" for name, found in self.rests_on.items())
        title = ":::{admonition} Read from the published measurements\n:class: note"
        return f"{title}\n{cleandoc(self.text)}\n\n*Rests on* {claims}.\n:::"


def reading(text: str, *, rests_on: Mapping[str, Outcome]) -> Reading:
    """Return a paragraph about the *published* measurements, which every profile shows as such.

    `rests_on` names the claims that it speaks of, with their verdicts: `rflib verify` and the published book fail when
    one of them is no longer so, and a person writes the paragraph anew. `UsageError` for a verdict that there is not.
    """
    for name, found in rests_on.items():
        if found not in get_args(Outcome):
            raise UsageError(f"reading: {name} {found!r}: expected one of {', '.join(get_args(Outcome))}")
    return Reading(text, rests_on)


def stale(notebooks: Iterable[Path], verdicts: Iterable[Verdict]) -> list[str]:
    """Return, a line each, what readings in these notebooks rest on and the measurements no longer say."""
    decided = {verdict.id: verdict.verdict for verdict in verdicts}
    return [
        f"{path.name}: a reading rests on {name} being {said!r}, and it is {decided.get(name, 'no claim')!r}; {_REMEDY}"
        for path in notebooks
        for name, said in _rests_on(path.read_text(encoding="utf-8"))
        if decided.get(name) != said
    ]


def _rests_on(source: str) -> Iterable[tuple[str, str]]:
    """Yield the claims and verdicts of every call of `reading` in the code cells of a notebook."""
    for cell in _CELL.findall(source):
        for node in ast.walk(ast.parse(_OPTIONS.sub("", cell, count=1))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reading":
                (named,) = (keyword.value for keyword in node.keywords if keyword.arg == "rests_on")
                yield from ast.literal_eval(named).items()
