"""Verdicts on the papers' claims: which of them the measurements of a study bear out, and by which test. No torch."""

from rflib.paper.claims.evidence import Evidence
from rflib.paper.claims.registry import RULES, claims_of, decide
from rflib.paper.claims.report import details, table
from rflib.paper.claims.rule_changes import FROZEN, changes
from rflib.paper.claims.verdict import Outcome, Verdict, Verdicts

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
