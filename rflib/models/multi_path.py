"""The multi-path networks of "Should You Go Deeper?", MPNet18 and 36: blocks of two parallel paths.

The paper prints the structure in a figure and the counts of layers nowhere. Guessed here, and named as a guess wherever
results stand: one shared 3x3 convolution of stride 1 comes first; the stride of a stage is carried by both paths of its
first block, since the paths are said to share the first layer alone; stages start at 64 channels; the deeper block has
one 3x3 convolution beside two of 7x7.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.models.knob import convolution, scaled

_STAGE_CHANNELS = (64, 128, 256, 512)
_KERNELS = (3, 7)


class TwoPaths(nn.Module):
    """A path of 3x3 convolutions and one of 7x7, added; `lengths` gives the layers of each.

    Every convolution is followed by batch norm, and by a ReLU except where the paths meet; there it follows the sum.
    """

    def __init__(self, channels_in: int, channels: int, *, stride: int, lengths: tuple[int, int]) -> None:
        super().__init__()
        self.small, self.large = (
            _path(channels_in, channels, kernel, stride=stride, length=length)
            for kernel, length in zip(_KERNELS, lengths, strict=True)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the block's output, (n, c, h / stride, w / stride)."""
        return self.relu(self.small(maps) + self.large(maps))


class MultiPathNet(nn.Module):
    """Four stages of two-path blocks, images (n, 3, h, w) to logits (n, classes); every stage halves the map."""

    def __init__(self, config: ModelConfig, *, blocks: int, lengths: tuple[int, int]) -> None:
        super().__init__()
        channels = scaled(_STAGE_CHANNELS[0], config.width)
        self.conv1 = convolution(3, channels, 3)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        stages = []
        for full_width in _STAGE_CHANNELS:
            inner = scaled(full_width, config.width)
            first = TwoPaths(channels, inner, stride=2, lengths=lengths)
            rest = [TwoPaths(inner, inner, stride=1, lengths=lengths) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(first, *rest))
            channels = inner
        self.stages = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, config.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        maps = self.stages(self.relu(self.bn1(self.conv1(images))))
        return self.fc(torch.flatten(self.avgpool(maps), 1))


def _path(channels_in: int, channels: int, kernel: int, *, stride: int, length: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(length):
        layers += [convolution(channels_in, channels, kernel, stride=stride), nn.BatchNorm2d(channels)]
        if index < length - 1:
            layers.append(nn.ReLU(inplace=True))
        channels_in, stride = channels, 1
    return nn.Sequential(*layers)
