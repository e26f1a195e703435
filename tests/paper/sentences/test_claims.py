from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from rflib.paper.chapters import claims as words
from rflib.paper.claims import Evidence, Verdict
from rflib.paper.say import NOTHING
from rflib.paper.verdicts.verdict import Coverage
from rflib.study.study import open_study

HOLDS = Evidence("rf_vgg19, small images", "points", -3.0, -1, True, seeds=2)
DECIDED = Verdict(
    "RR-01",
    "rf-representations",
    "3.3",
    "Accuracy falls.",
    "reproduced",
    "Holds for rf_vgg19, small images.",
    indicative=True,
    statistic=str(HOLDS),
    n=2,
    test="Dense accuracy falls.",
    evidence=(HOLDS,),
    coverage=Coverage(1, 1, 4),
)
PARTLY = replace(DECIDED, id="RR-02", verdict="partly", indicative=False, control="Among live weights it disappears.")
OPEN = Verdict("RR-18", "rf-representations", "3.5", "Layers learn less.", "not covered", "Needs probes.")
OTHER = replace(OPEN, id="DP-01", source="dead-pixel")


def test_verdicts_are_counted_by_work() -> None:
    paper, others = words.counts([DECIDED, PARTLY, OPEN, OTHER]).points
    assert paper == (
        "Of 3 claims of the paper, 2 are decided here: 1 reproduced, 1 partly, 0 not reproduced, 0 not seen. Of the "
        "reproduced ones, 0 are so in all that the claim speaks of and 1 in a part of it. What the verdicts rest on: 0 "
        "exact, without seeds or tests, 1 tested over seeds, 1 indicative, from runs too few to test. Not covered: 1."
    )
    assert others.startswith("Of 1 claims of the other works, 0 are decided here")
    exact = replace(PARTLY, n=None, evidence=(Evidence("here", "px", 3.0, 1, True, settled=True),))
    assert "1 exact, without seeds or tests, 0 tested" in words.counts([exact]).points[0]
    assert words.counts([]) == NOTHING


def test_a_reason_has_verdict_evidence_and_test() -> None:
    (point,) = words.reasons([DECIDED, OPEN]).points
    assert point == (
        "**RR-01** (reproduced (1 of 4), indicative). Holds for rf_vgg19, small images. *Weakest evidence:* rf_vgg19, "
        "small images: -3.00 points. *Test:* Dense accuracy falls."
    )
    assert words.reasons([OPEN]) == NOTHING


def test_controls_and_what_is_not_covered() -> None:
    assert words.controls([DECIDED, PARTLY]).points == (
        "**RR-02** (partly (1 of 4)). Among live weights it disappears.",
    )
    assert "No claim that has a control" in str(words.controls([DECIDED]))
    assert words.uncovered([DECIDED, OPEN, OTHER]).points == ("**RR-18** Needs probes.",)
    assert words.uncovered([DECIDED]).points == ("Every claim of the paper is decided.",)


@pytest.mark.parametrize("text", ["at most 0.05", "fewer than 3 seeds", "at least 0.5 in size", "0.05 of similarity"])
def test_the_rules_state_the_numbers_that_the_code_uses(text: str) -> None:
    assert text in str(words.rules())


@pytest.mark.parametrize(
    ("verdict", "style"),
    [
        ("reproduced", "success"),
        ("reproduced (2 of 4)", "success"),
        ("partly (1 of 4), indicative", "warning"),
        ("not reproduced (2 of 4 decided)", "danger"),
        ("not seen (one run)", "secondary"),
        ("not covered", "secondary"),
    ],
)
def test_rows_have_an_anchor_and_a_badge_that_says_the_verdict(verdict: str, style: str) -> None:
    row = words.anchored(pd.DataFrame({"id": ["RR-01"], "verdict": [verdict], "claim": ["c"]})).iloc[0]
    assert row.to_dict() == {
        "id": "[RR-01]{#claim-rr-01}",
        "verdict": f"{{bdg-{style}-line}}`{verdict}`",
        "claim": "c",
    }


def test_a_chapter_lists_its_claims_and_links_each_badge_to_its_row() -> None:
    study = open_study("open-questions", profile="published")
    points = words.of_chapter(study, "PT-08").points
    own, other = (next(point for point in points if f"({name})" in point) for name in ("RR-24", "PT-08"))
    assert own.startswith("The intervention also changes the size of the internal maps")
    assert re.search(r"\(RR-24\)\. \{bdg-ref-\w+-line\}`[a-z0-9(), ]+ <claim-rr-24>`$", own)
    assert other.endswith(" <claim-pt-08>`")
    assert words.of_chapter(replace(study, chapter="experimental-settings")) == NOTHING


def test_false_discoveries_over_all_tested_claims_are_told() -> None:
    def tested(name: str, p: float) -> Verdict:
        evidence = (replace(HOLDS, p=p, corrected_p=p, seeds=3),)
        return replace(DECIDED, id=name, indicative=False, evidence=evidence)

    some = [tested("RR-01", 0.001), tested("RR-02", 0.049), replace(tested("RR-03", 0.9), verdict="not reproduced")]
    (said,) = words.discoveries(some).points
    assert "over all 3 claims" in said
    assert said.endswith("1 of the 2 reproduced ones stay, without RR-02.")
    assert words.discoveries([DECIDED]) == NOTHING
