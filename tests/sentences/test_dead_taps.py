from __future__ import annotations

import pandas as pd
import pytest

from rflib.sentences import dead_taps
from rflib.sentences.wording import NOTHING

EMPTY = pd.DataFrame()


def kept(plain: list[float], live: list[float], dead: list[float], *, n: int = 2, **columns: object) -> pd.DataFrame:
    """Return `tables.tolerance` of rf_vgg19, one row a pool kernel."""
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


def runs(gaps: dict[int, list[float]]) -> pd.DataFrame:
    """Return `tables.one_shot`: pool kernel to plain minus controlled accuracy, one entry a seed, at two rates."""
    rows = [
        {
            "architecture": "rf_vgg19",
            "pool_kernel": k,
            "seed": seed,
            "rate": rate,
            "pruned": 50.0 + sign,
            "live": 50 - gap,
        }
        for k, values in gaps.items()
        for seed, gap in enumerate(values)
        for rate, sign in ((0.8, +5.0), (0.9, -5.0))
    ]
    return pd.DataFrame(rows)


def test_runs_are_averaged_over_rates_and_split_by_dead_taps() -> None:
    table = kept([0, 0, 0], [0, 0, 0], [0.0, 79.0, 10.0])  # the third network is in neither group
    many, few = dead_taps.paired(runs({1: [0.0, 0.5], 2: [30.0, 40.0, 50.0], 3: [99.0]}), table).points
    assert many.startswith(
        "In networks with at least 20 % dead taps: averaged over the rates, plain pruning leaves +40.0"
    )
    # Three runs, standard deviation 10, Student's quantile 4.303: 4.303 * 10 / sqrt(3).
    assert many.endswith("in 3 of 3 runs (95 % interval of the mean over runs: ± 24.8).")
    assert "+0.2 points" in few or "+0.3 points" in few
    assert few.endswith("in 0 of 2 runs.")


def test_a_group_without_networks_is_named() -> None:
    many, _ = dead_taps.paired(runs({1: [0.0]}), kept([0], [0], [0.0])).points
    assert many == "In networks with at least 20 % dead taps: this profile has none."


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (80.0, "The larger field keeps more, and dead taps are not the reason."),
        (52.0, "without dead taps the trend is not there"),
        (30.0, "the opposite of the paper's"),
    ],
)
def test_fields_that_grow_without_dead_taps(last: float, expected: str) -> None:
    table = kept([50.0, last, 100.0], [0, 0, 0], [0.0, 3.0, 79.0])  # the third field has dead taps and must not count
    (point,) = dead_taps.few_dead_taps({"digits": table}).points
    assert point.startswith("digits, `rf_vgg19`, 2 fields with fewer than 5 % dead taps: kept 50 % at 180 px and")
    assert expected in point


def test_one_field_without_dead_taps_is_no_comparison() -> None:
    assert dead_taps.few_dead_taps({"a": kept([50.0, 90.0], [0, 0], [0.0, 79.0]), "b": EMPTY}) == NOTHING


@pytest.mark.parametrize(
    ("alive", "expected"), [(20.0, "the field did not make it"), (88.0, "there without dead taps")]
)
def test_the_same_field_with_and_without_dead_taps(alive: float, expected: str) -> None:
    grid = kept([50.0, 90.0], [0, 0], [0.0, 79.0])
    variant = kept([50.0, alive], [0, 0], [0.0, 0.0], map_size="padded")
    first, _ = dead_taps.same_field(grid, variant).points
    assert first.startswith(
        "`rf_vgg19` at 358 px: with shrinking maps and 79 % dead taps pruning leaves 90 %, with maps"
    )
    assert f"kept by padding and 0 % it leaves {alive:.0f} %" in first
    assert expected in first


def test_a_variant_with_dead_taps_of_its_own_tells_nothing() -> None:
    grid = kept([50.0, 90.0], [0, 0], [0.0, 79.0])
    assert dead_taps.same_field(grid, kept([5.0, 9.0], [0, 0], [0.0, 60.0], map_size="dilated")) == NOTHING


def test_correlations_are_of_ranks_over_all_networks() -> None:
    first = kept([10.0, 20.0], [40.0, 30.0], [0.0, 3.0])
    second = kept([30.0, 400.0], [20.0, 10.0], [50.0, 79.0]).assign(receptive_field=[700.0, 900.0])
    plain, control = dead_taps.correlations({"a": first, "b": second, "c": EMPTY}).points
    assert plain.startswith(
        "Over all 4 networks, the rank correlation of what plain pruning keeps is +1.00 with the share"
    )
    assert control.startswith("Of what the control keeps it is -1.00 with the share of dead taps and -1.00")
    assert dead_taps.correlations({"a": first}) == NOTHING


def gained(plain: float, live: float, dead: float, *, n: int = 2) -> pd.DataFrame:
    """Return `tables.advantage`: a small step, the largest field, and a variant that is no part of the verdict."""
    table = pd.DataFrame(
        {
            "architecture": "rf_vgg19",
            "pool_kernel": [2, 4, 4],
            "base_kernel": 1,
            "map_size": ["shrinking", "shrinking", "padded"],
            "pool_dilation": 1,
            "receptive_field": [358.0, 714.0, 714.0],
            "dead_share": [0.0, dead, 0.0],
            "gain_mean": [1.0, plain, 99.0],
            "gain_live_mean": [1.0, live, 99.0],
            "removed_mean": [0.0, plain - live, 0.0],
            "n": n,
        }
    )
    return table.assign(gain_sd=2.0, gain_live_sd=1.0, removed_sd=3.0)


@pytest.mark.parametrize(
    ("plain", "live", "dead", "expected", "verdict"),
    [
        (40, 10, 79, "More than half of the advantage goes with the dead taps", "never learned"),
        (40, 30, 79, "among weights that can learn", "not an artefact of dead taps"),
        (40, 10, 3, "this stays open", "do not decide"),
        (2, 40, 79, "no advantage of the larger field to explain", "do not decide"),
    ],
)
def test_the_verdict_weighs_what_the_control_leaves(
    plain: float, live: float, dead: float, expected: str, verdict: str
) -> None:
    first, overall, seeds = dead_taps.verdict({"digits": gained(plain, live, dead)}).points
    assert first.startswith(
        f"digits, `rf_vgg19`: from k = 1 to k = 4 (714 px, {dead} % dead taps) the share kept changes by "
        f"{plain:.1f} points, among live weights by {live:.1f} points; seed by seed the control takes "
        f"{plain - live:.1f} points away."
    )
    assert expected in first
    assert verdict in overall
    assert seeds == "With fewer than three seeds a network this is an indication and no proof."


def test_a_divided_verdict_says_so_gives_intervals_and_counts_seeds() -> None:
    tables = {"small": gained(40, 10, 79, n=4), "large": gained(40, 35, 3, n=3)}
    first, _, overall, seeds = dead_taps.verdict(tables).points
    # Student's t for three degrees of freedom is 3.182; over the root of four seeds.
    assert "by 40.0 ± 3.2 points, among live weights by 10.0 ± 1.6 points; seed by seed" in first
    assert "the control takes 30.0 ± 4.8 points away." in first
    assert overall.startswith("Of 2 comparisons, 1 lose most of the advantage with the dead taps, 1 keep most of it")
    assert "dead taps explain a part" in overall
    assert seeds == "Each network is a mean over at least 3 seeds."


def test_without_measurements_nothing_is_said() -> None:
    assert dead_taps.paired(EMPTY, EMPTY) == NOTHING
    assert dead_taps.few_dead_taps({"a": EMPTY}) == NOTHING
    assert dead_taps.same_field(EMPTY, EMPTY) == NOTHING
    assert dead_taps.correlations({"a": EMPTY}) == NOTHING
    assert dead_taps.verdict({}) == NOTHING
