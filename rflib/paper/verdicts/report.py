"""Verdicts as frames: one row a claim, and one row a combination behind it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rflib.paper.verdicts.evidence import Evidence, p_text, signed
from rflib.paper.verdicts.verdict import Verdict
from rflib.study.origin import traced

OWN_SOURCE = "rf-representations"
BOOK = "this-book"

# The place of a claim -> the section of the paper under which it is listed, if that is all there is to it.
_WHOLE_PLACES = {"1": "1 Introduction", "2": "2 Related work", "4": "4 Conclusions"}
# What the place of a claim contains otherwise, the first that fits.
_SECTIONS = {
    "3.2": "3.2 Manipulating the receptive field",
    "3.3": "3.3 Receptive field, accuracy and pruning",
    "3.4": "3.4 Fine-tuning",
    "Table 5": "3.4 Fine-tuning",
    "3.5": "3.5 Loss landscape and representations",
    "3.6": "3.6, 3.7 Large receptive fields",
    "3.8": "3.8 Width and depth",
    "Table 8": "3.8 Width and depth",
    "I.1": "I.1 Pruning rates",
}


@traced
def table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Return one row a claim, in the order of the paper's sections, then of the other works.

    `heading` is the section, or the name of another work; `verdict` is marked where it is indicative; `statistic`,
    `low`, `high` and `p` (Holm-corrected) are of the weakest combination; `seeds` is the fewest of any, as text;
    `shown_in` is Markdown that links to tables, figures or a chapter.
    """
    rows = [
        {
            "heading": heading(verdict),
            "id": verdict.id,
            "claim": verdict.claim,
            "verdict": verdict.label,
            "statistic": verdict.statistic,
            "low": None if verdict.interval is None else verdict.interval[0],
            "high": None if verdict.interval is None else verdict.interval[1],
            "p": verdict.p,
            "seeds": "" if verdict.n is None else str(verdict.n),
            "reason": verdict.reason,
            "control": verdict.control,
            "test": verdict.test,
            "shown_in": shown_in(verdict),
        }
        for verdict in verdicts
    ]
    own = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict.source == OWN_SOURCE]
    others = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict.source != OWN_SOURCE]
    return pd.DataFrame(sorted(own, key=lambda row: str(row["heading"])) + others)


@traced
def details(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Return one row a combination of every decided claim, with each part of a claim that has several.

    `effect` is in units of `measure`; `low` and `high` are its 95 % interval; `change` is that of the means from the
    smallest kernel to the largest, where the effect is a rank correlation; `p` is as tested, `corrected_p` by Holm's
    method over the family of the claim, and `together_holds` is what the verdict counts: both are of all parts
    together. Changes and p-values are text, "" where there is none.
    """
    rows = []
    for verdict in verdicts:
        for evidence in verdict.evidence:
            counted = {"corrected_p": _p(evidence.corrected_p), "together_holds": evidence.holds}
            rows += [{"id": verdict.id, **_row(part), **counted} for part in (evidence.parts or (evidence,))]
    return pd.DataFrame(rows)


def heading(verdict: Verdict) -> str:
    """Return the section of the paper under which a claim is listed, or the name of another work."""
    if verdict.source != OWN_SOURCE:
        return verdict.source
    found = (name for mark, name in _SECTIONS.items() if mark in verdict.section)
    return _WHOLE_PLACES.get(verdict.section) or next(found, verdict.section)


def shown_in(verdict: Verdict) -> str:
    """Return links to where a claim's numbers are shown, as Markdown: tables and figures, else the chapter."""
    if verdict.figures:
        return ", ".join(f"{{numref}}`{label}`" for label in verdict.figures)
    return f"[{verdict.chapter.replace('-', ' ')}]({verdict.chapter})" if verdict.chapter else ""


def _row(evidence: Evidence) -> dict[str, object]:
    low, high = evidence.interval or (None, None)
    return {
        "where": evidence.where,
        "measure": evidence.measure,
        "effect": evidence.effect,
        "low": low,
        "high": high,
        "change": "" if evidence.change is None else signed(evidence.change),
        "p": _p(evidence.p),
        "seeds": evidence.seeds,
    }


def _p(p: float | None) -> str:
    return "" if p is None else p_text(p).removeprefix("= ")
