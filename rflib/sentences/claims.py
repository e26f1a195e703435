"""Sentences about the verdicts: how they come about, how many there are of each, and the reason for every one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rflib.claims import Outcome, Verdict
from rflib.claims.assessment import FEWEST_SEEDS
from rflib.claims.margins import CLEAR_TREND, NOTICEABLE_POINTS, NOTICEABLE_SIMILARITY
from rflib.claims.report import OWN_SOURCE
from rflib.claims.statistics import LEVEL
from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import NOTHING

_OUTCOMES: tuple[Outcome, ...] = ("reproduced", "partly", "not reproduced")
_NO_CONTROL = Sentences(("No claim that has a control is decided on this profile's measurements.",))


def rules() -> Sentences:
    """State the numbers of the rules that every verdict follows."""
    return Sentences(
        (
            f"A test succeeds at a corrected p-value of at most {LEVEL:g}; intervals hold 95 %.",
            f"With fewer than {FEWEST_SEEDS} seeds nothing is tested, and the same goes for a test that could not "
            f"succeed with the given number of kernels and seeds. Then the means speak: a trend needs a rank "
            f"correlation of at least {CLEAR_TREND:g} in size and a change of more than {NOTICEABLE_POINTS:g} point of "
            f"accuracy, or {NOTICEABLE_SIMILARITY:g} of similarity, from the smallest kernel to the largest. Such a "
            f"verdict is called indicative.",
            f"Two accuracies are called equal if they differ by no more than {NOTICEABLE_POINTS:g} point, two "
            f"similarities if by no more than {NOTICEABLE_SIMILARITY:g}.",
        )
    )


def counts(verdicts: Sequence[Verdict]) -> Sentences:
    """Say how many claims of the paper and of the other works are decided, and how."""
    own = [verdict for verdict in verdicts if verdict.source == OWN_SOURCE]
    others = [verdict for verdict in verdicts if verdict.source != OWN_SOURCE]
    pairs = (("the paper", own), ("the other works", others))
    return Sentences(tuple(_count(name, group) for name, group in pairs if group)) if verdicts else NOTHING


def reasons(verdicts: Sequence[Verdict]) -> Sentences:
    """Give, for every decided claim, the verdict, where it holds, what the weakest combination says, and the test."""
    decided = [verdict for verdict in verdicts if verdict.evidence]
    return Sentences(tuple(_reason(verdict) for verdict in decided)) if decided else NOTHING


def controls(verdicts: Sequence[Verdict]) -> Sentences:
    """Say what is left of a trend among live weights, and what untrained networks show."""
    points = tuple(
        f"**{verdict.id}** {_outcome(verdict)}. {verdict.control}" for verdict in verdicts if verdict.control
    )
    return Sentences(points) if points else _NO_CONTROL


def uncovered(verdicts: Sequence[Verdict]) -> Sentences:
    """Name the claims of the paper that these measurements do not decide, and what they would need."""
    own = [verdict for verdict in verdicts if verdict.source == OWN_SOURCE]
    points = tuple(f"**{verdict.id}** {verdict.reason}" for verdict in own if not verdict.evidence)
    return Sentences(points or ("Every claim of the paper is decided.",))


def _count(name: str, verdicts: Sequence[Verdict]) -> str:
    found = Counter(verdict.verdict for verdict in verdicts)
    indicative = sum(verdict.indicative for verdict in verdicts)
    parts = ", ".join(f"{found[outcome]} {outcome}" for outcome in _OUTCOMES)
    decided = len(verdicts) - found["not covered"]
    return (
        f"Of {len(verdicts)} claims of {name}, {decided} are decided here: {parts}; {indicative} of these verdicts "
        f"are indicative. Not covered: {found['not covered']}."
    )


def _outcome(verdict: Verdict) -> str:
    return f"({verdict.verdict}, indicative)" if verdict.indicative else f"({verdict.verdict})"


def _reason(verdict: Verdict) -> str:
    evidence = f"*Weakest evidence:* {verdict.statistic}."
    return f"**{verdict.id}** {_outcome(verdict)}. {verdict.reason} {evidence} *Test:* {verdict.test}"
