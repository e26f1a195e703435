"""The mean loss along a line through the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rflib.activations import device_of
from rflib.errors import UsageError
from rflib.hessian import Batch, BatchStatistics, Loss, checked_images, prepared
from rflib.pruning import Mask
from rflib.sharpness.direction import Direction, line


@dataclass(frozen=True, eq=False)
class LossCurve:
    """The mean loss over `images` images at w + step x direction: `steps` and `losses` (n,), float64.

    Example:
        >>> curve = rflib.sharpness.LossCurve(np.array([-1.0, 0.0, 1.0]), np.array([0.0, 1.0, 4.0]), 2, "batch")
        >>> float(curve.steps[curve.losses.argmin()])
        -1.0
    """

    steps: NDArray[np.float64]
    losses: NDArray[np.float64]
    images: int
    batch_statistics: BatchStatistics


def loss_along(
    model: nn.Module,
    loss: Loss,
    direction: Direction,
    steps: Sequence[float],
    batches: Sequence[Batch],
    *,
    mask: Mask | None = None,
    batch_statistics: BatchStatistics = "batch",
) -> LossCurve:
    """Return the mean of `loss` over all `batches` at the weights w + step x `direction`, for each of `steps`.

    Steps are multiples of the direction, in the order given; negative ones go the other way. With a mask w are the
    weights of the pruned network, and pruned weights stay 0. Batch norm normalises by each batch anew at every step
    ("batch"; the length of the weights before it then does not matter), or by statistics over `batches` that belong
    to w and are held along the line ("frozen"); dropout is off. Losses far out may be infinite or NaN.

    Costs a forward pass over `batches` a step. The model is left as it was, also after an exception. Raises UsageError
    for no steps, steps that are not finite, and arguments that do not fit.

    Example:
        >>> model, loss = nn.Linear(1, 1, bias=False), nn.functional.mse_loss
        >>> _ = nn.init.ones_(model.weight)
        >>> batches = [(torch.ones(2, 1), torch.zeros(2, 1))]  # the loss is w²
        >>> line = rflib.sharpness.Direction({"weight": torch.ones(1, 1)})
        >>> rflib.sharpness.loss_along(model, loss, line, [-1, 0, 1], batches).losses.tolist()
        [0.0, 1.0, 4.0]
    """
    places = np.array(steps, dtype=np.float64)
    if not places.size or not np.isfinite(places).all():
        found = "none" if not places.size else f"{places[~np.isfinite(places)][0]}"
        raise UsageError(
            f"loss curve: expected at least one step, all finite, found {found}. Use np.linspace(-1, 1, 21)."
        )
    images = checked_images(loss, batches)
    direction.check(model)
    with prepared(model, batches, batch_statistics, mask), line(model, direction.within(mask)) as move:
        losses = np.empty_like(places)
        for index, step in enumerate(places.tolist()):
            move(step)
            losses[index] = mean_loss(model, loss, batches)
    return LossCurve(places, losses, images, batch_statistics)


@torch.no_grad()
def mean_loss(model: nn.Module, loss: Loss, batches: Sequence[Batch]) -> float:
    """Return the mean of `loss` over all images of `batches`, in the mode that `model` is in."""
    device = device_of(model)
    total = sum(float(loss(model(x.to(device)), labels.to(device))) * len(x) for x, labels in batches)
    return total / sum(len(x) for x, _ in batches)
