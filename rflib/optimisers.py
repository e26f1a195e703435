"""One factory for optimisers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from rflib.config import OptimiserConfig

__all__ = ["build_optimiser"]


def build_optimiser(
    config: OptimiserConfig, parameters: Iterable[nn.Parameter], *, learning_rate: float
) -> torch.optim.Optimizer:
    """Return the optimiser of `config`; weight decay acts on every parameter, as in plain torch SGD.

    What a step of it asks for beyond a gradient is in `rflib.training.steps`.

    Example:
        >>> from rflib.config import OptimiserConfig
        >>> from rflib.optimisers import build_optimiser
        >>> config, model = OptimiserConfig(name="adamw"), nn.Linear(2, 2)
        >>> optimiser = build_optimiser(config, model.parameters(), learning_rate=0.01)
        >>> type(optimiser).__name__, optimiser.defaults["lr"]
        ('AdamW', 0.01)
    """
    options = config.options
    if config.name == "sgd":
        return torch.optim.SGD(parameters, lr=learning_rate, **options)
    if config.name == "adamw":
        return torch.optim.AdamW(parameters, lr=learning_rate, **options)
    # Imported where it is used: that takes a second, and plain SGD has no need of it.
    from pytorch_optimizer import SAM, SOAP, AdaHessian

    if config.name == "adahessian":
        own = ("betas", "eps", "weight_decay", "hessian_power")
        return AdaHessian(parameters, lr=learning_rate, **{name: options[name] for name in own})
    if config.name == "soap":
        options["shampoo_beta"] = options["betas"][1]
        options["precondition_frequency"] = options.pop("update_interval")
        options["max_precondition_dim"] = options.pop("largest_dimension")
        optimiser = SOAP(parameters, lr=learning_rate, **options)
        optimiser.register_step_post_hook(_settle_layout)
        return optimiser
    return SAM(parameters, torch.optim.SGD, lr=learning_rate, adaptive=config.name == "asam", **options)


def _settle_layout(optimiser: torch.optim.Optimizer, *_arguments: Any) -> None:
    """Keep SOAP's tensors in the memory layout in which they are restored.

    LAPACK leaves eigenbases in the order of columns. A product with a transposed copy may round otherwise, and a
    resumed run would not end bit for bit where an uninterrupted one ends.
    """
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            state = optimiser.state[parameter]
            if state:
                state["Q"] = [torch.as_tensor(basis).contiguous() for basis in state["Q"]]
                state["exp_avg_sq"] = like(parameter, state["exp_avg_sq"])


def like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """Return `tensor` on the device and in the memory layout of `parameter`, which has its shape."""
    return torch.empty_like(parameter).copy_(tensor)
