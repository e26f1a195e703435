"""What the sentences about noise before pruning are filled from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters.noise_before_pruning import benefit, variances
from rflib.paper.say import NOTHING, say

Given = Callable[[pd.DataFrame], None]
RUN = ["architecture", "pool_kernel", "seed"]


@pytest.fixture
def copies_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(benefit, "noise_runs", lambda *_, **__: frame)


@pytest.fixture
def variances_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(variances, "variance_runs", lambda *_, **__: frame)


def copies(kernel: int, order: str, gains: float, mean: float = 0.5) -> pd.DataFrame:
    """Return the chosen recipes of two seeds that lie a point to both sides of a mean."""
    rows = [("rf_vgg19", kernel, seed, 0.9, order, gains + 2 * seed - 1, mean) for seed in (0, 1)]
    return pd.DataFrame(rows, columns=[*RUN, "rate", "order", "benefit", "mean_benefit"])


def test_benefits_beside_their_control(copies_are: Given) -> None:
    before = [copies(1, "before", 3.0), copies(4, "before", 0.5, -2.0)]
    copies_are(pd.concat([*before, copies(1, "after", 2.0), copies(4, "after", 1.0)], ignore_index=True))
    template = (
        "{rate:g}: {benefit[count]} {benefit[range]:+.1f}, {mean_benefit[range]:+.1f}, {beyond[range]:+.1f} ({n})"
    )
    assert say(template, benefit.controlled_benefit(None), per="rate").points == (
        "0.9: 2 +0.5 to +3.0 points, -2.0 to +0.5 points, -0.5 to +1.0 points (n = 2)",
    )
    assert benefit.controlled_benefit(None)["beyond_sd"].tolist() == [0, 0], "seed by seed"


def test_without_the_control_the_benefit_is_said_alone(copies_are: Given) -> None:
    copies_are(copies(1, "before", 3.0))
    found = benefit.controlled_benefit(None)
    assert say("{benefit[range]:+.1f}", found, per="rate").points == ("+3.0 points",)
    assert say("{beyond[range]:+.1f}", found, per="rate") == NOTHING


def variance(rate: float, order: str, scale: float, discrepancy: float, change: float = 0.0, **columns: Any) -> Any:
    row = {"architecture": "rf_vgg19", "pool_kernel": 1, "seed": 0, "calibrated": False, "rate": rate, "order": order}
    return row | {"scale": scale, "discrepancy": discrepancy, "change": change} | columns


CASES = (
    *((0.5, "none", 0.0, 0.2), (0.8, "none", 0.0, 0.7), (0.9, "none", 0.0, 1.5)),
    *((0.5, "before", 0.2, 0.1, -0.1), (0.9, "before", 0.1, 1.4, -0.1), (0.9, "before", 0.2, 1.0, -0.5)),
    (0.9, "after", 0.2, 1.25, -0.25),
)


def test_variances_at_both_ends_with_both_statistics(variances_are: Given) -> None:
    cases = [variance(*case, calibrated=calibrated) for calibrated in (False, True) for case in CASES]
    variances_are(pd.DataFrame(cases))
    template = (
        "{calibrated}: {at_lowest} at {lowest:g}, {at_highest} at {highest:g}, {before:+.2f} and {after:+.2f} ({n})"
    )
    rest = ": 0.20 at 0.5, 1.50 at 0.9, -0.30 and -0.25 (n = 1)"
    assert say(template, variances.discrepancies(None), per="calibrated").points == (
        f"as they were{rest}",
        f"re-estimated{rest}",
    )


def test_a_seed_without_noise_keeps_what_it_has(variances_are: Given) -> None:
    plain = [variance(*case, seed=1) for case in CASES if case[1] == "none"]
    variances_are(pd.DataFrame([variance(*case) for case in CASES] + plain))
    first, second = variances.discrepancy_runs(None).sort_values("seed").to_dict("records")
    assert (first["at_lowest"], first["at_highest"], first["after"]) == (0.2, 1.5, -0.25)
    assert (second["at_lowest"], second["at_highest"]) == (0.2, 1.5)
    assert pd.isna(second["before"])


def test_nothing_measured(copies_are: Given, variances_are: Given) -> None:
    copies_are(copies(1, "before", 3.0).iloc[:0])
    variances_are(pd.DataFrame([variance(*CASES[0])]).iloc[:0])
    assert say("{benefit[range]}", benefit.controlled_benefit(None), per="rate") == NOTHING
    assert say("{at_lowest}", variances.discrepancies(None)) == NOTHING
