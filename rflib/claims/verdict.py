"""The verdict on one claim, and how it follows from the evidence of all combinations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rflib.claims.assessment import FEWEST_SEEDS, corrected
from rflib.claims.evidence import Evidence
from rflib.claims.readings import Readings
from rflib.claims.statistics import Interval
from rflib.pipeline.origin import METADATA, Origin

Outcome = Literal["reproduced", "partly", "not reproduced", "not covered"]


@dataclass(frozen=True)
class Finding:
    """What a rule found: evidence by combination, None where something is missing.

    Beside it a remark on the verdict, what a control says, and why there is no evidence where that is not obvious.
    """

    evidence: Sequence[Evidence | None]
    remark: str = ""
    control: str = ""
    lacking: str = ""


@dataclass(frozen=True)
class Rule:
    """How a claim is decided: the function, the test in plain words, what it needs, and where its numbers are shown.

    `chapter` and `figures` (labels of tables and figures there) point the reader on. `scope`: the combinations that the
    claim speaks of, so that those without evidence can be named. `most`: it speaks of most of them and not of all.
    """

    find: Callable[[Readings], Finding]
    test: str
    needs: str
    chapter: str
    figures: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    most: bool = False


class Verdicts(list["Verdict"]):
    """Verdicts in order; `attrs` holds the measurements behind them, as that of a frame does."""

    def __init__(self, verdicts: Iterable[Verdict], origin: Origin) -> None:
        super().__init__(verdicts)
        self.attrs = {METADATA: origin}


@dataclass(frozen=True)
class Verdict:
    """One claim, decided or not.

    `statistic`, `interval` and `p` (Holm-corrected) are those of the weakest combination, the one that fits the claim
    least; `n` is the fewest seeds of any. All four are empty for what needs no seeds or is not covered. `indicative`:
    something rests on the direction of means alone. `control` says what is left of a trend among live weights, or in
    untrained networks.
    """

    id: str
    source: str
    section: str
    claim: str
    verdict: Outcome
    reason: str
    indicative: bool = False
    statistic: str = ""
    interval: Interval | None = None
    p: float | None = None
    n: int | None = None
    test: str = ""
    chapter: str = ""
    figures: tuple[str, ...] = ()
    control: str = ""
    evidence: tuple[Evidence, ...] = ()

    @property
    def label(self) -> str:
        """The outcome as readers see it, marked where it is indicative."""
        return f"{self.verdict}, indicative" if self.indicative else self.verdict


def conclude(claim: Mapping[str, str], rule: Rule | None, readings: Readings) -> Verdict:
    """Return the verdict on `claim`, a row of `reported.claims`, from what a study holds; without a rule, uncovered."""
    verdict = uncovered(claim, f"Needs a measurement of: {claim['measurable_as']}.")
    if rule is None:
        return verdict
    verdict = replace(verdict, test=rule.test, chapter=rule.chapter, figures=rule.figures)
    finding = rule.find(readings)
    evidence = corrected([each for each in finding.evidence if each is not None])
    if not evidence:
        return replace(verdict, reason=finding.lacking or f"This study lacks what the test needs: {rule.needs}.")
    weakest = max(evidence, key=lambda each: (not each.holds, each.corrected_p or 0.0, -each.beyond))
    return replace(
        verdict,
        verdict=_outcome(evidence, most=rule.most),
        reason=" ".join(
            part
            for part in (_where(evidence), _unmeasured(evidence, rule.scope), _strength(evidence), finding.remark)
            if part
        ),
        indicative=any(each.indicative for each in evidence),
        statistic=f"{weakest} (weakest of {len(evidence)})" if len(evidence) > 1 else str(weakest),
        interval=weakest.interval,
        p=weakest.corrected_p,
        n=min((each.seeds for each in evidence if each.seeds is not None), default=None),
        control=finding.control,
        evidence=evidence,
    )


def uncovered(claim: Mapping[str, str], reason: str) -> Verdict:
    """Return the verdict on a claim that nothing here decides."""
    return Verdict(claim["id"], claim["source"], claim["section"], claim["claim"], "not covered", reason)


def _outcome(evidence: Sequence[Evidence], *, most: bool) -> Outcome:
    held = sum(each.holds for each in evidence)
    if held == len(evidence) or (most and 2 * held > len(evidence)):
        return "reproduced"
    return "partly" if held else "not reproduced"


def _where(evidence: Sequence[Evidence]) -> str:
    held = "; ".join(each.where for each in evidence if each.holds)
    failed = "; ".join(each.where + " (the opposite)" * each.opposite for each in evidence if not each.holds)
    return " ".join([f"Holds for {held}."] * bool(held) + [f"Does not hold for {failed}."] * bool(failed))


def _unmeasured(evidence: Sequence[Evidence], scope: Sequence[str]) -> str:
    missing = [name for name in scope if not any(each.where.startswith(name) for each in evidence)]
    return f"Not decided for {'; '.join(missing)}." if missing else ""


def _strength(evidence: Sequence[Evidence]) -> str:
    """Say why something is indicative: too few seeds, or a test that could not have succeeded."""
    weak = [each for each in evidence if each.indicative]
    if not weak:
        return ""
    if any((each.seeds or 0) < FEWEST_SEEDS for each in weak):
        return (
            f"Where there are fewer than {FEWEST_SEEDS} seeds, the direction of the means speaks and nothing is tested."
        )
    return "With so few kernels and seeds no test could succeed, so the direction of the means speaks."
