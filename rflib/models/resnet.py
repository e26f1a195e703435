"""The paper's ResNet candidates: bottleneck networks whose stem pool sets the field."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.errors import UsageError
from rflib.models.initialisation import initialise
from rflib.models.knob import KnobPool, convolution, resolve, scaled

_STAGE_CHANNELS = (64, 128, 256, 512)
_STRIDED_STAGES = (2, 3, 4)
_EXPANSION = 4


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


class StagedResNet(nn.Module):
    """What every ResNet here does with the layers that its kind has made; module names are torchvision's."""

    conv1: nn.Conv2d
    bn1: nn.BatchNorm2d
    relu: nn.ReLU
    maxpool: nn.Module
    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential
    avgpool: nn.AdaptiveAvgPool2d
    fc: nn.Linear

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps = stage(maps)
        return self.fc(torch.flatten(self.avgpool(maps), 1))


class RfResNet(StagedResNet):
    """A bottleneck ResNet, images (n, 3, h, w) to logits (n, classes), with a 3x3 stem of stride 1.

    The knob's pool takes the place of torchvision's stem pool; module names are torchvision's.
    """

    def __init__(self, config: ModelConfig, *, blocks: tuple[int, int, int, int]) -> None:
        super().__init__()
        knob = resolve(config)
        stem = scaled(_STAGE_CHANNELS[0], config.width)
        self.conv1 = convolution(3, stem, 3)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = KnobPool(knob)
        channels = stem
        for stage, (count, full_width) in enumerate(zip(blocks, _STAGE_CHANNELS, strict=True), start=1):
            inner = scaled(full_width, config.width)
            _require_groups(inner, config)
            stride = 2 if stage in knob.kept(_STRIDED_STAGES) else 1
            later = {"dilation": knob.later_dilation, "groups": config.cardinality}
            self.add_module(f"layer{stage}", _stage(channels, inner, count, stride=stride, **later))
            channels = inner * _EXPANSION
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, config.classes)
        initialise(self, config.initialisation)


def _stage(channels_in: int, channels: int, count: int, *, stride: int, dilation: int, groups: int) -> nn.Sequential:
    ends = [(channels_in, stride)] + [(channels * _EXPANSION, 1)] * (count - 1)
    blocks = [Bottleneck(before, channels, stride=step, dilation=dilation, groups=groups) for before, step in ends]
    return nn.Sequential(*blocks)


def _require_groups(channels: int, config: ModelConfig) -> None:
    if channels % config.cardinality:
        raise UsageError(
            f"cardinality {config.cardinality}: expected a divisor of the channels of every stage, found {channels} "
            f"channels at width {config.width:g}. Choose another cardinality or width."
        )


def rf_resnet50(config: ModelConfig) -> RfResNet:
    """Bottlenecks (3, 4, 6, 3): a field of 105 k + 2 pixels."""
    return RfResNet(config, blocks=(3, 4, 6, 3))


def rf_resnet26(config: ModelConfig) -> RfResNet:
    """Bottlenecks (2, 2, 2, 2): the shallower network with the same components that the paper announces."""
    return RfResNet(config, blocks=(2, 2, 2, 2))
