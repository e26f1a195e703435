"""What a column of a frame is called, its unit, and how it is written and drawn: `quantities.yml`, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class Quantity:
    """One column: its name in headings, its unit, its decimals or digits, its place in a sentence, its look.

    `words` are what a sentence says for the values of a column that holds codes.
    """

    name: str
    unit: str = ""
    headed: bool = False
    decimals: int | None = None
    digits: int | None = None
    at: str = "at {}"
    words: dict[Any, str] = field(default_factory=dict)
    drawn: dict[str, Any] = field(default_factory=dict)

    def heading(self, *, unit: bool) -> str:
        """Return what the column is called; `unit`: with its unit also where a caption would give it."""
        return f"{self.name} ({self.unit})" if self.unit and (unit or self.headed) else self.name


@cache
def _declared() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(files("rflib.paper").joinpath("quantities.yml").read_text(encoding="utf-8"))


def first() -> tuple[str, ...]:
    """Return the columns that come first in a table, in their order."""
    return tuple(_declared()["first"])


@cache
def quantity(column: str) -> Quantity:
    """Return what is declared of a column; one that is not declared is called by its own words."""
    words = column.replace("_", " ")
    found = {**_declared()["first"], **_declared()["others"]}.get(column, {})
    return Quantity(**{"name": words[:1].upper() + words[1:], **found})
