"""Kernel padding: kernels extended until every pixel is read equally often."""

from __future__ import annotations

import copy
import math
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib.errors import UsageError, require_known
from rflib.seeding import stream_seed

Taps = Literal["zeros", "random"]


class PaddedConvolution(nn.Conv2d):
    """A convolution that pads `extra` (rows, columns) of zeros below and to the right, besides its own padding.

    Example:
        >>> layer = rflib.pixel_sensitivity.PaddedConvolution(3, 8, 4, stride=2, padding=1, extra=(1, 1))
        >>> layer(torch.zeros(1, 3, 16, 16)).shape  # as of a kernel of 3
        torch.Size([1, 8, 8, 8])
    """

    def __init__(self, *args: Any, extra: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.extra = extra

    def forward(self, input: Tensor) -> Tensor:
        """Return maps (n, c, h, w) of the size that the kernel without its extension would give."""
        rows, columns = self.extra
        return super().forward(F.pad(input, (0, columns, 0, rows)))

    def extra_repr(self) -> str:
        """Return the settings for printing."""
        return f"{super().extra_repr()}, extra={self.extra}"


def pad_kernels(model: nn.Module, *, taps: Taps = "zeros", seed: int = 0) -> nn.Module:
    """Return a copy of `model` whose strided convolutions read every pixel equally often; shapes stay as they are.

    The definition used: along each axis a kernel whose size is no multiple of its stride is extended to the next one at
    its end (below, to the right), so 3 becomes 4, 7 becomes 8 and the 1 of a shortcut becomes 2 at stride 2; each phase
    of pixels then has equally many taps. The input is padded with as many zeros there, so that maps keep their size and
    every old tap its place. The new taps are weights like the others and are trained with them: a tap that stays zero
    reads nothing and cures nothing. They start as

    - "zeros": the copy computes what the model does, trained or not, so that the two can be compared from one start;
    - "random": normal numbers with the root mean square of the layer's weights, from `seed` and the layer's name, for
      a network that is yet to be trained: its pixels are balanced from the first step.

    Pools are left as they are, having no weights, and so are dilations that share a factor with the stride, where every
    tap meets the same phase. Raises UsageError for unknown `taps` or a padding mode other than zeros.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1))
        >>> padded = rflib.pixel_sensitivity.pad_kernels(model)
        >>> padded[0].kernel_size, padded(torch.zeros(1, 3, 16, 16)).shape
        ((4, 4), torch.Size([1, 8, 8, 8]))
    """
    require_known("taps", taps, get_args(Taps))
    padded = copy.deepcopy(model)
    replaced = {}
    for name in uneven_convolutions(padded):
        convolution = padded.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        replaced[id(convolution)] = _extended(name, convolution, taps, seed)
    if id(padded) in replaced:
        return replaced[id(padded)]
    for parent in list(padded.modules()):
        for name, child in list(parent._modules.items()):
            if id(child) in replaced:
                setattr(parent, name, replaced[id(child)])
    return padded


def uneven_convolutions(model: nn.Module) -> tuple[str, ...]:
    """Return the names of the convolutions that `pad_kernels` extends.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, stride=2), nn.Conv2d(8, 8, 2, stride=2))
        >>> rflib.pixel_sensitivity.uneven_convolutions(model)
        ('1',)
    """
    return tuple(
        name for name, module in model.named_modules() if isinstance(module, nn.Conv2d) and any(_missing(module))
    )


def _missing(convolution: nn.Conv2d) -> tuple[int, int]:
    """Return how many taps are missing to a multiple of the stride, along (height, width)."""
    rows, columns = (
        -kernel % stride if math.gcd(stride, dilation) == 1 else 0
        for kernel, stride, dilation in zip(
            convolution.kernel_size, convolution.stride, convolution.dilation, strict=True
        )
    )
    return rows, columns


def _extended(name: str, convolution: nn.Conv2d, taps: Taps, seed: int) -> PaddedConvolution:
    if convolution.padding_mode != "zeros":
        raise UsageError(
            f"kernel padding: expected convolutions padded with zeros, found padding_mode="
            f"'{convolution.padding_mode}' in '{name}'."
        )
    rows, columns = _missing(convolution)
    (height, width), (vertical, horizontal) = convolution.kernel_size, convolution.dilation
    weight = F.pad(convolution.weight.detach(), (0, columns, 0, rows))
    if taps == "random":
        generator = torch.Generator().manual_seed(stream_seed(seed, "kernel padding", name))
        scale = convolution.weight.detach().square().mean().sqrt()
        drawn = torch.randn(weight.shape, generator=generator).to(weight) * scale
        drawn[..., :height, :width] = convolution.weight.detach()
        weight = drawn
    with torch.device("meta"):  # no weights are drawn: they are put in place below
        extended = PaddedConvolution(
            convolution.in_channels,
            convolution.out_channels,
            (height + rows, width + columns),
            convolution.stride,
            convolution.padding,
            convolution.dilation,
            convolution.groups,
            bias=convolution.bias is not None,
            extra=(rows * vertical, columns * horizontal),
        )
    extended.weight = nn.Parameter(weight, requires_grad=convolution.weight.requires_grad)
    extended.bias = convolution.bias
    return extended.train(convolution.training)
