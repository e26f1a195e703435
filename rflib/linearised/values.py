"""Values of a linearised run: zeros and ones, stored once for all channels; and what rules may ask of the run."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

# Below what any operation weighs a value with: rounding leaves an interpolation a weight of 1e-17 where it has none.
_NO_WEIGHT = 1e-9


class Run(Protocol):
    """What the linear form of an operation may ask of its run, and tell it; `rflib.linearised.Linearised` is one."""

    axis: int | None
    enlarged: bool

    def per_axis(self, value: Any, neutral: int) -> tuple[int, int]:
        """Return a setting as (height, width), `neutral` for the axis that is left out."""

    def weight_of(self, parameter: Tensor) -> Tensor:
        """Return the one-channel weight that stands for `parameter`."""

    def record(self, function: str, parameter: Tensor, output: Tensor) -> None:
        """Add a convolution that has just run."""


class _Support(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        return (values > _NO_WEIGHT).to(values.dtype)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return (gradients[0] > _NO_WEIGHT).to(gradients[0].dtype)


def support(values: Tensor) -> Tensor:
    """Return 1 where `values` is positive, 0 elsewhere; the gradient that comes back is reduced alike."""
    reduced: Tensor = _Support.apply(values)
    return reduced


def is_live(value: Any) -> bool:
    """Whether a value depends on the image: parameters and buffers of the model are constants here."""
    return isinstance(value, Tensor) and value.requires_grad and not isinstance(value, nn.Parameter)


def compact(values: Tensor) -> Tensor:
    """Drop repetition: every expanded dimension comes down to one entry."""
    for dimension, (size, step) in enumerate(zip(values.shape, values.stride(), strict=True)):
        if step == 0 and size > 1:
            values = values.narrow(dimension, 0, 1)
    return values


def one_channel(values: Tensor, dimension: int = 1) -> Tensor:
    """Return what all channels hold together, as one channel."""
    return compact(values).sum(dimension, keepdim=True)
