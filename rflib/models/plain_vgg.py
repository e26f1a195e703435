"""The standard VGGs, without the knob: the sequential networks of "Should You Go Deeper?"."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.models.initialisation import initialise
from rflib.models.knob import convolution, scaled

_STAGE_CHANNELS = (64, 128, 256, 512, 512)
_HIDDEN_CHANNELS = 4096
# 3x3 convolutions a stage.
_DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class PlainVgg(nn.Module):
    """A batch-norm VGG, images (n, 3, h, w) of at least 32 pixels to logits (n, classes).

    A 2x2 pool follows each of the five stages; module names are torchvision's. "Should You Go Deeper?" leaves open
    whether its VGGs have batch norm. Here they have, since at its learning rate of 0.1 none trains without. Small
    images leave one pixel for the classifier, so the last map is averaged before the three linear layers.
    """

    def __init__(self, config: ModelConfig, *, depth: int, dilation: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for count, full_width in zip(_DEPTHS[depth], _STAGE_CHANNELS, strict=True):
            for _ in range(count):
                inner = scaled(full_width, config.width)
                layers += [convolution(channels, inner, 3, dilation=dilation), nn.BatchNorm2d(inner)]
                layers.append(nn.ReLU(inplace=True))
                channels = inner
            layers.append(nn.MaxPool2d(2))
        hidden = scaled(_HIDDEN_CHANNELS, config.width)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(channels, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, config.classes),
        )
        initialise(self, config.initialisation)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        return self.classifier(torch.flatten(self.avgpool(self.features(images)), 1))


def vgg11(config: ModelConfig) -> PlainVgg:
    """Eight convolutions; a field of 150 pixels after the last pool."""
    return PlainVgg(config, depth=11)


def vgg13(config: ModelConfig) -> PlainVgg:
    """Ten convolutions; a field of 156 pixels after the last pool."""
    return PlainVgg(config, depth=13)


def vgg16(config: ModelConfig) -> PlainVgg:
    """Thirteen convolutions; a field of 212 pixels after the last pool."""
    return PlainVgg(config, depth=16)


def vgg19(config: ModelConfig) -> PlainVgg:
    """Sixteen convolutions; a field of 268 pixels after the last pool."""
    return PlainVgg(config, depth=19)


def vgg19_dilated(config: ModelConfig) -> PlainVgg:
    """A VGG19 whose 3x3 kernels are dilated by 3, so that they span 7x7 pixels with as many parameters."""
    return PlainVgg(config, depth=19, dilation=3)
