"""Networks of torchvision: for short training, where nothing is drawn at random, and without weights."""

from __future__ import annotations

from typing import Any

import torch
import torchvision
from torch import nn

from rflib.config import FIXED_WIDTH, ModelConfig
from rflib.errors import UsageError, hint

# torch's own. Torchvision's, down to 0.0003 in MNASNet, takes tens of thousands of steps to follow the data.
_NORM_MOMENTUM = 0.1
# Auxiliary classifiers are for training alone, and are no part of what an image goes through.
_WITHOUT_AUXILIARY = {name: {"aux_logits": False, "init_weights": False} for name in ("googlenet", "inception_v3")}
# RegNet computes its widths from tensors while it is built, and these need their values.
_NEEDS_VALUES = "regnet"


def of_torchvision(config: ModelConfig, **settings: Any) -> nn.Module:
    """Return torchvision's network of this name, images (n, 3, h, w) to logits (n, classes); modules keep their names.

    `settings` are torchvision's, among them that nothing is dropped in training. Batch norms have torch's momentum.
    Where torchvision multiplies channels, by `width`, it rounds them to multiples of 8 and takes at least 8; MNASNet's
    0.5 is multiplied too.
    """
    name, width, settings = config.architecture, config.width, {"num_classes": config.classes, **settings}
    network: nn.Module
    if name == "mnasnet0_5":
        network = torchvision.models.MNASNet(alpha=0.5 * width, **settings)
    else:
        widened = {} if name in FIXED_WIDTH else {"width_mult": width}
        network = torchvision.models.get_model(name, weights=None, **widened, **settings)
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
