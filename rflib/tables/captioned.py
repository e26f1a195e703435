"""A frame as a numbered, captioned table of the book, and as plain HTML everywhere else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from rflib.pipeline.coverage import filling_profile
from rflib.pipeline.origin import METADATA, Origin, origin_of
from rflib.pipeline.profiles import RoleName
from rflib.pipeline.study import Study

HEADINGS = {
    "architecture": "Network",
    "pool_kernel": "k",
    "label": "Field, paper (px)",
    "receptive_field": "Field (px)",
    "last_map_size": "Last map (px)",
    "map_size": "Maps",
    "pool_dilation": "Pool dilation",
    "omitted_downsamplings": "Downsamplings left out",
    "parameters": "Parameters",
    "width": "Width",
    "width_multiple": "Width ×",
    "dense_reported": "Dense, paper",
    "dense": "Dense",
    "pruned_reported": "Pruned, paper",
    "pruned": "Pruned",
    "one_shot": "One-shot",
    "fine_tuned_reported": "Fine-tuned, paper",
    "fine_tuned": "Fine-tuned",
    "difference_reported": "Difference, paper",
    "difference": "Difference",
    "normalised_difference": "Difference / dense",
    "live": "Pruned among live",
    "layerwise": "Pruned by layer",
    "dead_share": "Dead taps (%)",
    "input_share": "Input seen (%)",
    "schedule": "Schedule",
    "test_accuracy": "Accuracy after the first epochs (%)",
    "distance": "Distance from the start",
    "initial_norm": "Norm at the start",
    "reach": "Farthest in all epochs",
    "n": "n",
}
# {role}`text` or {role}`text <target>`, and [text](target) or [text]{#anchor}.
_ROLE = re.compile(r"\{[\w-]+\}`([^`<]*?)\s*(?:<[^`]*>)?`")
_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")
# What else has a unit, or a name of more than one word; these come in the order of their frame.
_FURTHER_HEADINGS = {
    "order": "Noise",
    "pruned_tested": "Pruned without noise",
    "tested": "Selected copy",
    "benefit": "Benefit (points)",
    "mean_benefit": "Benefit of the mean copy (points)",
    "noisy_fine_tuned": "Fine-tuned after noise",
    "saturation": "Saturation (%)",
    "shallow_saturation": "Saturation of the others (%)",
    "relative_rank": "Effective rank (%)",
    "zero_filters": "Filters of zeros (%)",
    "weight_share": "Weights (%)",
    "lost": "Lost (points)",
    "above_guessing": "Above guessing (points)",
    "margin": "Margin (points)",
    "seeds_agreeing": "Seeds agreeing (%)",
}
# Needed by every row of a grid but the same throughout, so shown only where they vary.
_SHOWN_WHERE_THEY_VARY = ("map_size", "pool_dilation", "omitted_downsamplings", "width")
# The hyphen in the name of a claim, such as RR-01, but for targets of links.
_CLAIM = re.compile(r"(?<=(?<![#\w-])[A-Z]{2})-(?=\d{2}\b)")
# Shares and cosines, which end at 1 and not at 100.
_OF_ONE = ("normalised_difference", "similarity")


# What each table of the paper shows: the role, the analysis and the purpose of its measurements.
_CONTENTS: dict[str, tuple[RoleName, str, str]] = {
    "table-1": ("small_images", "one_shot", "grid"),
    "table-2": ("large_images", "one_shot", "grid"),
    "table-3": ("small_images", "history", "fine_tuned"),
    "table-4": ("large_images", "history", "fine_tuned"),
    "table-5": ("large_images", "history", "long_fine_tuned"),
    "table-6": ("large_images", "one_shot", "large"),
    "table-7": ("small_images", "one_shot", "large"),
    "table-8": ("large_images", "one_shot", "width"),
    **{f"table-s{number}": ("small_images", "one_shot", "grid") for number in (1, 3, 5, 7)},
    **{f"table-s{number}": ("large_images", "one_shot", "grid") for number in (2, 4, 6, 8)},
}


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

    `QUANTITY_mean` and `QUANTITY_sd` become one column "mean ± sd". A frame without rows becomes a table that says
    that the profile does not cover it, and which command would fill it.
    """
    if frame.empty:
        return CaptionedTable(("Not covered",), ((_not_covered(study, name),),), name, caption)
    cells = plain(frame)
    return CaptionedTable(cells.headings, cells.rows, name, caption, origin=cells.origin)


def _not_covered(study: Study, name: str) -> str:
    text = f"The profile `{study.profile.name}` does not cover this table."
    if name not in _CONTENTS:
        return text
    role, analysis, purpose = _CONTENTS[name]
    filling = filling_profile(study, role, analysis, [purpose])
    return text if filling is None else f"{text} This command fills it: `rflib run {study.chapter} --profile {filling}`"


def plain(frame: pd.DataFrame) -> PlainTable:
    """Return `frame` as the same cells without number and caption, for what stands beside the paper's tables."""
    if frame.empty:
        return PlainTable(("Not covered",), (("This profile holds no measurements for this table.",),))
    shown = _columns(frame)
    headings = tuple(map(_heading, shown))
    rows = tuple(tuple(_cell(row, column) for column in shown) for row in frame.to_dict("records"))
    return PlainTable(headings, rows, origin=origin_of(frame))


def _heading(column: str) -> str:
    text = column.replace("_", " ")
    return HEADINGS.get(column) or _FURTHER_HEADINGS.get(column) or text[:1].upper() + text[1:]


def _columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns to show, measured beside reported, in the order of the headings."""
    hidden = ("_sd", "_printed")
    bases = [c.removesuffix("_mean") for c in frame.columns if not c.endswith(hidden) and c != "pending"]
    varied = [b for b in bases if b not in _SHOWN_WHERE_THEY_VARY or frame[b].nunique() > 1]
    if "width_multiple" in varied and "width" in varied:
        varied.remove("width")
    known = [column for column in HEADINGS if column in varied]
    columns = known + [column for column in varied if column not in HEADINGS]
    return sorted(columns, key=lambda column: column == "n")


def _cell(row: Mapping[Any, Any], column: str) -> str:
    if column == "dense_reported" and row.get("pending"):
        return "Pending"
    if f"{column}_mean" not in row:
        return _plain(row[column])
    if isinstance(row.get(f"{column}_mean_printed"), str):
        return " ± ".join(part for part in (row[f"{column}_{p}_printed"] for p in ("mean", "sd")) if part) or "–"
    digits = "g" if column.endswith("_reported") else ".3f" if column in _OF_ONE else ".1f"
    return _mean_and_spread(row[f"{column}_mean"], row.get(f"{column}_sd"), digits)


def _mean_and_spread(mean: float, spread: float | None, digits: str) -> str:
    if mean is None or math.isnan(mean):
        return "–"
    if spread is None or math.isnan(spread):
        return f"{mean:{digits}}"
    return f"{mean:{digits}} ± {spread:{digits}}"


def _plain(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def _without_markup(cell: str) -> str:
    """Return a cell without roles of MyST, anchors and links: what is left is what a page shows."""
    return _LINK.sub(r"\1", _ROLE.sub(r"\1", cell))


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_unbroken(cell).replace("|", "\\|") for cell in cells) + " |"


def _unbroken(cell: str) -> str:
    """Keep a mean with its spread, and the name of a claim, on one line of a narrow column."""
    return _CLAIM.sub("-\N{WORD JOINER}", cell).replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
