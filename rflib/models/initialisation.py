"""Initial weights: torch's own, or He's."""

from __future__ import annotations

from typing import Literal

from torch import nn


def initialise(model: nn.Module, scheme: Literal["torch", "he"]) -> None:
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
