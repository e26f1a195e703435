"""The receptive-field knob: what the pool after the first convolution does to itself and to all later layers.

Below k = 1 it goes on by later downsamplings that are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from rflib.config import ModelConfig


@dataclass(frozen=True)
class Knob:
    """The knob, resolved: geometry of the pool, and the dilation of every later layer with a spatial kernel.

    `padding` is the pool's own, in pixels on every side. The last `omitted` of the later downsamplings are left out.

    Example:
        >>> knob = rflib.models.resolve(rflib.ModelConfig(pool_kernel=2, omitted_downsamplings=1))
        >>> knob.kernel, knob.stride, knob.kept((2, 3, 4))
        (2, 2, (2, 3))
    """

    kernel: int
    stride: int
    dilation: int
    ceil_mode: bool
    pads_to_multiple: bool
    later_dilation: int
    omitted: int = 0
    padding: int = 0

    def kept(self, stages: tuple[int, ...]) -> tuple[int, ...]:
        """Return those of the stages with a downsampling, in order, that keep theirs."""
        return stages[: len(stages) - self.omitted]


def resolve(config: ModelConfig) -> Knob:
    """Return the knob of a model's settings; the number of parameters never depends on it.

    Example:
        >>> knob = rflib.models.resolve(rflib.ModelConfig(pool_kernel=2, map_size="dilated"))
        >>> knob.kernel, knob.stride, knob.later_dilation
        (2, 1, 2)
    """
    dilated = config.map_size == "dilated"
    return Knob(
        kernel=config.pool_kernel,
        stride=1 if dilated else config.pool_stride or config.pool_kernel,
        dilation=config.pool_dilation,
        ceil_mode=config.ceil_mode or False,
        pads_to_multiple=config.map_size == "padded",
        later_dilation=config.pool_kernel if dilated else 1,
        omitted=config.omitted_downsamplings,
        padding=config.pool_padding,
    )


class KnobPool(nn.Module):
    """Max pooling of kernel k after the first convolution, shape (n, c, h, w) to about (n, c, h/k, w/k).

    It expects non-negative maps (after a ReLU), so that padding with zeros never wins against a pixel.
    With `pads_to_multiple` the input is first zero-padded to k times its size, so the map keeps its size;
    with stride 1 the input is padded by the window's overhang, which keeps the size too. A pool with a padding of
    its own is torch's, whatever its stride.
    """

    def __init__(self, knob: Knob) -> None:
        super().__init__()
        self.pads_to_multiple = knob.pads_to_multiple
        self.window = (knob.kernel - 1) * knob.dilation + 1
        self.keeps_size = knob.stride == 1 and knob.kernel > 1 and not knob.padding
        self.kernel = knob.kernel
        self.pool = nn.MaxPool2d(knob.kernel, knob.stride, knob.padding, knob.dilation, ceil_mode=knob.ceil_mode)

    def forward(self, maps: Tensor) -> Tensor:
        """Pool a batch of non-negative maps."""
        height, width = maps.shape[-2:]
        if self.pads_to_multiple:
            overhang = self.window - self.kernel
            maps = zero_pad(maps, (self.kernel - 1) * height + overhang, (self.kernel - 1) * width + overhang)
        elif self.keeps_size:
            maps = zero_pad(maps, self.window - 1, self.window - 1)
        return self.pool(maps)


class HalvingPool(nn.Module):
    """The 2x2 pool of stride 2 between VGG stages, its window spread by the later layers' dilation."""

    def __init__(self, knob: Knob) -> None:
        super().__init__()
        self.overhang = knob.later_dilation - 1
        self.pool = nn.MaxPool2d(2, 2, dilation=knob.later_dilation, ceil_mode=knob.ceil_mode)

    def forward(self, maps: Tensor) -> Tensor:
        """Halve non-negative maps; zero padding makes up for the spread window."""
        return self.pool(zero_pad(maps, self.overhang, self.overhang) if self.overhang else maps)


def zero_pad(maps: Tensor, rows: int, columns: int) -> Tensor:
    """Add zero rows and columns around maps, the odd one at the end."""
    top, left = rows // 2, columns // 2
    return F.pad(maps, (left, columns - left, top, rows - top))


def convolution(
    channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Return a convolution without bias whose padding keeps the map's size at stride 1."""
    padding = (kernel // 2) * dilation
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding, dilation, groups, bias=False)


def scaled(channels: int, width: float) -> int:
    """Return a channel count under a width multiplier, at least one."""
    return max(1, round(channels * width))
