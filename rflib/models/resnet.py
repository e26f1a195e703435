"""ResNets: the paper's candidates, bottleneck networks whose stem pool sets the field, and those of basic blocks.

ResNet18 and 34 of "Should You Go Deeper?" come with and without stem, shortcuts and attention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.errors import UsageError
from rflib.models.attention import Attention, attention
from rflib.models.knob import KnobPool, convolution, resolve, scaled

_STAGE_CHANNELS = (64, 128, 256, 512)
_STRIDED_STAGES = (2, 3, 4)
_EXPANSION = 4
_BASIC_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a shortcut; the 3x3 carries stride and groups, as in torchvision."""

    def __init__(self, channels_in: int, channels: int, *, stride: int, dilation: int, groups: int) -> None:
        super().__init__()
        channels_out = channels * _EXPANSION
        self.conv1 = convolution(channels_in, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3, stride=stride, dilation=dilation, groups=groups)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = convolution(channels, channels_out, 1)
        self.bn3 = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels_in != channels_out:
            projection = convolution(channels_in, channels_out, 1, stride=stride)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(channels_out))

    def forward(self, maps: Tensor) -> Tensor:
        """Return the block's output, (n, 4 c, h / stride, w / stride)."""
        shortcut = maps if self.downsample is None else self.downsample(maps)
        maps = self.relu(self.bn1(self.conv1(maps)))
        maps = self.relu(self.bn2(self.conv2(maps)))
        # In place: a fresh tensor of this size costs more in page faults on a CPU than the addition itself.
        return self.relu(self.bn3(self.conv3(maps)).add_(shortcut))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, an attention add-on, and a shortcut unless it is taken away; names are torchvision's."""

    def __init__(self, channels_in: int, channels: int, *, stride: int, skips: bool, kind: Attention) -> None:
        super().__init__()
        self.conv1 = convolution(channels_in, channels, 3, stride=stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = convolution(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.attention = attention(kind, channels)
        self.relu = nn.ReLU(inplace=True)
        self.skips = skips
        self.downsample: nn.Sequential | None = None
        if skips and (stride != 1 or channels_in != channels):
            projection = convolution(channels_in, channels, 1, stride=stride)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Return the block's output, (n, c, h / stride, w / stride)."""
        inner = self.relu(self.bn1(self.conv1(maps)))
        inner = self.attention(self.bn2(self.conv2(inner)))
        if self.skips:
            inner = inner + (maps if self.downsample is None else self.downsample(maps))
        return self.relu(inner)


class StagedResNet(nn.Module):
    """What every ResNet here has, images (n, 3, h, w) to logits (n, classes); module names are torchvision's.

    `block(channels_in, channels, stride=…)` makes a block; the first one of the `strided` stages has stride 2.
    """

    def __init__(
        self,
        config: ModelConfig,
        conv1: nn.Conv2d,
        maxpool: nn.Module,
        block: Callable[..., nn.Module],
        *,
        blocks: Sequence[int],
        strided: Sequence[int],
        expansion: int,
    ) -> None:
        super().__init__()
        channels = conv1.out_channels
        self.conv1, self.bn1, self.relu = conv1, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        self.maxpool = maxpool
        for stage, (count, full_width) in enumerate(zip(blocks, _STAGE_CHANNELS, strict=True), start=1):
            inner = scaled(full_width, config.width)
            made = []
            for stride in [2 if stage in strided else 1] + [1] * (count - 1):
                made.append(block(channels, inner, stride=stride))
                channels = inner * expansion
            self.add_module(f"layer{stage}", nn.Sequential(*made))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, config.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in range(1, len(_STAGE_CHANNELS) + 1):
            maps = self.get_submodule(f"layer{stage}")(maps)
        return self.fc(torch.flatten(self.avgpool(maps), 1))


class RfResNet(StagedResNet):
    """A bottleneck ResNet with a 3x3 stem of stride 1; the knob's pool takes the place of torchvision's stem pool."""

    def __init__(self, config: ModelConfig, *, blocks: tuple[int, int, int, int]) -> None:
        knob, groups = resolve(config), config.cardinality
        for full_width in _STAGE_CHANNELS:
            _require_groups(scaled(full_width, config.width), config)
        block = partial(Bottleneck, dilation=knob.later_dilation, groups=groups)
        conv1 = convolution(3, scaled(_STAGE_CHANNELS[0], config.width), 3)
        strided = knob.kept(_STRIDED_STAGES)
        super().__init__(config, conv1, KnobPool(knob), block, blocks=blocks, strided=strided, expansion=_EXPANSION)


class BasicResNet(StagedResNet):
    """A ResNet of basic blocks.

    The stem is a 7x7 convolution of stride 2 and a 3x3 max pool of stride 2; without it one 3x3 convolution of stride
    1 stands in its place. Without shortcuts nothing is added, and the network is sequential.
    """

    def __init__(
        self, config: ModelConfig, *, depth: int, stem: bool = True, skips: bool = True, kind: Attention = "none"
    ) -> None:
        channels = scaled(_STAGE_CHANNELS[0], config.width)
        conv1 = convolution(3, channels, 7, stride=2) if stem else convolution(3, channels, 3)
        maxpool = nn.MaxPool2d(3, 2, padding=1) if stem else nn.Identity()
        block = partial(BasicBlock, skips=skips, kind=kind)
        blocks = _BASIC_BLOCKS[depth]
        super().__init__(config, conv1, maxpool, block, blocks=blocks, strided=_STRIDED_STAGES, expansion=1)


def _require_groups(channels: int, config: ModelConfig) -> None:
    if channels % config.cardinality:
        raise UsageError(
            f"cardinality {config.cardinality}: expected a divisor of the channels of every stage, found {channels} "
            f"channels at width {config.width:g}. Choose another cardinality or width."
        )
