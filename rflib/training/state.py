"""The state of a training run between two epochs: a value that can be stored and taken up again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class TrainingState:
    """Everything that the epochs to come depend on, after `epoch` finished epochs.

    `weights` and `best_weights` are state dicts on the CPU, `momentum` the optimiser's buffers by parameter name,
    `history` one row a finished epoch. Data order and augmentation follow from seed and epoch alone.
    """

    epoch: int
    weights: Weights
    momentum: Weights
    best_weights: Weights
    history: tuple[dict[str, Any], ...]

    @property
    def best_epoch(self) -> int:
        """The first epoch (counted from 1) of highest test accuracy; 0 before any epoch."""
        if not self.history:
            return 0
        return max(self.history, key=lambda row: (row["test_accuracy"], -row["epoch"]))["epoch"]


def copy_weights(model: nn.Module) -> Weights:
    """Return a copy of parameters and buffers on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def copy_momentum(model: nn.Module, optimiser: torch.optim.Optimizer) -> Weights:
    """Return the optimiser's momentum buffers by parameter name, on the CPU; none before the first step."""
    buffers = ((name, optimiser.state[p].get("momentum_buffer")) for name, p in model.named_parameters())
    return {name: buffer.detach().cpu().clone() for name, buffer in buffers if buffer is not None}


def restore_momentum(model: nn.Module, optimiser: torch.optim.Optimizer, momentum: Weights) -> None:
    """Put momentum buffers back, in the memory layout of their parameters."""
    for name, parameter in model.named_parameters():
        if name in momentum:
            optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(momentum[name])
