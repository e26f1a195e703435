"""Networks of torchvision for short training: nothing is drawn at random, and running statistics keep up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torchvision
from torch import nn

from rflib.config import ModelConfig
from rflib.models.initialisation import initialise

# Dropped units and blocks would be drawn from torch's own state: a resumed run would not be the run it resumes.
_NEVER_DROPPED = {
    "mobilenet_v2": {"dropout": 0.0},
    "mobilenet_v3_small": {"dropout": 0.0},
    "mnasnet0_5": {"dropout": 0.0},
    "efficientnet_b0": {"dropout": 0.0, "stochastic_depth_prob": 0.0},
    "convnext_tiny": {"stochastic_depth_prob": 0.0},
}
# torch's own. Torchvision's, down to 0.0003 in MNASNet, takes tens of thousands of steps to follow the data.
_NORM_MOMENTUM = 0.1


def _mnasnet(*, width_mult: float, **settings: Any) -> nn.Module:
    return torchvision.models.MNASNet(alpha=0.5 * width_mult, **settings)


_OF_ANY_WIDTH: dict[str, Callable[..., nn.Module]] = {
    "mobilenet_v2": torchvision.models.mobilenet_v2,
    "mobilenet_v3_small": torchvision.models.mobilenet_v3_small,
    "mnasnet0_5": _mnasnet,
}


def of_torchvision(config: ModelConfig) -> nn.Module:
    """Return torchvision's network of this name, images (n, 3, h, w) to logits (n, classes); modules keep their names.

    Nothing is dropped in training, and batch norms have torch's momentum. Where torchvision multiplies channels, by
    `width`, it rounds them to multiples of 8 and takes at least 8; MNASNet's 0.5 is multiplied too.
    """
    name = config.architecture
    settings: dict[str, Any] = {"num_classes": config.classes, **_NEVER_DROPPED[name]}
    if name in _OF_ANY_WIDTH:
        network = _OF_ANY_WIDTH[name](width_mult=config.width, **settings)
    else:
        network = torchvision.models.get_model(name, weights=None, **settings)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = _NORM_MOMENTUM
    initialise(network, config.initialisation)
    return network
