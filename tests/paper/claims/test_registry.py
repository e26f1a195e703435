from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from rflib.errors import UsageError
from rflib.paper import claims, reported
from rflib.paper.claims import RULES, claims_of, decide, details, table
from rflib.study.plans import PLANS, plan
from rflib.study.study import Study

ROOT = Path(__file__).parents[3]
Make = Callable[..., Study]


class Partial:
    """A store that lacks what it is told to."""

    def __init__(self, whole: Any, lacking: set[str]) -> None:
        self.whole, self.lacking, self.root = whole, lacking, "partial"

    def has_measurement(self, key: Any) -> bool:
        return key.id not in self.lacking

    def load_measurement(self, key: Any) -> Any:
        assert key.id not in self.lacking, "asked for what is missing"
        return self.whole.load_measurement(key)


def without(study: Study, lacks: Callable[[Any], bool]) -> Study:
    lacking = {item.key.id for item in study.items if lacks(item)}
    return replace(study, store=Partial(study.store, lacking))  # type: ignore[arg-type]


def test_every_claim_gets_a_verdict_in_the_order_of_the_list(study: Make) -> None:
    nothing = without(study(), lambda item: True)
    verdicts = decide(nothing)
    listed = reported.claims()
    assert [verdict.id for verdict in verdicts] == listed["id"].tolist()
    assert [verdict.claim for verdict in verdicts] == listed["claim"].tolist()
    assert {verdict.verdict for verdict in verdicts} == {"not covered"}
    assert all(verdict.reason.endswith(".") for verdict in verdicts)
    assert all(verdict.p is None and verdict.n is None and not verdict.evidence for verdict in verdicts)


def test_why_nothing_is_decided_is_said(study: Make) -> None:
    reasons = {verdict.id: verdict.reason for verdict in decide(without(study(), lambda item: True))}
    assert reasons["RR-12"].startswith("This study lacks what the test needs: training runs of rf_resnet50")
    assert reasons["RR-25"].startswith("This study lacks what the test needs: effective fields")
    assert reasons["PT-11"].startswith("Its parts are decided as RR-11 and RR-12")


def test_the_rules_are_of_claims_that_exist() -> None:
    listed = set(reported.claims()["id"])
    assert set(RULES) <= listed
    own = {name for name in listed if name.startswith("RR-")}
    assert own <= set(RULES)
    assert {name for name in listed if name.startswith("DP-")} <= set(RULES)
    others = {name for name in RULES if name.startswith(("PT-", "GD-"))}
    assert {name for name in listed if name.startswith("PT-")} - others == {"PT-11"}
    assert {name for name in listed if name.startswith("GD-")} - others == {"GD-01"}
    assert {name for name in listed if name.startswith("RF-")} - set(RULES) == {"RF-04", "RF-06"}


def test_every_claim_is_treated_in_one_chapter() -> None:
    treated = [name for chapter in PLANS for name in claims_of(chapter)]
    assert sorted(treated) == sorted(reported.claims()["id"])


@pytest.mark.parametrize("chapter", [chapter for chapter in PLANS if claims_of(chapter)])
def test_a_chapters_own_study_decides_its_claims_as_that_of_all_chapters_does(chapter: str, study: Make) -> None:
    whole = study()
    own = replace(whole, chapter=chapter, items=plan(chapter, whole.profile))
    assert decide(own, *claims_of(chapter)) == decide(whole, *claims_of(chapter))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_points_to_what_exists_and_says_its_test(name: str) -> None:
    rule = RULES[name]
    assert rule.chapter in PLANS
    source = (ROOT / "notebooks" / f"{rule.chapter}.md").read_text(encoding="utf-8")
    for label in rule.figures:
        assert re.search(rf"(name: |name=\"){label}\b", source), label
    assert re.search(r"\.$", rule.test)
    assert not rule.needs.endswith(".")


def test_one_claim_alone_and_one_that_does_not_exist(study: Make) -> None:
    assert [verdict.id for verdict in decide(study(), "RR-08", "RR-06")] == ["RR-06", "RR-08"]
    with pytest.raises(UsageError, match=r"unknown claim 'RR-1': expected one of DP-01, .*Did you mean 'RR-"):
        decide(study(), "RR-1")


@pytest.mark.parametrize("seed", range(4))
def test_a_study_that_lacks_anything_at_random_is_decided_without_failing(study: Make, seed: int) -> None:
    choose = random.Random(seed)
    share = choose.uniform(0.2, 0.9)
    partial = without(study(), lambda item: choose.random() < share)
    verdicts = decide(partial)
    assert len(verdicts) == len(reported.claims())
    for verdict in verdicts:
        assert (verdict.verdict == "not covered") == (not verdict.evidence)
        assert "reproduced (0" not in verdict.label
        assert verdict.p is None or 0 < verdict.p <= 1
    assert len(table(verdicts)) == len(verdicts)
    assert len(details(verdicts)) >= sum(len(verdict.evidence) for verdict in verdicts)


@pytest.mark.parametrize(
    "lacks",
    [
        lambda item: item.role == "large_images",
        lambda item: item.role == "small_images",
        lambda item: item.key.analysis != "one_shot",
        lambda item: item.key.analysis != "history",
        lambda item: item.key.analysis != "architecture",
        lambda item: item.purpose == "grid",
        lambda item: item.purpose != "grid",
    ],
)
def test_a_study_that_lacks_a_kind_is_decided_without_failing(study: Make, lacks: Callable[[Any], bool]) -> None:
    assert len(decide(without(study(), lacks))) == len(reported.claims())


def test_a_profile_that_leaves_out_a_role_or_a_network(study: Make) -> None:
    for changes in ({"large": None}, {"small": None}, {"small": {"pool_kernels": {"rf_vgg19": [2]}}}):
        assert len(decide(study(**changes))) == len(reported.claims())


def test_what_is_missing_is_neither_asked_for_nor_computed(study: Make) -> None:
    whole = study()
    assert decide(without(whole, lambda item: item.key.analysis == "spectrum"), "RR-01") == decide(whole, "RR-01")


def test_the_table_is_in_the_order_of_the_sections(study: Make) -> None:
    verdicts = decide(
        study(large=None), "RR-01", "RR-06", "RR-07", "RR-10", "RR-22", "RR-24", "RR-05", "PT-06", "DP-01"
    )
    frame = table(verdicts)
    assert frame["id"].tolist() == ["RR-07", "RR-06", "RR-01", "RR-10", "RR-22", "RR-24", "RR-05", "DP-01", "PT-06"]
    assert frame["heading"].tolist()[:3] == [
        "1 Introduction",
        "3.2 Manipulating the receptive field",
        "3.3 Receptive field, accuracy and pruning",
    ]
    row = frame.set_index("id").loc["RR-01"]
    assert (row["verdict"], row["seeds"], row["shown_in"]) == (
        "reproduced (2 of 4)",
        "3",
        "{numref}`table-1`, {numref}`table-2`",
    )
    assert row["low"] < row["high"] < -10, "the interval is that of the change, in points"
    chapter = "manipulating-the-receptive-field"
    assert frame.set_index("id").loc["RR-06", "shown_in"] == f"[{chapter.replace('-', ' ')}]({chapter})"


def test_an_indicative_verdict_says_so_in_the_table(study: Make) -> None:
    frame = table(decide(study(), "RR-13"))
    assert frame["verdict"].tolist() == ["reproduced, indicative"]


def test_details_hold_every_part_with_the_verdict_of_the_whole(study: Make) -> None:
    frame = details(decide(study(large=None), "RR-05"))
    assert frame["where"].tolist() == [
        "rf_vgg19, small images, k = 1",
        "rf_vgg19, small images, growth over k",
        "rf_vgg19, small images, k = 4, loss at rate 0.9",
        "rf_resnet50, small images, k = 1",
        "rf_resnet50, small images, growth over k",
        "rf_resnet50, small images, k = 4, loss at rate 0.9",
    ]
    assert frame["measure"].tolist() == ["points", "rank correlation", "points"] * 2
    assert frame["together_holds"].all()
    assert (frame["corrected_p"] != "").all()
    assert details([]).empty


def test_public_names() -> None:
    assert [name for name in claims.__all__ if not hasattr(claims, name)] == []
    assert isinstance(table([]), pd.DataFrame)
    assert "evidence" in {field.name for field in fields(claims.Verdict)}


def test_the_chapter_of_the_verdicts_is_in_the_book() -> None:
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    files = [chapter["file"] for part in parts for chapter in part["chapters"]]
    assert "notebooks/claims" in files
