"""What the sentences about representations are filled from."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from rflib.paper.chapters import representations
from rflib.paper.say import NOTHING, say

Given = Callable[[pd.DataFrame], None]
PATH = {"per": "checkpoint", "along": "pool_kernel"}


@pytest.fixture
def layers_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(representations, "similarity_by_layer", lambda *_, **__: frame)


@pytest.fixture
def runs_are(monkeypatch: pytest.MonkeyPatch) -> Given:
    return lambda frame: monkeypatch.setattr(representations, "similarity_within", lambda *_, **__: frame)


def layers(
    trained: list[float],
    untrained: list[float],
    *,
    shallow: float = 0.0,
    bias: float = 0.1,
    pairs: tuple[tuple[int, int], ...] = ((0, 1),),
) -> pd.DataFrame:
    """Return `similarity_by_layer`, one value a pool kernel for layer 26, and `shallow` more for layer 25."""
    rows = [
        {
            "architecture": "rf_resnet50",
            "pool_kernel": kernel,
            "checkpoint": checkpoint,
            "layer": layer,
            "seed": first,
            "second_seed": second,
            "debiased": value + shallow * (layer == 25),
            "biased": value + shallow * (layer == 25) + bias,
        }
        for checkpoint, values in (("last", trained), ("initial", untrained))
        for kernel, value in enumerate(values, start=1)
        for layer in (25, 26)
        for first, second in pairs
    ]
    return pd.DataFrame(rows)


def half(name: str) -> pd.DataFrame:
    summary = representations.similarity_summary(None)
    return summary[summary["half"] == name]


def test_the_path_of_trained_and_untrained_networks(layers_are: Given) -> None:
    layers_are(layers([0.9, 0.8, 0.3], [0.5, 0.5, 0.5]))
    assert say("{checkpoint}: {debiased:.2f} ({pairs[range]})", half("after the middle"), **PATH).points == (
        "after training: 0.90 at k = 1, 0.80 at k = 2, 0.30 at k = 3 (1)",
        "before training: 0.50 (1)",
    )
    assert half("after the middle")["debiased"].tolist() == [0.9, 0.8, 0.3, 0.5, 0.5, 0.5]


def test_the_halves_are_kept_apart(layers_are: Given) -> None:
    layers_are(layers([0.4, 0.3], [0.5, 0.5], shallow=0.37))
    assert half("up to the middle")["debiased"].tolist() == pytest.approx([0.77, 0.67, 0.87, 0.87])
    assert half("after the middle")["debiased"].tolist() == pytest.approx([0.4, 0.3, 0.5, 0.5])


def test_pairs_of_seeds_are_counted_at_every_kernel(layers_are: Given) -> None:
    all_three = layers([0.9], [0.5], pairs=((0, 1), (0, 2), (1, 2)))
    two = layers([0.9, 0.3], [0.5, 0.5], pairs=((0, 1), (0, 2)))
    layers_are(pd.concat([all_three, two[two["pool_kernel"] == 2]]))
    assert half("after the middle").set_index(["checkpoint", "pool_kernel"])["pairs"].to_dict() == {
        ("last", 1): 3,
        ("initial", 1): 3,
        ("last", 2): 2,
        ("initial", 2): 2,
    }
    assert say("{pairs[range]}", half("up to the middle"), **PATH).points == ("2 to 3", "2 to 3")


@pytest.mark.parametrize(("bias", "said"), [(0.25, "+0.25"), (0.03, "+0.03"), (-0.1, "-0.10")])
def test_bias_is_the_biased_estimate_less_the_debiased_one(layers_are: Given, bias: float, said: str) -> None:
    layers_are(layers([0.9, 0.3], [0.5, 0.4], bias=bias))
    found = representations.bias(None)
    assert say("{bias[range]:+.2f}", found, per=[]).points == (said,)
    untrained = found[(found["checkpoint"] == "initial") & (found["half"] == "after the middle")]
    changes = say("{biased:.2f}; {debiased:.2f}; {biased[change]:+.2f}", untrained, **PATH).points
    first, second = 0.5 + bias, 0.4 + bias
    assert changes == (f"{first:.2f} at k = 1 and {second:.2f} at k = 2; 0.50 at k = 1 and 0.40 at k = 2; -0.10",)


def test_both_signs_of_the_bias_have_their_place(layers_are: Given) -> None:
    layers_are(pd.concat([layers([0.9], [0.5], bias=-0.1), layers([0.9, 0.9], [0.5, 0.5], bias=0.03).iloc[2:4]]))
    assert say("{bias[range]:+.2f}", representations.bias(None), per=[]).points == ("-0.10 to +0.03",)


def test_deep_layers_beside_the_shallow_ones_of_their_network(runs_are: Given) -> None:
    """Seeds lie symmetrically around a mean."""
    rows = [
        ("rf_resnet50", kernel, checkpoint, seed, value + 0.1 * (seed - 1))
        for checkpoint, values in (("last", [0.6, 0.2]), ("initial", [0.4, 0.4]))
        for kernel, value in enumerate(values, start=1)
        for seed in range(3)
    ]
    runs_are(pd.DataFrame(rows, columns=["architecture", "pool_kernel", "checkpoint", "seed", "across"]))
    found = representations.within_by_network(None)
    assert say("{checkpoint}: {across:.2f} ({n})", found, **PATH).points == (
        "after training: 0.60 at k = 1 and 0.20 at k = 2 (n = 3)",
        "before training: 0.40 at k = 1 and 0.40 at k = 2 (n = 3)",
    )
    # Student's t of two degrees of freedom is 4.303; times 0.1 / sqrt(3) that is 0.25.
    assert say("{across}", found[found["pool_kernel"] == 2], **PATH).points[0] == "0.20 [-0.05, 0.45]"


def test_without_measurements_nothing_is_said(layers_are: Given, runs_are: Given) -> None:
    layers_are(layers([0.9], [0.5]).iloc[:0])
    runs_are(pd.DataFrame(columns=["architecture", "pool_kernel", "checkpoint", "seed", "across"]))
    assert say("{debiased}", half("after the middle")) == NOTHING
    assert say("{bias[range]}", representations.bias(None), per=[]) == NOTHING
    assert say("{across}", representations.within_by_network(None)) == NOTHING
