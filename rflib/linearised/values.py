"""Values of a linearised run: zeros and ones, stored once for all channels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

# Below what any operation weighs a value with: rounding leaves an interpolation a weight of 1e-17 where it has none.
_NO_WEIGHT = 1e-9


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
