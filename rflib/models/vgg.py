"""The paper's VGG candidates: a VGG whose first convolution is followed by the pool that sets the field."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.models.initialisation import initialise
from rflib.models.knob import HalvingPool, Knob, KnobPool, convolution, resolve, scaled

_STAGE_CHANNELS = (64, 128, 256, 512, 512)


class RfVgg(nn.Module):
    """A batch-norm VGG, images (n, 3, h, w) to logits (n, classes).

    `convolutions` gives the number of 3x3 convolutions per stage; a 2x2 pool follows the stages in `halved`,
    but for the last of them that the settings omit.
    The knob's pool stands between the first and the second convolution. Module names follow torchvision's:
    `features` holds convolutions, norms and pools in order, `classifier` is one linear layer after global
    average pooling.
    """

    def __init__(self, config: ModelConfig, *, convolutions: tuple[int, ...], halved: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(*_features(config, convolutions, halved))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(scaled(_STAGE_CHANNELS[-1], config.width), config.classes)
        initialise(self, config.initialisation)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        maps = self.avgpool(self.features(images))
        return self.classifier(torch.flatten(maps, 1))


def _features(config: ModelConfig, convolutions: tuple[int, ...], halved: tuple[int, ...]) -> list[nn.Module]:
    knob = resolve(config)
    layers: list[nn.Module] = []
    channels = 3
    for stage, (count, full_width) in enumerate(zip(convolutions, _STAGE_CHANNELS, strict=True), start=1):
        for _ in range(count):
            layers += _block(channels, scaled(full_width, config.width), knob, first=not layers)
            channels = scaled(full_width, config.width)
        if stage in knob.kept(halved):
            layers.append(HalvingPool(knob))
    return layers


def _block(channels_in: int, channels_out: int, knob: Knob, *, first: bool) -> list[nn.Module]:
    dilation = 1 if first else knob.later_dilation
    layers = [
        convolution(channels_in, channels_out, 3, dilation=dilation),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    ]
    return [*layers, KnobPool(knob)] if first else layers


def rf_vgg19(config: ModelConfig) -> RfVgg:
    """Sixteen convolutions (2, 2, 4, 4, 4), 2x2 pools after stages 1 to 3: a field of 178 k + 2 pixels."""
    return RfVgg(config, convolutions=(2, 2, 4, 4, 4), halved=(1, 2, 3))


def rf_vgg16(config: ModelConfig) -> RfVgg:
    """Thirteen convolutions (2, 2, 3, 3, 3), 2x2 pools after stages 1 to 4, ceil mode by default.

    The other reading of the paper's labels: 178 k + 3 if pools are left out of the count.
    """
    return RfVgg(config, convolutions=(2, 2, 3, 3, 3), halved=(1, 2, 3, 4))
