"""The verdict on one claim, and how it follows from the evidence of all combinations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rflib.paper.verdicts.assessment import FEWEST_SEEDS, corrected
from rflib.paper.verdicts.evidence import Evidence
from rflib.paper.verdicts.readings import Readings
from rflib.paper.verdicts.statistics import Interval
from rflib.study.origin import METADATA, Origin

Outcome = Literal["reproduced", "partly", "not reproduced", "not seen", "not covered"]
Strength = Literal["exact", "tested", "indicative"]


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

    `figures` (labels of tables and figures in the chapter) point the reader on, and so does `chapter`, which the list
    of the claims fills in. `scope`: the combinations that the claim speaks of, so that those without evidence can be
    named. `most`: it speaks of most of them and not of all.
    """

    find: Callable[[Readings], Finding]
    test: str
    needs: str
    figures: tuple[str, ...] = ()
    chapter: str = field(default="", kw_only=True)
    scope: tuple[str, ...] = ()
    most: bool = False


class Verdicts(list["Verdict"]):
    """Verdicts in order; `attrs` holds the measurements behind them, as that of a frame does."""

    def __init__(self, verdicts: Iterable[Verdict], origin: Origin) -> None:
        super().__init__(verdicts)
        self.attrs = {METADATA: origin}


@dataclass(frozen=True)
class Coverage:
    """Of how many combinations a claim speaks, how many of them were decided, and in how many it holds in full."""

    holds: int
    decided: int
    scope: int


@dataclass(frozen=True)
class Verdict:
    """One claim, decided or not.

    `statistic`, `interval`, `p` (Holm-corrected) and `n` are those of the weakest combination, the one that fits the
    claim least; all four are empty for what needs no seeds or is not covered. `indicative`: something rests on the
    direction of means alone. `control` says what the same test shows where a confound is held still: among live
    weights, with re-estimated statistics, in untrained networks. `undecided` is evidence that decides nothing.
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
    undecided: tuple[Evidence, ...] = ()
    coverage: Coverage | None = None

    @property
    def label(self) -> str:
        """The outcome as readers see it, with the part of its scope that it covers, marked where it is indicative."""
        if self.verdict == "not seen":
            return f"not seen ({'one run' if self.n == 1 else f'{self.n} seeds'})"
        covered, share = self.coverage, ""
        if covered and self.verdict != "not reproduced" and 0 < covered.holds < covered.scope:
            share = f" ({covered.holds} of {covered.scope})"
        elif covered and covered.decided < covered.scope:
            share = f" ({covered.decided} of {covered.scope} decided)"
        return f"{self.verdict}{share}, indicative" if self.indicative else f"{self.verdict}{share}"

    @property
    def strength(self) -> Strength | None:
        """What the verdict rests on: exact facts, tests alone, or also means without a test; None if not covered."""
        if not self.evidence:
            return None
        if self.indicative:
            return "indicative"
        return "exact" if all(each.settled and each.seeds is None for each in self.evidence) else "tested"

    @property
    def largest_p(self) -> float | None:
        """The largest corrected p-value of its combinations, which bounds that of all together; None if untested."""
        found = [each.corrected_p for each in self.evidence if each.corrected_p is not None]
        return max(found) if found and self.strength == "tested" else None


def conclude(claim: Mapping[str, str], rule: Rule | None, readings: Readings) -> Verdict:
    """Return the verdict on `claim`, a row of `reported.claims`, from what a study holds; without a rule, uncovered."""
    verdict = uncovered(claim, f"Needs a measurement of: {claim['measurable_as']}.")
    if rule is None:
        return verdict
    verdict = replace(verdict, test=rule.test, chapter=rule.chapter, figures=rule.figures)
    finding = rule.find(readings)
    found = corrected([each for each in finding.evidence if each is not None])
    evidence = tuple(each for each in found if not each.undecided)
    undecided = tuple(each for each in found if each.undecided)
    if not evidence:
        reason = finding.lacking or f"This study lacks what the test needs: {rule.needs}."
        return replace(verdict, reason=_open(undecided, ()) or reason, undecided=undecided)
    weakest = max(evidence, key=Evidence.weakness)
    indicative = any(each.indicative for each in evidence)
    coverage = _coverage(evidence, undecided, rule.scope)
    parts = (_where(evidence), _open(undecided, _unmeasured(found, rule.scope)), _strength(evidence), finding.remark)
    return replace(
        verdict,
        verdict=_outcome(evidence, coverage, most=rule.most, indicative=indicative),
        reason=" ".join(part for part in parts if part),
        indicative=indicative,
        statistic=f"{weakest} (weakest of {len(evidence)})" if len(evidence) > 1 else str(weakest),
        interval=weakest.interval,
        p=weakest.corrected_p,
        n=_seeds(weakest, evidence),
        control=finding.control,
        evidence=evidence,
        undecided=undecided,
        coverage=coverage,
    )


def uncovered(claim: Mapping[str, str], reason: str) -> Verdict:
    """Return the verdict on a claim that nothing here decides."""
    return Verdict(claim["id"], claim["source"], claim["section"], claim["claim"], "not covered", reason)


def _outcome(evidence: Sequence[Evidence], coverage: Coverage, *, most: bool, indicative: bool) -> Outcome:
    """Return the outcome; reproduced needs a combination in which the whole claim holds, and none in which it fails."""
    held = sum(each.holds for each in evidence)
    if coverage.holds and (held == len(evidence) or (most and 2 * held > len(evidence))):
        return "reproduced"
    if held:
        return "partly"
    # That a few untested runs do not show something is no sign that it is not there.
    return "not seen" if indicative else "not reproduced"


def _coverage(evidence: Sequence[Evidence], undecided: Sequence[Evidence], scope: Sequence[str]) -> Coverage:
    """Count combinations by the names of the scope; where a claim names none, every piece of evidence is one."""
    names = scope or [each.where for each in (*evidence, *undecided)]
    groups = [[each for each in evidence if each.where.startswith(name)] for name in names]
    open_names = [each.where for each in undecided]
    whole = [
        bool(group) and all(each.holds for each in group) and not any(place.startswith(name) for place in open_names)
        for name, group in zip(names, groups, strict=True)
    ]
    return Coverage(sum(whole), sum(map(bool, groups)), len(names))


def _seeds(weakest: Evidence, evidence: Sequence[Evidence]) -> int | None:
    """Return the seeds of the weakest combination; where that is exact, the fewest of those that need some."""
    if weakest.seeds is not None:
        return weakest.seeds
    return min((each.seeds for each in evidence if each.seeds is not None), default=None)


def _where(evidence: Sequence[Evidence]) -> str:
    held = "; ".join(each.where for each in evidence if each.holds)
    failed = "; ".join(each.where + " (the opposite)" * each.opposite for each in evidence if not each.holds)
    return " ".join([f"Holds for {held}."] * bool(held) + [f"Not shown for {failed}."] * bool(failed))


def _open(undecided: Sequence[Evidence], unmeasured: Sequence[str]) -> str:
    """Say what is not decided and why: nothing is left, too few images, or not measured."""
    parts = [f"{each.where} ({each.undecided})" for each in undecided]
    parts += [f"{name} (not measured)" for name in unmeasured]
    return f"Not decided for {'; '.join(parts)}." if parts else ""


def _unmeasured(found: Sequence[Evidence], scope: Sequence[str]) -> list[str]:
    return [name for name in scope if not any(each.where.startswith(name) for each in found)]


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
