"""What a caller may ask of, a network and the shape of its images, and the answer: the field of one layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

from torch import nn

from rflib.errors import UsageError

Pair = tuple[float, float]


def check_request(model: object, input_shape: Sequence[int]) -> None:
    """Raise a UsageError unless `input_shape` is (channels, height, width), positive, and `model` is a network."""
    if not isinstance(model, nn.Module):
        raise UsageError(f"expected a network, an instance of torch.nn.Module, found {model!r}")
    sides = list(input_shape) if isinstance(input_shape, Sequence) else []
    if len(sides) != 3 or not all(isinstance(side, Integral) and side > 0 for side in sides):
        raise UsageError(f"input_shape: expected (channels, height, width), all positive, found {input_shape}")


@dataclass(frozen=True)
class LayerField:
    """The field of one layer; every pair is (height, width), lengths are in input pixels.

    r_min, r_max: size over the shortest path and over all paths together.
    stride: distance between the fields of neighbouring units.
    offset: first pixel of unit 0's largest field (negative: it lies in the padding; -effective padding).
    Where the map was enlarged, units see windows of several sizes at unequal distances: r_min is then that of the
    unit that sees least, r_max that of the one that sees most, stride and offset are averages over the units.
    map_size: units of the layer's output.
    input_r_min, input_r_max, input_stride: the same for the layer's input, the smallest over all of its inputs.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, stride=2))
        >>> field = rflib.receptive_field.analyse(model, (3, 32, 32))["1"]
        >>> field.r_max, field.stride, field.offset, field.centre((1, 1))
        ((5, 5), (2, 2), (-1, -1), (3.0, 3.0))
    """

    name: str
    operation: str
    r_min: Pair
    r_max: Pair
    stride: Pair
    offset: Pair
    map_size: tuple[int, int]
    input_r_min: Pair
    input_r_max: Pair
    input_stride: Pair

    @property
    def is_convolution(self) -> bool:
        """Whether the layer is a convolution, a transposed one included."""
        return self.operation in ("conv2d", "conv_transpose2d")

    @property
    def is_finite(self) -> bool:
        """Whether the layer sees a bounded part of the image."""
        return all(map(math.isfinite, self.r_min))

    @property
    def kernel(self) -> Pair:
        """Extent of the layer's window in units of its input, dilation included; 1 without widening."""
        if not self.is_finite:
            return math.inf, math.inf
        height, width = (
            max(1.0, (own - before) / step + 1)
            for own, before, step in zip(self.r_min, self.input_r_min, self.input_stride, strict=True)
        )
        return height, width

    def centre(self, unit: tuple[int, int]) -> Pair:
        """Return the centre of a unit's largest field in pixels, (0, 0) being the centre of the first pixel."""
        row, column = (
            start + index * stride + (size - 1) / 2
            for start, index, stride, size in zip(self.offset, unit, self.stride, self.r_max, strict=True)
        )
        return row, column

    def unit_at(self, centre: Pair) -> Pair:
        """Return the unit (fractional between units) whose field is centred on a pixel: the inverse of `centre`."""
        row, column = (
            (pixel - start - (size - 1) / 2) / stride
            for pixel, start, stride, size in zip(centre, self.offset, self.stride, self.r_max, strict=True)
        )
        return row, column
