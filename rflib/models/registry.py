"""From settings to a network, reproducibly."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from rflib.config import ModelConfig
from rflib.models.resnet import rf_resnet26, rf_resnet50
from rflib.models.vgg import rf_vgg16, rf_vgg19

ARCHITECTURES: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "rf_vgg16": rf_vgg16,
    "rf_vgg19": rf_vgg19,
    "rf_resnet26": rf_resnet26,
    "rf_resnet50": rf_resnet50,
}


def build(config: ModelConfig, *, seed: int = 0) -> nn.Module:
    """Return the network that `config` describes, its weights drawn from `seed`; torch's own state is untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every GPU too
        return ARCHITECTURES[config.architecture](config)
