"""Verdicts on the papers' claims: which of them the measurements of a study bear out, and by which test. No torch."""

from rflib.claims.evidence import Evidence
from rflib.claims.registry import RULES, claims_of, decide
from rflib.claims.report import details, table
from rflib.claims.rule_changes import FROZEN, changes
from rflib.claims.verdict import Outcome, Verdict, Verdicts

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
