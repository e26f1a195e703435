"""One factory for optimisers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from rflib.config import OptimiserConfig


def build_optimiser(
    config: OptimiserConfig, parameters: Iterable[nn.Parameter], *, learning_rate: float
) -> torch.optim.Optimizer:
    """Return the optimiser of `config`; weight decay acts on every parameter, as in plain torch SGD."""
    return torch.optim.SGD(
        parameters,
        lr=learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        nesterov=config.nesterov,
    )
