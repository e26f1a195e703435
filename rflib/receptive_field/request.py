"""What a caller may ask of: a network, and the shape of its images."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import nn

from rflib.errors import UsageError


def check_request(model: object, input_shape: Sequence[int]) -> None:
    """Raise a UsageError unless `input_shape` is (channels, height, width), positive, and `model` is a network."""
    if not isinstance(model, nn.Module):
        raise UsageError(f"expected a network, an instance of torch.nn.Module, found {model!r}")
    sides = list(input_shape) if isinstance(input_shape, Sequence) else []
    if len(sides) != 3 or not all(isinstance(side, Integral) and side > 0 for side in sides):
        raise UsageError(f"input_shape: expected (channels, height, width), all positive, found {input_shape}")
