from __future__ import annotations

import pandas as pd
import pytest

from rflib.sentences import representations
from rflib.sentences.wording import NOTHING


def summary(trained: list[float], untrained: list[float], *, bias: float = 0.1) -> pd.DataFrame:
    """Return `tables.similarity_summary` with the same values in both halves."""
    rows = [
        {"pool_kernel": kernel, "checkpoint": checkpoint, "half": half, "debiased": value, "biased": value + bias}
        for checkpoint, values in (("last", trained), ("initial", untrained))
        for half in ("up to the middle", "after the middle")
        for kernel, value in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows)


def test_the_path_of_trained_and_untrained_networks() -> None:
    first, _, strength = representations.deep_layers(summary([0.9, 0.8, 0.3], [0.5, 0.5, 0.5])).points
    assert first.startswith(
        "Mean similarity of matching layers after the middle: trained it goes from 0.90 at k = 1 to"
    )
    assert "0.30 at k = 3 (falls throughout); untrained it goes from 0.50 at k = 1 to 0.50 at k = 3 (flat)." in first
    assert strength == "One pair of seeds: an indication, without a spread."


@pytest.mark.parametrize(
    ("trained", "untrained", "expected"),
    [
        ([0.9, 0.3], [0.5, 0.5], "falls by 0.60, and that of untrained ones does not: the change comes with training"),
        ([0.9, 0.3], [0.5, 0.6], "the change comes with training"),
        ([0.9, 0.3], [0.5, 0.3], "falls by 0.60, that of untrained ones by 0.20: a part of it is there before"),
        ([0.9, 0.7], [0.8, 0.5], "does so at least as much: the architecture alone may be the cause"),
        ([0.9, 0.88], [0.8, 0.1], "hardly changes"),
        ([0.3, 0.9], [0.5, 0.5], "rises by 0.60"),
    ],
)
def test_a_change_is_read_beside_that_of_the_control(
    trained: list[float], untrained: list[float], expected: str
) -> None:
    assert expected in representations.deep_layers(summary(trained, untrained)).points[1]


def test_the_halves_are_kept_apart() -> None:
    table = summary([0.9, 0.3], [0.5, 0.5])
    table.loc[table["half"] == "up to the middle", "debiased"] = 0.77
    assert "0.77 at k = 1 to 0.77 at k = 2" in representations.shallow_layers(table).points[0]
    assert "0.90 at k = 1 to 0.30 at k = 2" in representations.deep_layers(table).points[0]


def test_one_field_is_told_without_a_reading() -> None:
    points = representations.deep_layers(summary([0.9], [0.5])).points
    assert len(points) == 2
    assert "trained it is 0.90 at k = 1, the only field measured" in points[0]


def test_bias_compares_the_estimators_where_nothing_was_learned() -> None:
    first, second = representations.bias(summary([0.9, 0.3], [0.5, 0.4], bias=0.25)).points
    assert "the biased estimate goes from 0.75 at k = 1 to 0.65 at k = 2" in first
    assert "the debiased one goes from 0.50 at k = 1 to 0.40 at k = 2" in first
    assert second.endswith("the biased estimate stands at most 0.25 above and 0.00 below the debiased one.")
    lower = summary([0.9], [0.5]).assign(biased=[0.8, 0.93, 0.5, 0.5])
    assert representations.bias(lower).points[1].endswith("at most 0.03 above and 0.10 below the debiased one.")


def test_without_measurements_nothing_is_said() -> None:
    functions = (representations.deep_layers, representations.shallow_layers, representations.bias)
    assert [function(pd.DataFrame()) for function in functions] == [NOTHING] * 3


def similarities(trained: list[float], untrained: list[float], *, seeds: int) -> pd.DataFrame:
    """Return `tables.similarity_within`, seeds that lie symmetrically around a mean."""
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
    first, reading, strength = representations.within(similarities([0.6, 0.2], [0.4, 0.4], seeds=3)).points
    assert first == (
        "Mean similarity of the layers after the middle with those up to it, within one network: trained it goes from "
        "0.60 at k = 1 to 0.20 at k = 2 (falls throughout); untrained it goes from 0.40 at k = 1 to 0.40 at k = 2 "
        "(flat)."
    )
    assert "falls by 0.40, and that of untrained ones does not: the change comes with training" in reading
    assert strength == "Means over 3 or more seeds at each field."
    assert representations.within(similarities([0.6], [0.4], seeds=1)).points[1:] == (
        "One seed: an indication, without a spread.",
    )
    assert representations.within(pd.DataFrame()) is NOTHING
