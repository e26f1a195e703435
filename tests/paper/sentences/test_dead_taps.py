from __future__ import annotations

import pandas as pd

from rflib.paper.chapters import open_questions
from rflib.paper.say import NOTHING

EMPTY = pd.DataFrame()


def kept(plain: list[float], live: list[float], dead: list[float], *, n: int = 2, **columns: object) -> pd.DataFrame:
    """Return `open_questions.tolerance` of rf_vgg19, one row a pool kernel."""
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
    """Return `frames.one_shot`: pool kernel to plain minus controlled accuracy, one entry a seed, at two rates."""
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


def test_runs_are_averaged_over_rates_where_many_taps_are_dead() -> None:
    table = kept([0, 0, 0], [0, 0, 0], [0.0, 79.0, 10.0])  # the first and the third network have too few
    (many,) = open_questions.say_paired(runs({1: [0.0, 0.5], 2: [30.0, 40.0, 50.0], 3: [99.0]}), table).points
    # Three runs, standard deviation 10, Student's quantile 4.303: 4.303 * 10 / sqrt(3).
    assert many == (
        "In networks with at least 20 % dead taps: averaged over the rates, plain pruning leaves +40.0 points beside "
        "the control (runs: 3; 95 % interval of the mean over runs: ± 24.8)."
    )
    (two,) = open_questions.say_paired(runs({2: [30.0, 40.0]}), table).points
    assert two.endswith("+35.0 points beside the control (runs: 2).")


def test_a_group_without_networks_is_named() -> None:
    (many,) = open_questions.say_paired(runs({1: [0.0]}), kept([0], [0], [0.0])).points
    assert many == "In networks with at least 20 % dead taps: this profile has none."


def test_fields_that_grow_without_dead_taps() -> None:
    table = kept([50.0, 52.0, 100.0], [0, 0, 0], [0.0, 3.0, 79.0])  # the third field has dead taps and must not count
    (point,) = open_questions.say_few_dead_taps({"digits": table}).points
    assert point == "digits, `rf_vgg19`, fields with fewer than 5 % dead taps: kept 50.0 % at 180 px, 52.0 % at 358 px."


def test_one_field_without_dead_taps_is_no_comparison() -> None:
    assert open_questions.say_few_dead_taps({"a": kept([50.0, 90.0], [0, 0], [0.0, 79.0]), "b": EMPTY}) == NOTHING


def test_the_same_field_with_and_without_dead_taps() -> None:
    grid = kept([50.0, 90.0], [0, 0], [0.0, 79.0])
    variant = kept([50.0, 20.0], [0, 0], [0.0, 0.0], map_size="padded")
    first, _ = open_questions.say_same_field(grid, variant).points
    assert first == (
        "`rf_vgg19` at 358 px: with shrinking maps and 79 % dead taps pruning leaves 90 %, with maps kept by padding "
        "and 0 % it leaves 20 %. At 180 px, the smallest field, it leaves 50 %."
    )


def test_a_variant_with_dead_taps_of_its_own_tells_nothing() -> None:
    grid = kept([50.0, 90.0], [0, 0], [0.0, 79.0])
    assert open_questions.say_same_field(grid, kept([5.0, 9.0], [0, 0], [0.0, 60.0], map_size="dilated")) == NOTHING


def test_correlations_are_of_ranks_over_all_networks() -> None:
    first = kept([10.0, 20.0], [40.0, 30.0], [0.0, 3.0])
    second = kept([30.0, 400.0], [20.0, 10.0], [50.0, 79.0]).assign(receptive_field=[700.0, 900.0])
    plain, control = open_questions.say_correlations({"a": first, "b": second, "c": EMPTY}).points
    assert plain == (
        "Over all 4 networks, the rank correlation of what plain pruning keeps is +1.00 with the share of dead taps "
        "and +1.00 with the field."
    )
    assert control == (
        "Of what the control keeps it is -1.00 with the share of dead taps and -1.00 with the field. Field and dead "
        "taps grow together, so these numbers describe and do not separate them."
    )
    assert open_questions.say_correlations({"a": first}) == NOTHING


def gained(plain: float, live: float, dead: float, *, n: int = 2) -> pd.DataFrame:
    """Return `open_questions.advantage`: a small step, the largest field, and a variant that is left out."""
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


def test_the_advantage_is_given_with_and_without_the_control() -> None:
    (point,) = open_questions.say_advantages({"digits": gained(40, 10, 79)}).points
    assert point == (
        "digits, `rf_vgg19`: from k = 1 to k = 4 (714 px, 79 % dead taps) the share kept changes by 40.0 points, among "
        "live weights by 10.0 points; seed by seed the control takes 30.0 points away."
    )


def test_the_advantage_has_intervals_from_three_seeds_on() -> None:
    first, second = open_questions.say_advantages(
        {"small": gained(40, 10, 79, n=4), "large": gained(40, 35, 3, n=2)}
    ).points
    # Student's t for three degrees of freedom is 3.182; over the root of four seeds.
    assert "by 40.0 ± 3.2 points, among live weights by 10.0 ± 1.6 points; seed by seed" in first
    assert "the control takes 30.0 ± 4.8 points away." in first
    assert second.startswith("large, `rf_vgg19`")
    assert "±" not in second


def test_without_measurements_nothing_is_said() -> None:
    assert open_questions.say_paired(EMPTY, EMPTY) == NOTHING
    assert open_questions.say_few_dead_taps({"a": EMPTY}) == NOTHING
    assert open_questions.say_same_field(EMPTY, EMPTY) == NOTHING
    assert open_questions.say_correlations({"a": EMPTY}) == NOTHING
    assert open_questions.say_advantages({"a": EMPTY}) == NOTHING
