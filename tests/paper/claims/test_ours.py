"""Claims of this book in worlds of formulas: as claimed, against it, and where they say nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rflib.paper.claims import Verdict

Decide = Callable[..., Verdict]

VGG = "rf_vgg19, small images"
CALIBRATED = {"calibrated": {"calibration_images": 64, "rates": [0.5, 0.8, 0.9]}}
RESCALED = {"controls": {"rescaled": {"factors": [1, 10], "rates": [0.5, 0.9]}}}


def many_dead(model: Any) -> float:
    return 0.5 if model.pool_kernel > 2 else 0.0


def none_dead(model: Any) -> float:
    return 0.0


def kept_by_rank(model: Any, scope: str, rate: float) -> float:
    """Larger fields keep more among all weights, and nothing but half among live ones."""
    return 0.5 if scope == "live" else 0.5 + 0.1 * model.pool_kernel


@pytest.mark.parametrize(
    ("kept", "expected"),
    [(kept_by_rank, "reproduced"), (lambda model, scope, rate: 0.5, "not reproduced")],
)
def test_dead_taps_are_free_where_live_pruning_leaves_less(verdict_on: Decide, kept: Any, expected: str) -> None:
    verdict = verdict_on("OQ-01", dead_share=many_dead, kept=kept, large=None)
    assert verdict.verdict == expected
    assert verdict.n == 3


def test_without_dead_taps_the_first_claim_says_nothing(verdict_on: Decide) -> None:
    assert verdict_on("OQ-01", dead_share=none_dead).verdict == "not covered"


@pytest.mark.parametrize(
    ("kept", "expected"),
    [(kept_by_rank, "reproduced"), (lambda model, scope, rate: 1 - 0.1 * model.pool_kernel, "not reproduced")],
)
def test_fields_without_dead_taps_are_compared_alone(verdict_on: Decide, kept: Any, expected: str) -> None:
    assert verdict_on("OQ-02", dead_share=none_dead, kept=kept).verdict == expected
    first_two = verdict_on("OQ-02", dead_share=many_dead, kept=kept, large=None)
    assert f"{VGG}, k = 1 to 2" in first_two.reason


def test_networks_that_guess_do_not_decide_what_fields_keep(verdict_on: Decide) -> None:
    verdict = verdict_on("OQ-02", dead_share=none_dead, kept=lambda model, scope, rate: 0.05, large=None)
    assert verdict.verdict == "not covered"
    assert "pruned networks guess at every field and rate" in verdict.reason


@pytest.mark.parametrize(("share", "expected"), [(0.9, "reproduced"), (0.2, "not reproduced")])
def test_new_statistics_must_make_good_more_than_half(verdict_on: Decide, share: float, expected: str) -> None:
    verdict = verdict_on(
        "OQ-03",
        small=CALIBRATED,
        large=CALIBRATED,
        kept=lambda model, scope, rate: 0.3,
        kept_calibrated=lambda model, scope, rate: 0.3 + 0.7 * share,
    )
    assert verdict.verdict == expected
    assert "Worded after rf_vgg19 had been measured at seed 0." in verdict.reason


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (lambda model, scope, rate: 1 - 0.1 * model.pool_kernel, "reproduced"),
        (lambda model, scope, rate: 0.5 + 0.1 * model.pool_kernel, "not reproduced"),
    ],
)
def test_live_weights_of_large_fields_cost_more(verdict_on: Decide, kept: Any, expected: str) -> None:
    assert verdict_on("OQ-04", small=CALIBRATED, large=CALIBRATED, kept_calibrated=kept).verdict == expected


def test_without_new_statistics_two_claims_are_not_covered(verdict_on: Decide) -> None:
    assert [verdict_on(name).verdict for name in ("OQ-03", "OQ-04")] == ["not covered"] * 2


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "reproduced"),
        ({"change_of_outputs": lambda factor: 0.5}, "not reproduced"),
        ({"pruned_with_larger_dead_taps": lambda factor: 80.0}, "not reproduced"),
    ],
)
def test_the_size_of_dead_taps_must_change_pruning_and_nothing_else(
    verdict_on: Decide, changed: Any, expected: str
) -> None:
    verdict = verdict_on("OQ-05", small=RESCALED, large=None, dead_share=many_dead, **changed)
    assert verdict.verdict == expected


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (lambda model, scope, rate: min(1.0, 0.2 + 0.2 * model.pool_kernel), "reproduced"),
        (lambda model, scope, rate: 1 - 0.1 * model.pool_kernel, "not reproduced"),
    ],
)
def test_enlarged_images_are_judged_without_dead_taps(verdict_on: Decide, kept: Any, expected: str) -> None:
    runs = {2: [0, 1, 2], 3: [0, 1, 2], 4: [0, 1, 2]}
    small = {**CALIBRATED, "controls": {"enlarged": {"image_size": 64, "epochs": 2, "runs": runs}}}
    verdict = verdict_on("OQ-06", small=small, large=None, dead_share=none_dead, kept=kept)
    assert verdict.verdict == expected
