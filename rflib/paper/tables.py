"""A frame as a numbered, captioned table of the book, and as plain HTML everywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from rflib.paper.cells import cell, decimals_of
from rflib.paper.quantities import first, quantity
from rflib.study.coverage import filling_profile
from rflib.study.origin import ASKED, METADATA, Asked, Origin, origin_of
from rflib.study.study import Study

# {role}`text` or {role}`text <target>`, and [text](target) or [text]{#anchor}.
_ROLE = re.compile(r"\{[\w-]+\}`([^`<]*?)\s*(?:<[^`]*>)?`")
_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")
# Needed by every row of a grid but the same throughout, so shown only where they vary.
_SHOWN_WHERE_THEY_VARY = ("map_size", "pool_dilation", "omitted_downsamplings", "width")
# The hyphen in the name of a claim, such as RR-01, but for targets of links.
_CLAIM = re.compile(r"(?<=(?<![#\w-])[A-Z]{2})-(?=\d{2}\b)")


@dataclass(frozen=True)
class PlainTable:
    """Text cells under headings: a table on the page that is neither numbered nor captioned.

    Cells are Markdown. Where they come from goes into the metadata of the output.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    origin: Origin = field(default=Origin(), kw_only=True)

    def markdown(self) -> str:
        """Return the cells as a Markdown pipe table."""
        return "\n".join([_line(self.headings), _line(["---"] * len(self.headings)), *map(_line, self.rows)])

    def frame(self) -> pd.DataFrame:
        """Return the cells as plain text in a frame."""
        return pd.DataFrame([[_without_markup(cell) for cell in row] for row in self.rows], columns=list(self.headings))

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, str], dict[str, Any]]:
        frame = self.frame()
        bundle = {
            "text/markdown": self.markdown(),
            "text/html": frame.to_html(index=False),
            "text/plain": frame.to_string(index=False),
        }
        return bundle, {METADATA: self.origin.described()} if self.origin else {}


@dataclass(frozen=True)
class CaptionedTable(PlainTable):
    """A table with the name that links to it and the caption; the book numbers it."""

    name: str
    caption: str

    def markdown(self) -> str:
        """Return the MyST directive that the book numbers and links to."""
        return "\n".join([f":::{{table}} {self.caption}", f":name: {self.name}", "", super().markdown(), ":::"])

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, str], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**options)
        bundle["text/html"] = f"<p>{self.caption}</p>{bundle['text/html']}"
        bundle["text/plain"] = f"{self.caption}\n{bundle['text/plain']}"
        return bundle, {name: {"name": self.name, **origin} for name, origin in metadata.items()}


def captioned(frame: pd.DataFrame, *, name: str, caption: str, study: Study) -> CaptionedTable:
    """Return `frame` ready for a page: means with their spread in one cell, reported beside measured.

    `QUANTITY_mean` and `QUANTITY_sd` become one column "mean ± sd"; the caption says in which unit. A frame without
    rows becomes a table that says that the profile does not cover it, and which command would fill it.
    """
    if frame.empty:
        return CaptionedTable(("Not covered",), ((_not_covered(study, frame.attrs.get(ASKED)),),), name, caption)
    headings, rows = _filled(frame, unit=False)
    return CaptionedTable(headings, rows, name, caption, origin=origin_of(frame))


def _not_covered(study: Study, asked: Asked | None) -> str:
    text = f"The profile `{study.profile.name}` does not cover this table."
    filling = filling_profile(study, asked) if asked else None
    return text if filling is None else f"{text} This command fills it: `rflib run {study.chapter} --profile {filling}`"


def plain(frame: pd.DataFrame) -> PlainTable:
    """Return `frame` as the same cells without number and caption, for what stands beside the paper's tables.

    Headings have the units that a caption would give.
    """
    if frame.empty:
        return PlainTable(("Not covered",), (("This profile holds no measurements for this table.",),))
    return PlainTable(*_filled(frame, unit=True), origin=origin_of(frame))


def _filled(frame: pd.DataFrame, *, unit: bool) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the headings and the cells of every row."""
    shown, records = _columns(frame), frame.to_dict("records")
    decimals = {column: decimals_of(column, (row.get(column) for row in records)) for column in shown}
    rows = tuple(tuple(cell(row, column, decimals[column]) for column in shown) for row in records)
    return tuple(quantity(column).heading(unit=unit) for column in shown), rows


def _columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns to show, measured beside reported, in the order of the headings."""
    hidden = ("_sd", "_printed")
    bases = [c.removesuffix("_mean") for c in frame.columns if not c.endswith(hidden) and c != "pending"]
    varied = [b for b in bases if b not in _SHOWN_WHERE_THEY_VARY or frame[b].nunique() > 1]
    varied = [base for base in varied if not (base.endswith("_calibrated") and _unmeasured(frame, base))]
    if "width_multiple" in varied and "width" in varied:
        varied.remove("width")
    leading = [column for column in first() if column in varied]
    columns = leading + [column for column in varied if column not in leading]
    return sorted(columns, key=lambda column: column == "n")


def _unmeasured(frame: pd.DataFrame, base: str) -> bool:
    """Return whether a quantity with re-estimated statistics, or the count of its seeds, is nowhere in a frame."""
    column = base if base in frame else f"{base}_mean"
    return not frame[column].fillna(0).any()


def _without_markup(cell: str) -> str:
    """Return a cell without roles of MyST, anchors and links: what is left is what a page shows."""
    return _LINK.sub(r"\1", _ROLE.sub(r"\1", cell))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_unbroken(cell).replace("|", "\\|") for cell in cells) + " |"


def _unbroken(cell: str) -> str:
    """Keep a mean with its spread, and the name of a claim, on one line of a narrow column."""
    return _CLAIM.sub("-\N{WORD JOINER}", cell).replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
