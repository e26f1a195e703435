"""What is recorded of noise before pruning: what copies score, and how far the variances of their features move."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from statistics import fmean, pstdev
from typing import Any

import torch
from torch import Tensor, nn

from rflib import activations, feature_variance, noise_pruning
from rflib.config import FeatureVarianceSettings, NoiseSettings
from rflib.data.splits import Split
from rflib.errors import UsageError
from rflib.noise_pruning import Outcome, Recipe, Sweep
from rflib.pruning import magnitude_mask, prunable_weights, replaced
from rflib.study.record.pruning import live_weights, training_batches
from rflib.study.subject import Recorded, Subject

Values = dict[str, Any]
Weights = dict[str, Tensor]


def noise(settings: NoiseSettings, subject: Subject) -> Recorded:
    """Accuracy in percent of noisy, pruned copies, one row a recipe, and of the network dense and pruned as it is.

    `mean` and `deviation` are over all draws on the images of the selection, `selected` that of the best of them there
    and `tested` its accuracy on the images between. The benefits are `mean` and `tested` less what pruning without
    noise scores on the same images, in points.
    """
    model = subject.network(settings.checkpoint)
    selection, test = _halves(subject.test_split, settings)
    sweep = noise_pruning.measure(
        model,
        selection,
        test,
        noise_pruning.grid(settings.kinds, settings.scales, settings.rates, settings.orders),
        draws=settings.draws,
        seed=subject.run.seed,
        scope=settings.scope,
        live=live_weights(subject, model),
        calibration=training_batches(subject, settings.calibration_images) or None,
        precision=subject.run.config.precision,
    )
    values = {
        "rows": [_row(sweep, outcome) for outcome in sweep.outcomes],
        "scope": settings.scope,
        "calibrated": settings.calibration_images > 0,
        "draws": settings.draws,
        "dense_accuracy": sweep.dense.test,
        "selection_images": len(selection),
        "test_images": len(test),
    }
    return Recorded(values)


def feature_variances(settings: FeatureVarianceSettings, subject: Subject) -> Recorded:
    """Discrepancy and dispersion of the variances of a pruned network's features, one row a rate and noise.

    Both as `rflib.feature_variance` defines them, as means over the draws. Scale 0 is pruning without noise, whose
    order is "none". `calibrated`: batch-norm statistics are re-estimated, also those of the dense network beside it.
    """
    model, images = subject.network(settings.checkpoint), training_batches(subject, settings.images)
    statistics = {False: None, True: training_batches(subject, settings.calibration_images)}
    live = live_weights(subject, model) if settings.scope == "live" else None
    dense = {calibrated: _variances(model, {}, images, batches) for calibrated, batches in statistics.items()}
    rows = []
    for rate in settings.rates:
        mask = magnitude_mask(model, rate, scope=settings.scope, live=live).keep
        plain = {name: weight * mask[name] for name, weight in prunable_weights(model).items()}
        groups: list[tuple[str, float, Sequence[Weights]]] = [("none", 0.0, [plain])]
        groups += [(r.order, r.scale, _copies(settings, model, r, live, subject)) for r in _recipes(settings, rate)]
        for order, scale, copies in groups:
            for calibrated, batches in statistics.items():
                found = [_variances(model, weights, images, batches) for weights in copies]
                rows.append(
                    {
                        "rate": rate,
                        "order": order,
                        "scale": scale,
                        "calibrated": calibrated,
                        "discrepancy": fmean(feature_variance.discrepancy(each, dense[calibrated]) for each in found),
                        "dispersion": fmean(feature_variance.dispersion(each) for each in found),
                    }
                )
    values = {"scope": settings.scope, "kind": settings.kind, "draws": settings.draws}
    return Recorded({"rows": rows, **values, "dense_dispersion": feature_variance.dispersion(dense[False])})


def _row(sweep: Sweep, outcome: Outcome) -> Values:
    recipe, plain = outcome.recipe, sweep.unperturbed[outcome.recipe.rate]
    return {
        "kind": recipe.kind,
        "scale": recipe.scale,
        "rate": recipe.rate,
        "order": recipe.order,
        "mean": outcome.mean,
        "deviation": pstdev(outcome.validation),
        "selected": max(outcome.validation),
        "tested": outcome.test,
        "pruned_selection": plain.validation,
        "pruned_tested": plain.test,
        "mean_benefit": sweep.mean_benefit(outcome),
        "benefit": sweep.best_benefit(outcome),
    }


def _halves(split: Split, settings: NoiseSettings) -> tuple[Split, Split]:
    """Return the images that select and those that score: the even and the odd ones, up to the numbers asked for."""
    if len(split) < 2:
        raise UsageError(
            f"noise before pruning: expected at least 2 test images, one to select on and one to score, found "
            f"{len(split)}. Choose a larger data set."
        )
    selection, test = (replace(split, images=split.images[start::2], labels=split.labels[start::2]) for start in (0, 1))
    return selection.spread(settings.selection_images), test.spread(settings.test_images)


def _recipes(settings: FeatureVarianceSettings, rate: float) -> list[Recipe]:
    return noise_pruning.grid([settings.kind], settings.scales, [rate], settings.orders)


def _copies(
    settings: FeatureVarianceSettings, model: nn.Module, recipe: Recipe, live: Weights | None, subject: Subject
) -> list[Weights]:
    """Return the weights of all noisy, pruned copies of one recipe: the same as in the analysis `noise`."""
    return [
        noise_pruning.pruned_copy(model, recipe, draw, seed=subject.run.seed, scope=settings.scope, live=live)[0]
        for draw in range(settings.draws)
    ]


def _variances(
    model: nn.Module, weights: Weights, images: Sequence[Tensor], calibration: Sequence[Tensor] | None
) -> dict[str, feature_variance.ChannelVariances]:
    with ExitStack() as stack, torch.no_grad():
        stack.enter_context(replaced(model, weights))
        if calibration is not None:
            stack.enter_context(activations.frozen_statistics(model, calibration))
        return feature_variance.measure(model, images)
