"""Directions in the space of the weights, the network moved along one, and its mean loss there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib.activations import device_of
from rflib.errors import UsageError
from rflib.hessian import Batch, BatchStatistics, Loss, checked_images, prepared
from rflib.pruning import Mask, check_shapes
from rflib.seeding import stream_seed


@dataclass(frozen=True, eq=False)
class Direction:
    """A step of the weights: parameter name to tensor of the parameter's shape. Parameters left out stay put.

    An eigenvector of `hessian.top_eigenvalues(..., vectors=True)` is one: `Direction(spectrum.vectors[0])`.

    Example:
        >>> direction = rflib.sharpness.Direction({"weight": torch.tensor([3.0, 4.0])})
        >>> direction.norm
        5.0
        >>> direction.within(rflib.pruning.Mask({"weight": torch.tensor([True, False])})).norm
        3.0
    """

    parts: Mapping[str, Tensor]

    @property
    def norm(self) -> float:
        """The length of the step, over all parameters."""
        return math.hypot(*(float(torch.linalg.vector_norm(part, dtype=torch.float64)) for part in self.parts.values()))

    def check(self, model: nn.Module) -> None:
        """Raise unless every parameter that moves exists in `model` with the shape of its part."""
        check_shapes(model, self.parts, "direction", remedy=". Take a direction of this network.")

    def within(self, mask: Mask | None) -> Direction:
        """Return the direction with 0 for the weights that `mask` prunes."""
        if mask is None:
            return self
        kept = {name: mask.keep[name].to(part.device) for name, part in self.parts.items() if name in mask.keep}
        return Direction({name: part * kept[name] if name in kept else part for name, part in self.parts.items()})


def filter_normalised_direction(model: nn.Module, *, mask: Mask | None = None, seed: int = 0) -> Direction:
    """Return a random direction whose filters are as long as those of `model`, each on its own.

    Li et al., "Visualizing the Loss Landscape of Neural Nets", NeurIPS 2018: independent normal numbers, then
    `d |w| / |d|` for each filter, the weights of one output channel or linear unit. Biases and the scales and shifts of
    batch norm (all parameters of one axis) stay put, which their code calls `biasbn`. With a mask the direction is 0
    at pruned weights and a filter's length is that of the weights kept. Each parameter's numbers come from a
    generator of its own, from `seed` and its name. Raises UsageError for a mask that does not fit.

    Example:
        >>> model = nn.Conv2d(3, 8, 3)
        >>> direction = rflib.sharpness.filter_normalised_direction(model)
        >>> lengths = [direction.parts["weight"].flatten(1).norm(dim=1), model.weight.flatten(1).norm(dim=1)]
        >>> torch.allclose(*lengths), sorted(direction.parts)
        (True, ['weight'])
    """
    if mask is not None:
        mask.check(model)
    weights = {name: parameter.detach() for name, parameter in model.named_parameters() if parameter.dim() > 1}
    drawn = Direction({name: _normal(weight, stream_seed(seed, "direction", name)) for name, weight in weights.items()})
    survivors = Direction(weights).within(mask).parts
    return Direction({name: _as_long(part, survivors[name]) for name, part in drawn.within(mask).parts.items()})


@contextmanager
def line(model: nn.Module, direction: Direction) -> Iterator[Callable[[float], None]]:
    """Yield `move(step)`, which puts the weights w at w + step x direction; on leaving they are w, bit for bit."""
    direction.check(model)
    parameters = {name: parameter for name, parameter in model.named_parameters() if name in direction.parts}
    saved = {name: parameter.detach().clone() for name, parameter in parameters.items()}

    @torch.no_grad()
    def move(step: float) -> None:
        for name, parameter in parameters.items():
            parameter.copy_(torch.add(saved[name], direction.parts[name].to(parameter), alpha=step))

    try:
        yield move
    finally:
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(saved[name])


def _normal(like: Tensor, seed: int) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(like)


def _as_long(part: Tensor, weight: Tensor) -> Tensor:
    """Scale each filter of `part` to the length of that of `weight`; one without weights stays 0."""
    lengths = _filter_lengths(part)
    return part * (_filter_lengths(weight) / lengths.where(lengths > 0, 1))


def _filter_lengths(weight: Tensor) -> Tensor:
    """Return the length of each filter, shaped to multiply `weight`."""
    return torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.dim())), keepdim=True)


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
