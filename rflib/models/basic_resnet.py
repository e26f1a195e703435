"""The residual networks of "Should You Go Deeper?": ResNet18 and 34, with and without stem, shortcuts, attention."""

from __future__ import annotations

from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.models.attention import Attention, attention
from rflib.models.initialisation import initialise
from rflib.models.knob import convolution, scaled
from rflib.models.resnet import StagedResNet

_STAGE_CHANNELS = (64, 128, 256, 512)
_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


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


class BasicResNet(StagedResNet):
    """A ResNet of basic blocks, images (n, 3, h, w) to logits (n, classes); module names are torchvision's.

    The stem is a 7x7 convolution of stride 2 and a 3x3 max pool of stride 2; without it one 3x3 convolution of stride
    1 stands in its place. Without shortcuts nothing is added, and the network is sequential.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        depth: int,
        stem: bool = True,
        skips: bool = True,
        kind: Attention = "none",
    ) -> None:
        super().__init__()
        channels = scaled(_STAGE_CHANNELS[0], config.width)
        self.conv1 = convolution(3, channels, 7, stride=2) if stem else convolution(3, channels, 3)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if stem else nn.Identity()
        for stage, (count, full_width) in enumerate(zip(_BLOCKS[depth], _STAGE_CHANNELS, strict=True), start=1):
            inner = scaled(full_width, config.width)
            strides = [1 if stage == 1 else 2] + [1] * (count - 1)
            blocks = []
            for stride in strides:
                blocks.append(BasicBlock(channels, inner, stride=stride, skips=skips, kind=kind))
                channels = inner
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, config.classes)
        initialise(self, config.initialisation)
