"""What is recorded of the solution that training found: curvature and sharpness, dense and pruned, and its filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from rflib import filter_diversity, hessian, sharpness
from rflib.config import SharpnessSettings
from rflib.hessian import Batch
from rflib.pruning import magnitude_mask
from rflib.seeding import stream_seed
from rflib.study.subject import Recorded, Subject

Values = dict[str, Any]


def training_batches(subject: Subject, images: int, batch_size: int) -> list[Batch]:
    """Return batches of training images, as they are, with their labels."""
    split = subject.train_split.spread(images)
    return list(zip(split.normalise(split.images).split(batch_size), split.labels.split(batch_size), strict=True))


def sharpnesses(settings: SharpnessSettings, subject: Subject) -> Recorded:
    """Eigenvalues, trace, SAM's and ASAM's sharpness and filter diversity; the loss along two directions as rows.

    `_pruned` are the largest eigenvalue and the trace at the weights of the globally pruned network, among those that
    survive. `trace_error` is the standard error of a trace over its probes. `filter_similarity` and `relative_rank` are
    means over the convolutions. In float32, whatever the run was trained in.
    """
    # In the plain layout, as for the spectrum: one set of weights has one result, to the last digit.
    model = subject.network(settings.checkpoint).to(memory_format=torch.contiguous_format)
    batches = training_batches(subject, settings.images, settings.batch_size)
    curvature = partial(_curvature, settings, subject, model, batches)
    dense, vector = curvature()
    pruned, _ = curvature(mask=magnitude_mask(model, settings.rate))
    values = {
        **dense,
        **{f"{name}_pruned": value for name, value in pruned.items()},
        "sam": sharpness.measure(model, F.cross_entropy, batches, settings.rho).value,
        "asam": sharpness.measure(model, F.cross_entropy, batches, settings.adaptive_rho, adaptive=True).value,
        **_diversity(model),
        "images": sum(len(labels) for _, labels in batches),
        "rows": _curves(settings, subject, model, batches, sharpness.Direction(vector)),
    }
    return Recorded(values)


def _curvature(
    settings: SharpnessSettings, subject: Subject, model: nn.Module, batches: Sequence[Batch], **masked: Any
) -> tuple[Values, Mapping[str, torch.Tensor]]:
    """Return the eigenvalues and the trace, and the top eigenvector."""
    found = hessian.top_eigenvalues(
        model,
        F.cross_entropy,
        batches,
        k=settings.eigenvalues,
        tolerance=settings.tolerance,
        seed=stream_seed(subject.run.seed, "sharpness"),
        vectors=True,
        **masked,
    )
    seed = stream_seed(subject.run.seed, "trace")
    trace = hessian.trace(model, F.cross_entropy, batches, probes=settings.probes, seed=seed, **masked)
    values = {
        "eigenvalues": found.values.tolist(),
        "residuals": found.residuals.tolist(),
        "converged": found.converged,
        "largest": float(found.values[0]),
        "trace": trace.value,
        "trace_error": trace.standard_error,
    }
    return values, found.vectors[0]


def _diversity(model: nn.Module) -> Values:
    """Return means over the convolutions; one with fewer than two filters that are not zero has no similarity."""
    found = list(filter_diversity.measure(model).values())
    similarities = [layer.similarity for layer in found if np.isfinite(layer.similarity)]
    return {
        "filter_similarity": float(np.mean(similarities)) if similarities else None,
        "relative_rank": float(np.mean([layer.relative_rank for layer in found])),
    }


def _curves(
    settings: SharpnessSettings,
    subject: Subject,
    model: nn.Module,
    batches: Sequence[Batch],
    eigenvector: sharpness.Direction,
) -> list[Values]:
    """Return the loss at every step along the top eigenvector and along a random direction; None where not finite."""
    random = sharpness.filter_normalised_direction(model, seed=stream_seed(subject.run.seed, "direction"))
    lines = {
        "eigenvector": (eigenvector, settings.eigenvector_steps),
        "random": (random, settings.random_steps),
    }
    rows: list[Values] = []
    for name, (direction, steps) in lines.items():
        curve = sharpness.loss_along(model, F.cross_entropy, direction, steps, batches)
        pairs = zip(curve.steps.tolist(), curve.losses.tolist(), strict=True)
        rows += [{"line": name, "step": at, "loss": loss if np.isfinite(loss) else None} for at, loss in pairs]
    return rows
