"""From settings to a network, reproducibly."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from rflib.config import ModelConfig, architectures


def _constructor(path: str, arguments: dict[str, Any]) -> Callable[[ModelConfig], nn.Module]:
    module, _, name = path.partition(":")
    return partial(getattr(importlib.import_module(f"rflib.models.{module}"), name), **arguments)


ARCHITECTURES = {name: _constructor(*built) for name, built in architectures.ARCHITECTURES.items()}
"""What takes settings and returns the network of each name, its weights as torch draws them."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw what is drawn inside, such as a new layer's weights, from `seed`; torch's own state is untouched.

    Example:
        >>> with rflib.models.seeded(0):
        ...     first = nn.Linear(2, 2)
        >>> with rflib.models.seeded(0):
        ...     torch.equal(first.weight, nn.Linear(2, 2).weight)
        True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every GPU too
        yield


def build(config: ModelConfig, *, seed: int = 0) -> nn.Module:
    """Return the network that `config` describes, its weights drawn from `seed`; torch's own state is untouched.

    It takes images (n, 3, h, w) to logits (n, classes). Raises UsageError for a `cardinality` that does not divide the
    channels of a stage.

    Example:
        >>> model = rflib.models.build(rflib.ModelConfig(architecture="rf_vgg19", pool_kernel=2, width=0.1))
        >>> model(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 10])
    """
    with seeded(seed):
        network = ARCHITECTURES[config.architecture](config)
        _initialise(network, config.initialisation)
    return network


def _initialise(model: nn.Module, scheme: Literal["torch", "he"]) -> None:
    """Draw initial weights from torch's current generator.

    `torch` leaves what every layer drew when it was made (uniform, standard deviation (3 x fan in)^-1/2). `he` draws
    convolutions from He's normal distribution (fan out, a gain of 2) and linear layers from one of deviation 0.01,
    as torchvision's VGG and ResNet do; it starts about 2.4 times wider, so short training moves weights less.
    """
    if scheme == "torch":
        return
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
