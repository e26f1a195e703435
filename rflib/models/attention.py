"""Attention as an add-on of a block: gates between 0 and 1 that scale channels, positions, or both."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Attention = Literal["none", "spatial", "squeeze_excitation", "cbam"]

_REDUCTION = 16
_WINDOW = 7


class SqueezeExcitation(nn.Module):
    """Scale every channel by a gate computed from the means of all channels (Hu et al. 2018), (n, c, h, w) kept."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = _bottleneck(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the scaled maps."""
        return maps * torch.sigmoid(self.gate(maps.mean((2, 3), keepdim=True)))


class ChannelAttention(nn.Module):
    """As squeeze-and-excitation, from means and maxima through one shared bottleneck (Woo et al. 2018, CBAM)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = _bottleneck(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the scaled maps."""
        means, maxima = maps.mean((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
        return maps * torch.sigmoid(self.gate(means) + self.gate(maxima))


class SpatialAttention(nn.Module):
    """Scale every position by a gate from mean and maximum over channels in a 7x7 window (Woo et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.window = nn.Conv2d(2, 1, _WINDOW, padding=_WINDOW // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the scaled maps."""
        summary = torch.cat((maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)), dim=1)
        return maps * torch.sigmoid(self.window(summary))


def attention(kind: Attention, channels: int) -> nn.Module:
    """Return the add-on of one block; `none` passes maps on as they are."""
    if kind == "squeeze_excitation":
        return SqueezeExcitation(channels)
    if kind == "spatial":
        return SpatialAttention()
    if kind == "cbam":
        return nn.Sequential(ChannelAttention(channels), SpatialAttention())
    return nn.Identity()


def inside_attention(model: nn.Module) -> frozenset[str]:
    """Return the names of the modules that lie within an attention add-on of `model`.

    Example:
        >>> model = rflib.models.build(rflib.ModelConfig(architecture="resnet18_cbam", width=0.05))
        >>> sorted(rflib.models.inside_attention(model))[0]
        'layer1.0.attention.0.gate'
    """
    kinds = (SqueezeExcitation, ChannelAttention, SpatialAttention)
    addons = [name for name, module in model.named_modules() if isinstance(module, kinds)]
    return frozenset(name for name, _ in model.named_modules() if any(name.startswith(f"{a}.") for a in addons))


def _bottleneck(channels: int) -> nn.Sequential:
    inner = max(1, channels // _REDUCTION)
    return nn.Sequential(nn.Conv2d(channels, inner, 1), nn.ReLU(inplace=True), nn.Conv2d(inner, channels, 1))
