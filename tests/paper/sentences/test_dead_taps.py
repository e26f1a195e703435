"""What the sentences about dead taps are filled from."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from rflib.paper.chapters.open_questions import dead_taps
from rflib.paper.say import NOTHING, say

Frames = dict[str, pd.DataFrame]
EACH = {"per": ["title", "architecture"]}


def kept(plain: list[float], live: list[float], dead: list[float], *, n: int = 2, **columns: object) -> pd.DataFrame:
    """Return `tolerance` of rf_vgg19, one row a pool kernel."""
    kernels = range(1, len(plain) + 1)
    table = pd.DataFrame(
        {
            "architecture": "rf_vgg19",
            "pool_kernel": kernels,
            "map_size": "shrinking",
            "receptive_field": [178.0 * kernel + 2 for kernel in kernels],
            "dead_share": dead,
            "kept_mean": plain,
            "kept_live_mean": live,
            "n": n,
        }
    )
    return table.assign(**columns)


NONE = kept([], [], [])


@pytest.fixture
def study_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a study whose roles have these frames, in the place of those of a function of the chapter."""

    def given(name: str, frames: Frames) -> Any:
        monkeypatch.setattr(dead_taps, name, lambda *_, role: frames[role])
        roles = {role: SimpleNamespace(title=role) for role in frames}
        return SimpleNamespace(profile=SimpleNamespace(roles=roles))

    return given


def test_runs_are_averaged_over_rates_where_many_taps_are_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = {1: [0.0, 0.5], 2: [30.0, 40.0, 50.0], 3: [99.0], 4: [30.0, 40.0]}
    rows = [
        ("rf_vgg19", k, seed, rate, 50.0 + sign, 50 - gap)
        for k, values in gaps.items()
        for seed, gap in enumerate(values)
        for rate, sign in ((0.8, +5.0), (0.9, -5.0))
    ]
    runs = pd.DataFrame(rows, columns=["architecture", "pool_kernel", "seed", "rate", "pruned", "live"])
    monkeypatch.setattr(dead_taps, "one_shot", lambda *_: runs)
    # The first and the third network have too few.
    monkeypatch.setattr(dead_taps, "fields", lambda *_: kept([0] * 4, [0] * 4, [0.0, 79.0, 10.0, 20.0]))
    found = dead_taps.gaps(None)  # type: ignore[arg-type]
    # Three runs, standard deviation 10, Student's quantile 4.303: 4.303 * 10 / sqrt(3) is 24.8.
    assert say("{pool_kernel}: {gap} ({n})", found, per="pool_kernel").points == (
        "2: 40.0 points [15.2, 64.8] (n = 3)",
        "4: 35.0 points (n = 2)",
    )
    monkeypatch.setattr(dead_taps, "fields", lambda *_: kept([0], [0], [0.0]))
    assert say("{gap}", dead_taps.gaps(None)) == NOTHING  # type: ignore[arg-type]
    monkeypatch.setattr(dead_taps, "one_shot", lambda *_: pd.DataFrame())
    assert say("{gap}", dead_taps.gaps(None)) == NOTHING  # type: ignore[arg-type]


def test_fields_that_grow_without_dead_taps(study_of: Callable[..., Any]) -> None:
    # The third field has dead taps and must not count.
    study = study_of("tolerance", {"digits": kept([50.0, 52.0, 100.0], [0, 0, 0], [0.0, 3.0, 79.0])})
    assert say("{title}, `{architecture}`: {kept}", dead_taps.kept_without_dead_taps(study), **EACH).points == (
        "digits, `rf_vgg19`: 50.0 % at 180 px and 52.0 % at 358 px",
    )


def test_one_field_without_dead_taps_is_no_comparison(study_of: Callable[..., Any]) -> None:
    for first in (kept([50.0, 90.0], [0, 0], [0.0, 79.0]), NONE):
        study = study_of("tolerance", {"a": first, "b": NONE})
        assert say("{kept}", dead_taps.kept_without_dead_taps(study), **EACH) == NOTHING


@pytest.fixture
def same_field(monkeypatch: pytest.MonkeyPatch) -> Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]:
    def found(grid: pd.DataFrame, variants: pd.DataFrame) -> pd.DataFrame:
        tables = {"grid": grid, "variant": variants}
        monkeypatch.setattr(dead_taps, "tolerance", lambda *_, purpose: tables[purpose])
        return dead_taps.same_field(None)  # type: ignore[arg-type]

    return found


def test_the_same_field_with_and_without_dead_taps(same_field: Callable[..., pd.DataFrame]) -> None:
    grid = kept([50.0, 90.0], [0, 0], [0.0, 79.0])
    variant = kept([50.0, 20.0], [0, 0], [0.0, 0.0], map_size="padded")
    template = (
        "{receptive_field:.0f}: {map_size}, {dead_share:.0f}: {kept:.0f}; {dead_share_shrinking:.0f}: "
        "{kept_shrinking:.0f}. {smallest_field:.0f}: {kept_smallest:.0f}"
    )
    assert say(template, same_field(grid, variant)).points == (
        "358 px: maps kept by padding, 0 %: 20 %; 79 %: 90 %. 180 px: 50 %",
    )
    assert say(template, same_field(NONE, variant)) == say(template, same_field(grid, NONE)) == NOTHING


def test_a_variant_with_dead_taps_of_its_own_tells_nothing(same_field: Callable[..., pd.DataFrame]) -> None:
    grid = kept([50.0, 90.0], [0, 0], [0.0, 79.0])
    assert same_field(grid, kept([5.0, 9.0], [0, 0], [0.0, 60.0], map_size="dilated")).empty


def test_correlations_are_of_ranks_over_all_networks(study_of: Callable[..., Any]) -> None:
    first = kept([10.0, 20.0], [40.0, 30.0], [0.0, 3.0])
    second = kept([30.0, 400.0], [20.0, 10.0], [50.0, 79.0]).assign(receptive_field=[700.0, 900.0])
    template = "{beside}, {networks}: {plain:+.2f} and {control:+.2f}"
    found = dead_taps.correlations(study_of("tolerance", {"a": first, "b": second, "c": NONE}))
    assert say(template, found, per="beside").points == (
        "the share of dead taps, 4: +1.00 and -1.00",
        "the field, 4: +1.00 and -1.00",
    )
    few = dead_taps.correlations(study_of("tolerance", {"a": first}))
    assert say(template, few, per="beside") == NOTHING
    assert say(template, dead_taps.correlations(study_of("tolerance", {"a": NONE})), per="beside") == NOTHING


def test_what_does_not_vary_has_no_correlation(study_of: Callable[..., Any]) -> None:
    living = kept([10.0, 20.0, 30.0, 40.0], [10.0, 20.0, 30.0, 40.0], [0.0] * 4)
    found = dead_taps.correlations(study_of("tolerance", {"a": living}))
    assert say("{beside}: {plain:+.2f}", found, per="beside").points == ("the field: +1.00",)


def gained(plain: float, live: float, dead: float, *, n: int = 2) -> pd.DataFrame:
    """Return `advantage`: a small step, the largest field, and two variants that are left out."""
    table = pd.DataFrame(
        {
            "architecture": "rf_vgg19",
            "pool_kernel": [2, 4, 4, 4],
            "base_kernel": 1,
            "map_size": ["shrinking", "shrinking", "padded", "shrinking"],
            "pool_dilation": [1, 1, 1, 2],
            "receptive_field": [358.0, 714.0, 714.0, 717.0],
            "dead_share": [0.0, dead, 0.0, dead],
            "gain_mean": [1.0, plain, 99.0, 99.0],
            "gain_live_mean": [1.0, live, 99.0, 99.0],
            "removed_mean": [0.0, plain - live, 0.0, 0.0],
            "n": n,
        }
    )
    return table.assign(gain_sd=2.0, gain_live_sd=1.0, removed_sd=3.0)


ADVANTAGE = "{title}: {base_kernel} to {pool_kernel}, {dead_share:.0f}: {gain}, {gain_live}, {removed}"


def test_the_advantage_is_given_with_and_without_the_control(study_of: Callable[..., Any]) -> None:
    study = study_of("advantage", {"digits": gained(40, 10, 79), "none": gained(0, 0, 0).iloc[:0]})
    assert say(ADVANTAGE, dead_taps.advantage_of_the_largest(study), **EACH).points == (
        "digits: 1 to 4, 79 %: 40.0 points, 10.0 points, 30.0 points",
    )


def test_the_advantage_has_intervals_from_three_seeds_on(study_of: Callable[..., Any]) -> None:
    study = study_of("advantage", {"small": gained(40, 10, 79, n=4), "large": gained(40, 35, 3, n=2)})
    # Student's t for three degrees of freedom is 3.182; over the root of four seeds: 3.2, 1.6 and 4.8 points.
    assert say(ADVANTAGE, dead_taps.advantage_of_the_largest(study), **EACH).points == (
        "small: 1 to 4, 79 %: 40.0 points [36.8, 43.2], 10.0 points [8.4, 11.6], 30.0 points [25.2, 34.8]",
        "large: 1 to 4, 3 %: 40.0 points, 35.0 points, 5.0 points",
    )


def test_no_advantage_is_said_without_measurements(study_of: Callable[..., Any]) -> None:
    study = study_of("advantage", {"a": gained(0, 0, 0).iloc[:0]})
    assert say(ADVANTAGE, dead_taps.advantage_of_the_largest(study), **EACH) == NOTHING
