from __future__ import annotations

import pandas as pd
import pytest

from rflib.paper.chapters import representations
from rflib.paper.say import NOTHING


def summary(trained: list[float], untrained: list[float], *, bias: float = 0.1) -> pd.DataFrame:
    """Return `representations.similarity_summary` with the same values in both halves."""
    rows = [
        {
            "pool_kernel": kernel,
            "checkpoint": checkpoint,
            "half": half,
            "debiased": value,
            "biased": value + bias,
            "pairs": 1,
        }
        for checkpoint, values in (("last", trained), ("initial", untrained))
        for half in ("up to the middle", "after the middle")
        for kernel, value in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows)


def test_the_path_of_trained_and_untrained_networks() -> None:
    table = summary([0.9, 0.8, 0.3], [0.5, 0.5, 0.5])
    first, strength = representations.say_deep_layers(table).points
    assert first == (
        "Mean similarity of matching layers after the middle: trained it is 0.90 at k = 1, 0.80 at k = 2, 0.30 at "
        "k = 3; untrained it is 0.50 at k = 1, 0.50 at k = 2, 0.50 at k = 3."
    )
    assert strength == "One pair of seeds, so no spread."
    assert representations.say_deep_layers(table.assign(pairs=3)).points[1] == "Means over 3 pairs of seeds."


def test_one_field_has_its_value_trained_and_untrained() -> None:
    first, _ = representations.say_deep_layers(summary([0.9], [0.5])).points
    assert first == (
        "Mean similarity of matching layers after the middle: trained it is 0.90 at k = 1; untrained it is 0.50 at "
        "k = 1."
    )


def test_the_halves_are_kept_apart() -> None:
    table = summary([0.9, 0.3], [0.5, 0.5])
    table.loc[table["half"] == "up to the middle", "debiased"] = 0.77
    assert representations.say_shallow_layers(table).points[0] == (
        "Mean similarity of matching layers up to the middle: trained it is 0.77 at k = 1, 0.77 at k = 2; untrained it "
        "is 0.77 at k = 1, 0.77 at k = 2."
    )
    assert representations.say_deep_layers(table).points[0] == (
        "Mean similarity of matching layers after the middle: trained it is 0.90 at k = 1, 0.30 at k = 2; untrained it "
        "is 0.50 at k = 1, 0.50 at k = 2."
    )


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ((3, 2), "Means over 2 to 3 pairs of seeds."),
        ((1, 3), "Means over 1 to 3 pairs of seeds."),
        ((1, 1), "One pair of seeds, so no spread."),
    ],
)
def test_the_pairs_of_seeds_of_trained_networks_are_told(pairs: tuple[int, int], said: str) -> None:
    table = summary([0.9, 0.3], [0.5, 0.5]).assign(pairs=9)
    for kernel, count in zip((1, 2), pairs, strict=True):
        table.loc[(table["checkpoint"] == "last") & (table["pool_kernel"] == kernel), "pairs"] = count
    assert representations.say_deep_layers(table).points[1] == said
    assert representations.say_shallow_layers(table).points[1] == said


def test_bias_compares_the_estimators_where_nothing_was_learned() -> None:
    first, second = representations.say_bias(summary([0.9, 0.3], [0.5, 0.4], bias=0.25)).points
    assert first == (
        "Untrained, after the middle: the biased estimate is 0.75 at k = 1, 0.65 at k = 2, the debiased one is 0.50 at "
        "k = 1, 0.40 at k = 2."
    )
    assert second == (
        "Over all halves and networks the biased estimate stands at most 0.25 above and 0.00 below the debiased one."
    )
    lower = summary([0.9], [0.5]).assign(biased=[0.8, 0.93, 0.5, 0.5])
    assert representations.say_bias(lower).points[1].endswith("at most 0.03 above and 0.10 below the debiased one.")


def test_without_measurements_nothing_is_said() -> None:
    functions = (representations.say_deep_layers, representations.say_shallow_layers, representations.say_bias)
    assert [function(pd.DataFrame()) for function in functions] == [NOTHING] * 3


def similarities(trained: list[float], untrained: list[float], *, seeds: int) -> pd.DataFrame:
    """Return `representations.similarity_within`, seeds that lie symmetrically around a mean."""
    rows = [
        {
            "pool_kernel": kernel,
            "seed": seed,
            "checkpoint": checkpoint,
            "debiased": value + 0.1 * (seed - (seeds - 1) / 2),
        }
        for checkpoint, values in (("last", trained), ("initial", untrained))
        for kernel, value in enumerate(values, start=1)
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def test_deep_layers_beside_the_shallow_ones_of_their_network() -> None:
    first, strength = representations.say_within(similarities([0.6, 0.2], [0.4, 0.4], seeds=3)).points
    assert first == (
        "Mean similarity of the layers after the middle with those up to it, within one network: trained it is 0.60 "
        "at k = 1, 0.20 at k = 2; untrained it is 0.40 at k = 1, 0.40 at k = 2."
    )
    assert strength == "Means over 3 seeds at each field."
    assert representations.say_within(similarities([0.6], [0.4], seeds=1)).points[1:] == ("One seed, so no spread.",)
    assert representations.say_within(pd.DataFrame()) is NOTHING
