"""Noise, orders and masks of single copies, against formulas written out and masks counted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from rflib.errors import UsageError
from rflib.noise_pruning import Recipe, disturbed, grid, pruned_copy, standard_noise
from rflib.pruning import magnitude_mask, prunable_weights, replaced

Make = Callable[..., nn.Module]
WEIGHTS = {"1.weight": torch.tensor([1.0, -3.0, 2.0, 0.0]), "2.weight": torch.tensor([10.0, 10.0])}
NOISE = {"1.weight": torch.tensor([0.5, -1.0, 0.0, 2.0]), "2.weight": torch.tensor([1.0, -1.0])}


def test_multiplicative_noise_is_in_proportion_to_each_weight() -> None:
    found = disturbed(WEIGHTS, NOISE, kind="multiplicative", scale=0.5)
    assert found["1.weight"].tolist() == [1.25, -1.5, 2.0, 0.0]
    assert found["2.weight"].tolist() == [15.0, 5.0]


def test_additive_noise_is_in_proportion_to_the_deviation_of_the_layer() -> None:
    """Mean 0 and squares 1 + 9 + 4 + 0 of four weights; a layer of equal weights has no deviation and stays."""
    found = disturbed(WEIGHTS, NOISE, kind="additive", scale=2.0)
    deviation = math.sqrt(14 / 4)
    expected = [w + 2 * deviation * n for w, n in zip([1.0, -3.0, 2.0, 0.0], [0.5, -1.0, 0.0, 2.0], strict=True)]
    assert found["1.weight"].tolist() == pytest.approx(expected, rel=1e-6)
    assert found["2.weight"].tolist() == [10.0, 10.0]


def test_standard_noise_is_standard_and_a_function_of_seed_and_draw() -> None:
    weights = {"a": torch.zeros(200, 100), "b": torch.zeros(3)}
    state = torch.get_rng_state()
    first, again = (standard_noise(weights, seed=1, draw=2) for _ in range(2))
    others = [standard_noise(weights, seed=1, draw=3), standard_noise(weights, seed=2, draw=2)]
    assert all(torch.equal(first[name], again[name]) for name in weights)
    for other in others:
        assert abs(float((first["a"] * other["a"]).mean())) < 0.03
    assert abs(float(first["a"].mean())) < 0.03
    assert float(first["a"].std()) == pytest.approx(1, abs=0.02)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("kind", ["multiplicative", "additive"])
@pytest.mark.parametrize("scope", ["global", "layerwise", "live"])
def test_copies_of_each_order_written_out(tiny_model: Make, kind: Any, scope: Any) -> None:
    model = tiny_model()
    weights = {name: weight.clone() for name, weight in prunable_weights(model).items()}
    live = {name: torch.arange(weight.numel()).view(weight.shape) % 3 != 0 for name, weight in weights.items()}
    noise = standard_noise(weights, seed=5, draw=3)
    noisy = {
        name: w * (1 + 0.4 * noise[name])
        if kind == "multiplicative"
        else w + 0.4 * (w.double() - w.double().mean()).square().mean().sqrt().float() * noise[name]
        for name, w in weights.items()
    }
    with replaced(model, noisy):
        noisy_mask = magnitude_mask(model, 0.8, scope=scope, live=live)
    own_mask = magnitude_mask(model, 0.8, scope=scope, live=live)
    assert noisy_mask.fingerprint != own_mask.fingerprint
    expected = {"before": (noisy_mask, noisy), "after": (own_mask, noisy), "mask": (noisy_mask, weights)}
    for order, (mask, values) in expected.items():
        recipe = Recipe(kind, 0.4, 0.8, order)  # type: ignore[arg-type]
        copy, found = pruned_copy(model, recipe, 3, seed=5, scope=scope, live=live)
        assert found.fingerprint == mask.fingerprint
        assert found.pruned == own_mask.pruned
        for name, value in values.items():
            torch.testing.assert_close(copy[name], value * mask.keep[name], rtol=1e-6, atol=0)
    assert all(torch.equal(prunable_weights(model)[name], weight) for name, weight in weights.items())


@pytest.mark.parametrize("order", ["before", "after", "mask"])
def test_without_noise_a_copy_is_the_pruned_network(tiny_model: Make, order: Any) -> None:
    model = tiny_model()
    mask = magnitude_mask(model, 0.9)
    copy, found = pruned_copy(model, Recipe("additive", 0.0, 0.9, order), 0)
    assert found.fingerprint == mask.fingerprint
    assert all(torch.equal(copy[name], weight * mask.keep[name]) for name, weight in prunable_weights(model).items())


def test_a_grid_is_every_combination() -> None:
    recipes = grid(["additive", "multiplicative"], [0.1, 0.2], [0.5, 0.8, 0.9])
    assert len(recipes) == len(set(recipes)) == 24
    assert {recipe.order for recipe in recipes} == {"before", "after"}
    assert recipes[0] == Recipe("additive", 0.1, 0.5, "before")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("uniform", 0.1, 0.5), "unknown kind of noise 'uniform': expected one of additive, multiplicative."),
        (("additive", -0.1, 0.5), r"expected a scale in \[0, infinity\), found -0.1. 0 leaves the weights"),
        (("additive", math.nan, 0.5), r"expected a scale in \[0, infinity\), found nan"),
        (("additive", math.inf, 0.5), r"expected a scale in \[0, infinity\), found inf"),
        (("additive", 0.1, 1.0), r"a pruning rate lies in \[0, 1\), found 1.0"),
        (("additive", 0.1, 0.5, "later"), "unknown order of noise and pruning 'later': expected one of after, before"),
    ],
)
def test_bad_settings(values: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe(*values)
