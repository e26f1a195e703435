"""The best of many noisy, pruned copies: selected on validation images, scored on test images.

After Avendano Munoz, "Impact of Local and Spatial Redundancy on Prunability of Convolutional Neural Networks and their
Training Dynamics", 2025, whose abstract leaves the kind of noise, the number of copies and the selection open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import torch
from torch import Tensor, nn

from rflib.config import PrecisionConfig
from rflib.data.splits import Split
from rflib.errors import UsageError
from rflib.noise_pruning.copies import Weights, accuracies
from rflib.noise_pruning.recipes import Pruner, Recipe
from rflib.pruning import Scope


@dataclass(frozen=True)
class Scores:
    """Accuracy in percent on the validation and the test split.

    Example:
        >>> rflib.noise_pruning.Scores(validation=58.0, test=57.0)
        Scores(validation=58.0, test=57.0)
    """

    validation: float
    test: float


@dataclass(frozen=True)
class Outcome:
    """What the draws of one recipe score: accuracy in percent of each on validation, of the selected one on test.

    Example:
        >>> recipe = rflib.noise_pruning.Recipe("additive", scale=0.1, rate=0.9)
        >>> outcome = rflib.noise_pruning.Outcome(recipe, validation=(60.0, 62.0, 61.0), test=59.5)
        >>> outcome.selected, outcome.mean
        (1, 61.0)
    """

    recipe: Recipe
    validation: tuple[float, ...]
    test: float

    @property
    def selected(self) -> int:
        """The draw with the highest validation accuracy, the first of equals."""
        return _best(self.validation)

    @property
    def mean(self) -> float:
        """The mean validation accuracy over the draws; no draw is selected, so it is free of selection."""
        return fmean(self.validation)


@dataclass(frozen=True)
class Sweep:
    """The outcomes of all recipes beside the same network dense, and pruned without noise by rate.

    Example:
        >>> recipe = rflib.noise_pruning.Recipe("additive", scale=0.1, rate=0.9)
        >>> outcome = rflib.noise_pruning.Outcome(recipe, validation=(60.0, 62.0), test=61.0)
        >>> plain = rflib.noise_pruning.Scores(validation=58.0, test=57.0)
        >>> sweep = rflib.noise_pruning.Sweep(rflib.noise_pruning.Scores(90.0, 89.0), {0.9: plain}, (outcome,))
        >>> sweep.best_benefit(outcome), sweep.mean_benefit(outcome)
        (4.0, 3.0)
    """

    dense: Scores
    unperturbed: Mapping[float, Scores]
    outcomes: tuple[Outcome, ...]

    def best_benefit(self, outcome: Outcome) -> float:
        """Return the test accuracy of the selected copy less that of pruning without noise, in points."""
        return outcome.test - self.unperturbed[outcome.recipe.rate].test

    def mean_benefit(self, outcome: Outcome) -> float:
        """Return the mean validation accuracy of the copies less that of pruning without noise, in points."""
        return outcome.mean - self.unperturbed[outcome.recipe.rate].validation


@torch.no_grad()
def measure(
    model: nn.Module,
    validation: Split,
    test: Split,
    recipes: Sequence[Recipe],
    *,
    draws: int = 100,
    seed: int = 0,
    scope: Scope = "global",
    live: Mapping[str, Tensor] | None = None,
    calibration: Sequence[Tensor] | None = None,
    copies_at_once: int | None = None,
    batch_size: int = 100,
    precision: PrecisionConfig | None = None,
) -> Sweep:
    """Score `draws` noisy, pruned copies of `model` for each of the `recipes` (see `grid`), and test the best of each.

    Draw i has the same noise in every recipe, so that recipes compare in pairs. With `calibration`, batches of
    normalised images (n, c, h, w), every pruned copy, also that without noise, re-estimates its batch-norm statistics;
    the dense network keeps its own. `scope` and `live` are those of `rflib.pruning.magnitude_mask`; for the sizes see
    `accuracies`. The same seed gives the same copies whatever the sizes; the model is left as it was.

    Raises UsageError without a recipe or a draw, and for arguments that do not fit.

    Example:
        >>> from rflib.data.splits import Split
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 6), nn.Flatten())
        >>> images = torch.randint(256, (8, 3, 8, 8), dtype=torch.uint8)
        >>> split = Split(images, torch.arange(8) % 2, torch.full((3,), 0.5), torch.full((3,), 0.3))
        >>> recipes = rflib.noise_pruning.grid(["multiplicative"], [0.2], [0.5])
        >>> sweep = rflib.noise_pruning.measure(model, split, split, recipes, draws=3)
        >>> [(outcome.recipe.order, len(outcome.validation)) for outcome in sweep.outcomes]
        [('before', 3), ('after', 3)]
    """
    if not recipes or draws < 1:
        raise UsageError(
            f"noise before pruning: expected at least one recipe and one draw, found {len(recipes)} and {draws}."
        )
    score = partial(accuracies, model, copies_at_once=copies_at_once, batch_size=batch_size, precision=precision)
    calibrated = partial(score, calibration=calibration)
    pruner = Pruner(model, seed=seed, scope=scope, live=live)
    rates = sorted({recipe.rate for recipe in recipes})

    def undisturbed() -> Iterator[Weights]:
        return (pruner.undisturbed(rate)[0] for rate in rates)

    def all_copies() -> Iterator[Weights]:
        return (copy for draw in range(draws) for copy, _ in pruner.copies(recipes, draw))

    scored = calibrated(all_copies(), validation)
    by_recipe = [tuple(scored[index :: len(recipes)]) for index in range(len(recipes))]
    selected = (
        next(pruner.copies([recipe], _best(found)))[0] for recipe, found in zip(recipes, by_recipe, strict=True)
    )
    tested = calibrated(selected, test)
    without_noise = zip(calibrated(undisturbed(), validation), calibrated(undisturbed(), test), strict=True)
    return Sweep(
        dense=Scores(score([{}], validation)[0], score([{}], test)[0]),
        unperturbed={rate: Scores(*scores) for rate, scores in zip(rates, without_noise, strict=True)},
        outcomes=tuple(map(Outcome, recipes, by_recipe, tested)),
    )


def _best(accuracies: Sequence[float]) -> int:
    return max(range(len(accuracies)), key=accuracies.__getitem__)
