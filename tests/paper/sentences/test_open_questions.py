"""What the sentences about the draft's own questions are filled from."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from rflib.paper.chapters.open_questions import draft
from rflib.paper.say import NOTHING, say

EMPTY = pd.DataFrame()
COURSE = {"per": ["architecture", "knob"], "along": "pool_kernel"}
CHANGES = (
    "{knob}, {pool_kernel[first]} to {pool_kernel[last]}: {dense[change]}, {difference[change]}; "
    "{dense_shrinking[change]}, {difference_shrinking[change]} ({n})"
)
KNOBS = {("padded", 1): "maps kept by padding", ("dilated", 1): "maps kept by dilation"}


def networks(
    dense: list[float], difference: list[float], *, map_size: str = "shrinking", dilation: int = 1, n: int = 1
) -> pd.DataFrame:
    """Return one row a pool kernel of rf_vgg19."""
    kernels = range(1, len(dense) + 1)
    return pd.DataFrame(
        {
            "architecture": "rf_vgg19",
            "pool_kernel": kernels,
            "map_size": map_size,
            "pool_dilation": dilation,
            "receptive_field": [178.0 * kernel + 2 for kernel in kernels],
            "dense_mean": dense,
            "difference_mean": difference,
            "n": n,
        }
    )


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]:
    """Return `beside_shrinking_maps` of a grid and of variants."""

    def found(grid: pd.DataFrame, variants: pd.DataFrame) -> pd.DataFrame:
        tables = {"grid": grid, "variant": variants}
        monkeypatch.setattr(draft, "accuracy_and_pruning", lambda *_, purpose, **__: tables[purpose])
        return draft.beside_shrinking_maps(None)  # type: ignore[arg-type]

    return found


def test_the_normalised_difference_takes_one_rate_and_every_field(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = {1: 0.5, 2: 0.25, 3: 0.1}
    rows = [
        ("rf_vgg19", kernel, seed, rate, share * rate / 0.9 + (0.02 * seed - 0.01))
        for kernel, share in shares.items()
        for seed in (0, 1)
        for rate in (0.5, 0.9)
    ]
    runs = pd.DataFrame(rows, columns=["architecture", "pool_kernel", "seed", "rate", "normalised_difference"])
    grid = networks([80.0, 60.0, 50.0], [40.0, 15.0, 5.0])[["architecture", "pool_kernel", "receptive_field"]]
    monkeypatch.setattr(draft, "fields", lambda *_: grid)
    monkeypatch.setattr(draft, "one_shot", lambda *_: runs)
    found = draft.normalised_differences(None)  # type: ignore[arg-type]
    assert say("{normalised_difference} ({n})", found).points == (
        "0.500 at 180 px, 0.250 at 358 px, 0.100 at 536 px (n = 2)",
    )
    assert say("{normalised_difference}", found.iloc[:1]).points == ("0.500",)
    monkeypatch.setattr(draft, "one_shot", lambda *_: EMPTY)
    assert say("{normalised_difference}", draft.normalised_differences(None)) == NOTHING  # type: ignore[arg-type]


def test_a_variant_stands_beside_the_paper_at_the_same_k(measured: Callable[..., pd.DataFrame]) -> None:
    padded = networks([91.0, 88.0], [61.0, 50.0], map_size="padded")
    found = measured(networks([90.0, 70.0], [60.0, 1.0]), padded.iloc[1:])
    values = ["pool_kernel", "dense_mean", "difference_mean", "dense_shrinking", "difference_shrinking"]
    # At k = 1 every variant is the paper's network.
    assert found[values].values.tolist() == [[1, 90, 60, 90, 60], [2, 88, 50, 70, 1]]
    assert measured(networks([90.0, 70.0], [60.0, 1.0]), padded)["dense_mean"].tolist() == [91, 88], "its own, if any"


@pytest.mark.parametrize("map_size", ["padded", "dilated"])
def test_constant_maps_compare_the_changes_over_the_same_k(
    measured: Callable[..., pd.DataFrame], map_size: str
) -> None:
    grid = networks([90.0, 80.0, 70.0], [60.0, 30.0, 1.0], n=3)
    kept = networks([91.0, 90.0, 88.0], [61.0, 60.0, 55.0], map_size=map_size).iloc[1:]
    knob = KNOBS[map_size, 1]
    assert say(CHANGES, measured(grid.iloc[1:], kept), **COURSE).points == (
        f"{knob}, 2 to 3: -2.0 points, -5.0 points; -10.0 points, -29.0 points (n = 1)",
    )
    assert say(CHANGES, measured(grid, kept.iloc[1:]), **COURSE).points == (
        f"{knob}, 1 to 3: -2.0 points, -5.0 points; -20.0 points, -59.0 points (n = 1 to 3)",
    )


def test_every_variant_has_a_sentence_of_its_own(measured: Callable[..., pd.DataFrame]) -> None:
    wide = networks([0.0, 85.0], [0.0, 20.0], dilation=2).iloc[1:]
    padded = networks([0.0, 88.0], [0.0, 50.0], map_size="padded").iloc[1:]
    found = measured(networks([90.0, 80.0], [60.0, 30.0]), pd.concat([wide, padded]))
    assert say("{knob}: {dense[change]}", found, **COURSE).points == (
        "pool dilated by 2: -5.0 points",
        "maps kept by padding: -2.0 points",
    )


def test_a_course_needs_two_kernels_in_both(measured: Callable[..., pd.DataFrame]) -> None:
    grid = networks([90.0, 80.0], [60.0, 30.0])
    assert say(CHANGES, measured(grid, networks([91.0], [61.0], map_size="padded")), **COURSE) == NOTHING
    padded = networks([91.0, 88.0], [61.0, 50.0], map_size="padded")
    assert say(CHANGES, measured(grid.iloc[1:], padded.iloc[1:]), **COURSE) == NOTHING
    assert say(CHANGES, measured(grid.iloc[:1], padded), **COURSE) == NOTHING
    assert measured(EMPTY, EMPTY).empty
