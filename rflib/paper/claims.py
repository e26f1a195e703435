"""Verdicts on the papers' claims: which of them the measurements of a study bear out, and by which test. No torch."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace

from rflib.errors import unknown
from rflib.paper import reported
from rflib.paper.plans import PLANS
from rflib.paper.verdicts.evidence import Evidence
from rflib.paper.verdicts.readings import Readings
from rflib.paper.verdicts.report import details, table
from rflib.paper.verdicts.rule_changes import FROZEN, changes
from rflib.paper.verdicts.verdict import Outcome, Rule, Verdict, Verdicts, conclude, uncovered
from rflib.study.origin import recorded
from rflib.study.study import Study

__all__ = [
    "FROZEN",
    "RULES",
    "Evidence",
    "Outcome",
    "Verdict",
    "Verdicts",
    "changes",
    "claims_of",
    "decide",
    "details",
    "table",
]

# The chapter that shows all verdicts decides none.
_CHAPTERS = {name: f"rflib.paper.chapters.{name.replace('-', '_')}" for name in PLANS if name != "claims"}
RULES: dict[str, Rule] = {
    claim: replace(rule, chapter=name)
    for name, module in _CHAPTERS.items()
    for claim, rule in getattr(importlib.import_module(module), "CLAIMS", {}).items()
}
"""How each decidable claim is decided, by its id; a claim without a rule is not covered."""

# What no rule decides by itself: the chapter that treats it, and why.
_DECIDED_ELSEWHERE = {
    "GD-01": (
        "should-you-go-deeper",
        "No images are taken at several sizes. What unproductive layers cost at one size is decided as GD-16 to GD-19.",
    ),
    "PT-11": (
        "width-and-curvature",
        "Its parts are decided as RR-11 and RR-12; that the one hinders the other does not follow from either.",
    ),
    "RF-04": (
        "receptive-field-refinement",
        "Needs ImageNet1K and the networks that the claim names, trained on it as they are and refined; on the images "
        "of this study the claim is decided as RF-01.",
    ),
    "RF-06": (
        "receptive-field-refinement",
        "Needs the refinements that the paper proposes, which it does not list; those counted here are of a search of "
        "our own, and say what that search finds.",
    ),
}


def decide(study: Study, *ids: str) -> Verdicts:
    """Return one verdict a row of `reported.claims`, in its order, from what `study` has.

    The study of the chapter `claims` has what every claim needs, that of another chapter what its own claims need
    (`claims_of`). With `ids`, such as "RR-01", only those; `UsageError` for one that does not exist. Nothing is
    computed, and what is missing is left out. The same measurements always give the same verdicts.
    """
    rows = [{str(name): str(text) for name, text in row.items()} for row in reported.claims().to_dict("records")]
    for name in ids:
        if name not in (known := [row["id"] for row in rows]):
            raise unknown("claim", name, known)
    return Verdicts(*recorded(_decide)(study, [row for row in rows if not ids or row["id"] in ids]))


def claims_of(chapter: str) -> tuple[str, ...]:
    """Return the ids of the claims that a chapter treats, in the order of `reported.claims`."""
    chapters = {name: rule.chapter for name, rule in RULES.items()}
    chapters |= {name: elsewhere for name, (elsewhere, _) in _DECIDED_ELSEWHERE.items()}
    return tuple(name for name in reported.claims()["id"] if chapters.get(name) == chapter)


def _decide(study: Study, claims: Sequence[dict[str, str]]) -> list[Verdict]:
    readings = Readings.of(study)
    return [_verdict(claim, readings) for claim in claims]


def _verdict(claim: dict[str, str], readings: Readings) -> Verdict:
    if claim["id"] in _DECIDED_ELSEWHERE:
        chapter, reason = _DECIDED_ELSEWHERE[claim["id"]]
        return replace(uncovered(claim, reason), chapter=chapter)
    return conclude(claim, RULES.get(claim["id"]), readings)
