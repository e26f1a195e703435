"""The sweep against a plain loop over copies, one at a time, with the network's own evaluation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import nn

from rflib.activations import frozen_statistics
from rflib.data.splits import Split
from rflib.errors import UsageError
from rflib.noise_pruning import Outcome, Recipe, Scores, Sweep, grid, measure, pruned_copy
from rflib.pruning import magnitude_mask, prunable_weights, pruned, replaced
from rflib.training import evaluate

Images = Callable[..., Split]
RECIPES = grid(["multiplicative", "additive"], [0.5], [0.3, 0.8], ["before", "after", "mask"])
DRAWS = 4


@pytest.fixture
def splits(tiny_split: Images) -> tuple[Split, Split]:
    return tiny_split(30, seed=1), tiny_split(25, seed=2)


@pytest.fixture
def model(splits: tuple[Split, Split]) -> nn.Module:
    """A small network with batch norm; logits of mean 0 over images, so that classes vary."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for width, wider in ((3, 6), (6, 8), (8, 8)):
        layers += [nn.Conv2d(width, wider, 3, stride=2, padding=1), nn.BatchNorm2d(wider), nn.ReLU(inplace=True)]
    made = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, 4))
    made.eval()
    with torch.no_grad():
        made[-1].bias.sub_(made(splits[1].normalise(splits[1].images)).mean(dim=0))
    return made


def plainly(model: nn.Module, splits: tuple[Split, Split], batches: Any, **options: Any) -> Sweep:
    """Score copy after copy."""

    def score(weights: dict[str, torch.Tensor], split: Split) -> float:
        with ExitStack() as stack:
            stack.enter_context(replaced(model, weights))
            if batches is not None:
                stack.enter_context(frozen_statistics(model, batches))
            return evaluate(model, split).accuracy

    validation, test = splits
    outcomes = []
    for recipe in RECIPES:
        copies = [pruned_copy(model, recipe, draw, seed=7, **options)[0] for draw in range(DRAWS)]
        scores = [score(copy, validation) for copy in copies]
        best = scores.index(max(scores))
        outcomes.append(Outcome(recipe, tuple(scores), score(copies[best], test)))
    unperturbed = {}
    for rate in (0.3, 0.8):
        mask = magnitude_mask(model, rate, **options)
        weights = {name: weight * mask.keep[name] for name, weight in prunable_weights(model).items()}
        unperturbed[rate] = Scores(score(weights, validation), score(weights, test))
    dense = Scores(*(evaluate(model, split).accuracy for split in splits))
    return Sweep(dense, unperturbed, tuple(outcomes))


@pytest.mark.parametrize("copies_at_once", [1, 5, 100])
@pytest.mark.parametrize("calibrated", [False, True])
def test_a_sweep_is_a_plain_loop_over_copies(
    model: nn.Module, splits: tuple[Split, Split], copies_at_once: int, calibrated: bool
) -> None:
    batches = [splits[0].normalise(splits[0].images[:20])] if calibrated else None
    found = measure(
        model, *splits, RECIPES, draws=DRAWS, seed=7, calibration=batches, copies_at_once=copies_at_once, batch_size=11
    )
    assert found == plainly(model, splits, batches)
    assert len({accuracy for outcome in found.outcomes for accuracy in outcome.validation}) > 3


def test_live_weights_alone_are_pruned(model: nn.Module, splits: tuple[Split, Split]) -> None:
    live = {name: weight > 0 for name, weight in prunable_weights(model).items()}
    found = measure(model, *splits, RECIPES, draws=DRAWS, seed=7, scope="live", live=live)
    assert found == plainly(model, splits, None, scope="live", live=live)


def test_more_draws_keep_the_first_and_another_seed_changes_them(model: nn.Module, splits: tuple[Split, Split]) -> None:
    recipes = RECIPES[:1]
    few, many, other = (measure(model, *splits, recipes, draws=n, seed=s) for n, s in ((3, 0), (6, 0), (6, 1)))
    assert many.outcomes[0].validation[:3] == few.outcomes[0].validation
    assert many.outcomes[0].validation != other.outcomes[0].validation


def test_without_noise_nothing_is_gained(model: nn.Module, splits: tuple[Split, Split]) -> None:
    found = measure(model, *splits, grid(["additive"], [0.0], [0.5]), draws=2)
    mask = magnitude_mask(model, 0.5)
    with pruned(model, mask):
        assert found.unperturbed == {0.5: Scores(*(evaluate(model, split).accuracy for split in splits))}
    for outcome in found.outcomes:
        assert (found.best_benefit(outcome), found.mean_benefit(outcome)) == (0.0, 0.0)


def test_benefits_and_selection_by_hand() -> None:
    recipe = Recipe("additive", 0.1, 0.9)
    outcome = Outcome(recipe, (40.0, 60.0, 60.0, 50.0), 55.0)
    sweep = Sweep(Scores(90.0, 88.0), {0.9: Scores(45.0, 52.0)}, (outcome,))
    assert outcome.selected == 1
    assert sweep.best_benefit(outcome) == 3.0
    assert sweep.mean_benefit(outcome) == 7.5


@pytest.mark.parametrize(("recipes", "draws"), [([], 5), (RECIPES, 0)])
def test_bad_settings(model: nn.Module, splits: tuple[Split, Split], recipes: Any, draws: int) -> None:
    message = f"expected at least one recipe and one draw, found {len(recipes)} and {draws}"
    with pytest.raises(UsageError, match=message):
        measure(model, *splits, recipes, draws=draws)
