"""The linear form of operations whose units read a window of the map before, and of those that enlarge a map.

Values are zeros and ones, stored once for all channels.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib.errors import RflibError

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


def convolution(
    run: Run,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Sum the windows of a convolution; a bias makes every unit positive."""
    maps, kernel, dilation = one_channel(input), run.weight_of(weight), run.per_axis(dilation, 1)
    if padding == "same":
        rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel.shape[2:], strict=True))
        maps = F.pad(maps, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
    around = run.per_axis(0 if isinstance(padding, str) else padding, 0)
    summed = F.conv2d(maps, kernel, stride=run.per_axis(stride, 1), padding=around, dilation=dilation)
    return _recorded(run, "conv2d", weight, bias, summed).expand(-1, weight.shape[0], -1, -1)


def transposed_convolution(
    run: Run,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Spread every unit over a kernel and sum what meets."""
    around, beyond = run.per_axis(padding, 0), run.per_axis(output_padding, 0)
    step, apart = run.per_axis(stride, 1), run.per_axis(dilation, 1)
    kernel = run.weight_of(weight)
    summed = F.conv_transpose2d(one_channel(input), kernel, None, step, around, beyond, dilation=apart)
    run.enlarged = True
    return _recorded(run, "conv_transpose2d", weight, bias, summed).expand(-1, weight.shape[1] * groups, -1, -1)


def _recorded(run: Run, function: str, weight: Tensor, bias: Tensor | None, summed: Tensor) -> Tensor:
    output = support(summed if bias is None else summed + 1)
    run.record(function, weight, output)
    return output


def interpolate(
    run: Run,
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Enlarge a map; its weights must be positive."""
    if mode not in ("nearest", "nearest-exact", "bilinear") or align_corners or antialias:
        raise RflibError(
            f"interpolation by '{mode}' has no linear form with align_corners {bool(align_corners)} and antialias "
            f"{antialias}; expected nearest or bilinear without both. Measure the part of the network before it"
        )
    maps = one_channel(input)
    factors = None if scale_factor is None else tuple(map(float, run.per_axis(scale_factor, 1)))
    wanted = None if size is None else run.per_axis(size, 1)
    if maps.shape[2:] == (1, 1):
        # One value for all of a map, as after global pooling: stored once, so that it is seen to be a constant.
        sides = wanted or [int(side * factor) for side, factor in zip(input.shape[2:], factors or (), strict=True)]
        return maps.expand(-1, input.shape[1], *sides)
    run.enlarged = True
    enlarged = F.interpolate(maps, wanted, factors, mode, recompute_scale_factor=recompute_scale_factor)
    return support(enlarged).expand(-1, input.shape[1], -1, -1)


def pixel_shuffle(run: Run, input: Tensor, upscale_factor: int) -> Tensor:
    """Repeat every unit in a block of pixels."""
    run.enlarged = True
    factors = tuple(map(float, run.per_axis(upscale_factor, 1)))
    enlarged = F.interpolate(one_channel(input), None, factors, "nearest")
    return support(enlarged).expand(-1, input.shape[1] // upscale_factor**2, -1, -1)


def pixel_unshuffle(run: Run, input: Tensor, downscale_factor: int) -> Tensor:
    """Sum blocks of pixels."""
    blocks = max_pool(run, input, downscale_factor)
    return blocks[:, :1].expand(-1, input.shape[1] * downscale_factor**2, -1, -1)


def max_pool(
    run: Run,
    maps: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """Sum windows where torch takes their largest value."""
    kernel, stride = run.per_axis(kernel_size, 1), run.per_axis(stride or kernel_size, 1)
    padding, dilation = run.per_axis(padding, 0), run.per_axis(dilation, 1)
    extents = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    bottom, right = (
        _padding_after(*geometry, ceil_mode=ceil_mode)
        for geometry in zip(maps.shape[2:], extents, stride, padding, strict=True)
    )
    padded = F.pad(one_channel(maps), (padding[1], right, padding[0], bottom))
    window = torch.ones(1, 1, *kernel, dtype=maps.dtype)
    return support(F.conv2d(padded, window, stride=stride, dilation=dilation)).expand(-1, maps.shape[1], -1, -1)


def _padding_after(size: int, extent: int, stride: int, padding: int, *, ceil_mode: bool) -> int:
    """Return the padding at the end that makes an explicit window sum as long as torch's pooling output."""
    steps, rest = divmod(size + 2 * padding - extent, stride)
    # torch drops a window of ceil mode that would start in the padding at the end.
    if ceil_mode and rest and (steps + 1) * stride < size + padding:
        return padding + stride - rest
    return padding


def average_pool(
    run: Run,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    *_weighting: Any,
    **_named: Any,
) -> Tensor:
    """Sum windows where torch takes their mean."""
    return max_pool(run, input, kernel_size, stride, padding, ceil_mode=ceil_mode)


def adaptive_pool(run: Run, maps: Tensor, output_size: Any, return_indices: bool = False) -> Tensor:
    """Pool to a fixed size."""
    wanted = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    target = [have if want is None else want for want, have in zip(wanted, maps.shape[2:], strict=True)]
    pooled = support(F.adaptive_avg_pool2d(one_channel(maps), run.per_axis(target, 1)))
    return pooled.expand(-1, maps.shape[1], -1, -1)


def pad(run: Run, maps: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Tensor:
    """Pad or crop a map."""
    amounts = list(pad)
    if run.axis is not None:
        left_out = slice(0, 2) if run.axis == 0 else slice(2, 4)
        amounts[left_out] = [0] * len(amounts[left_out])
    spatial, channels = amounts[:4], sum(amounts[4:6])
    padded = F.pad(one_channel(maps), spatial, mode=mode, value=1.0 if value else None)
    return padded.expand(-1, maps.shape[1] + channels, -1, -1)


def power_pool(
    run: Run, input: Tensor, _norm: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """Sum windows where torch takes a norm of them."""
    return max_pool(run, input, kernel_size, stride, ceil_mode=ceil_mode)
