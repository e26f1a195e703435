"""The state of a training run between two epochs: a value that can be stored and taken up again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rflib.optimisers import like

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class TrainingState:
    """Everything that the epochs to come depend on, after `epoch` finished epochs.

    `weights` and `best_weights` are state dicts on the CPU, `optimiser` the optimiser's tensors (`copy_optimiser`),
    `history` one row a finished epoch. Data order and augmentation follow from seed and epoch alone, the probes of
    AdaHessian from seed and step.

    Example:
        >>> history = ({"epoch": 1, "test_accuracy": 50.0}, {"epoch": 2, "test_accuracy": 75.0})
        >>> rflib.training.TrainingState(2, {}, {}, {}, history).best_epoch
        2
    """

    epoch: int
    weights: Weights
    optimiser: Weights
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


def copy_optimiser(model: nn.Module, optimiser: torch.optim.Optimizer) -> Weights:
    """Return copies of the optimiser's tensors on the CPU; none before the first step.

    Named `KEY/PARAMETER`, `KEY.INDEX/PARAMETER` for one of several, and `step` for the steps that a whole optimiser
    counts.
    """
    tensors: Weights = {}
    for name, parameter in model.named_parameters():
        for key, value in optimiser.state[parameter].items():
            if isinstance(value, Tensor):
                tensors[f"{key}/{name}"] = value
            elif isinstance(value, list):
                tensors |= {f"{key}.{index}/{name}": torch.as_tensor(item) for index, item in enumerate(value)}
    if "step" in optimiser.param_groups[0]:
        tensors["step"] = torch.tensor(optimiser.param_groups[0]["step"])
    return {path: tensor.detach().cpu().clone() for path, tensor in tensors.items()}


def restore_optimiser(model: nn.Module, optimiser: torch.optim.Optimizer, tensors: Weights) -> None:
    """Put the optimiser's tensors back, those of a parameter's shape in the memory layout of the parameter."""
    parameters = dict(model.named_parameters())
    (group,) = optimiser.param_groups
    # SOAP repeats these two of its settings in the state of every parameter.
    repeated = {key: group[key] for key in ("precondition_frequency", "shampoo_beta") if key in group}
    for path in sorted(tensors):
        if path == "step":
            group["step"] = int(tensors[path])
            continue
        key, name = path.split("/", 1)
        key, _, index = key.partition(".")
        state = optimiser.state[parameters[name]]
        state |= repeated
        value = _restored(key, parameters[name], tensors[path])
        if index:
            state.setdefault(key, []).append(value)
        else:
            state[key] = value


def _restored(key: str, parameter: Tensor, tensor: Tensor) -> Tensor:
    if key == "step":
        return tensor.reshape(()).clone()  # torch keeps AdamW's count on the CPU
    return like(parameter, tensor) if tensor.shape == parameter.shape else tensor.to(parameter.device, copy=True)
