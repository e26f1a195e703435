"""Networks of torchvision: for short training, where nothing is drawn at random, and without weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torchvision
from torch import nn

from rflib.config import ModelConfig
from rflib.errors import UsageError, hint

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
# Auxiliary classifiers are for training alone, and are no part of what an image goes through.
_WITHOUT_AUXILIARY = {name: {"aux_logits": False, "init_weights": False} for name in ("googlenet", "inception_v3")}
# RegNet computes its widths from tensors while it is built, and these need their values.
_NEEDS_VALUES = "regnet"


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
    return network


def from_torchvision(name: str) -> nn.Module:
    """Return torchvision's classifier or segmentation network of this name as it comes, untrained.

    Auxiliary classifiers are left out. UsageError without a network of this name.

    Example:
        >>> rflib.models.from_torchvision("squeezenet1_1").eval()(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 1000])
    """
    catalogue = torchvision.models
    classifiers, segmenters = map(catalogue.list_models, (catalogue, catalogue.segmentation))
    if name not in (*classifiers, *segmenters):
        raise UsageError(
            f"unknown torchvision network '{name}': expected a classifier or a segmentation network of "
            f"torchvision.models.{hint(name, [*classifiers, *segmenters])}"
        )
    backbone = {"weights_backbone": None} if name in segmenters else {}
    network: nn.Module = catalogue.get_model(name, weights=None, **backbone, **_WITHOUT_AUXILIARY.get(name, {}))
    return network


def without_weights(name: str) -> nn.Module:
    """Return torchvision's network of this name on torch's "meta" device: its shapes alone; UsageError without one.

    Example:
        >>> next(rflib.models.without_weights("resnet50").parameters()).device
        device(type='meta')
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu" if name.startswith(_NEEDS_VALUES) else "meta"):
        model = from_torchvision(name)
    return model.to("meta").eval()
