"""VGGs: the paper's candidates, whose first convolution is followed by the pool that sets the field, and plain ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.models.knob import HalvingPool, KnobPool, convolution, resolve, scaled

_STAGE_CHANNELS = (64, 128, 256, 512, 512)
_HIDDEN_CHANNELS = 4096


class Vgg(nn.Module):
    """What every batch-norm VGG here does, images (n, 3, h, w) to logits (n, classes); module names are torchvision's.

    `features` holds convolutions, norms and pools in order; the last map is averaged before the `classifier`.
    """

    def __init__(self, features: list[nn.Module], classifier: nn.Module) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        return self.classifier(torch.flatten(self.avgpool(self.features(images)), 1))


class RfVgg(Vgg):
    """A VGG whose knob's pool stands between the first and the second convolution, with one linear layer at the end.

    `convolutions` gives the number of 3x3 convolutions per stage; a 2x2 pool follows the stages in `halved`,
    but for the last of them that the settings omit.
    """

    def __init__(self, config: ModelConfig, *, convolutions: tuple[int, ...], halved: tuple[int, ...]) -> None:
        knob = resolve(config)
        layers: list[nn.Module] = []
        channels = 3
        for stage, (count, full_width) in enumerate(zip(convolutions, _STAGE_CHANNELS, strict=True), start=1):
            for _ in range(count):
                inner = scaled(full_width, config.width)
                first = not layers
                layers += _block(channels, inner, dilation=1 if first else knob.later_dilation)
                layers += [KnobPool(knob)] if first else []
                channels = inner
            layers += [HalvingPool(knob)] if stage in knob.kept(halved) else []
        super().__init__(layers, nn.Linear(scaled(_STAGE_CHANNELS[-1], config.width), config.classes))


class PlainVgg(Vgg):
    """A standard VGG of "Should You Go Deeper?", for images of at least 32 pixels; a 2x2 pool follows every stage.

    The paper leaves open whether its VGGs have batch norm. Here they have, since at its learning rate of 0.1 none
    trains without. Small images leave one pixel for the three linear layers.
    """

    def __init__(self, config: ModelConfig, *, convolutions: tuple[int, ...], dilation: int = 1) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for count, full_width in zip(convolutions, _STAGE_CHANNELS, strict=True):
            for _ in range(count):
                inner = scaled(full_width, config.width)
                layers += _block(channels, inner, dilation=dilation)
                channels = inner
            layers.append(nn.MaxPool2d(2))
        hidden = scaled(_HIDDEN_CHANNELS, config.width)
        first = [nn.Linear(channels, hidden), nn.ReLU(inplace=True)]
        second = [nn.Linear(hidden, hidden), nn.ReLU(inplace=True)]
        super().__init__(layers, nn.Sequential(*first, *second, nn.Linear(hidden, config.classes)))


def _block(channels_in: int, channels_out: int, *, dilation: int) -> list[nn.Module]:
    normed = [convolution(channels_in, channels_out, 3, dilation=dilation), nn.BatchNorm2d(channels_out)]
    return [*normed, nn.ReLU(inplace=True)]
