"""One step of each optimiser: which derivatives it asks for, and at which weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rflib.config import TrainingConfig
from rflib.pruning import Mask
from rflib.seeding import stream_seed

Loss = Callable[[], tuple[Tensor, Tensor]]
"""Evaluates a batch at the current weights: the loss and the logits (n, classes)."""


class Steps:
    """Takes steps: the gradients of pruned weights are zero, and what moves the weights is clipped."""

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        config: TrainingConfig,
        *,
        seed: int,
        mask: Mask | None,
    ) -> None:
        # SAM and AdaHessian have methods that torch's optimisers have not.
        self.optimiser: Any = optimiser
        self.model, self.config, self.seed = model, config, seed
        self.mask = mask.to(next(model.parameters()).device) if mask is not None else None

    def take(self, evaluate: Loss) -> tuple[Tensor, Tensor]:
        """Take one step and return loss and logits from before it."""
        loss, logits = evaluate()
        self.optimiser.zero_grad(set_to_none=True)
        name = self.config.optimiser.name
        if name in ("sam", "asam"):
            self._sharpness_aware(loss, evaluate)
        elif name == "adahessian":
            self._curvature_aware(loss)
        else:
            self._plain(loss)
        if self.mask is not None:
            # SOAP's rotations mix the weights of a tensor, so that gradients of zero are not enough.
            self.mask.apply_(self.model)
        return loss, logits

    def _plain(self, loss: Tensor) -> None:
        self._differentiate(loss)
        self._clip()
        self.optimiser.step()

    def _sharpness_aware(self, loss: Tensor, evaluate: Loss) -> None:
        self._differentiate(loss)
        self.optimiser.first_step(zero_grad=True)
        with _running_statistics_kept(self.model):
            self._differentiate(evaluate()[0])
        self._clip()
        self.optimiser.second_step()

    def _curvature_aware(self, loss: Tensor) -> None:
        parameters = list(self.model.parameters())
        step = self.optimiser.param_groups[0].get("step", 0)
        due = step % self.config.optimiser.options["update_interval"] == 0
        gradients = torch.autograd.grad(loss, parameters, create_graph=due)
        if due:
            hessian = self._hessian_diagonal(gradients, step)
        else:
            # The library would leave its average as it is, and yet correct its bias as if it had gone on.
            hessian = [self.optimiser.state[parameter]["hessian"] for parameter in parameters]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.detach()
        self._mask_gradients()
        self._clip()
        self.optimiser.step(hessian=hessian)

    def _hessian_diagonal(self, gradients: Sequence[Tensor], step: int) -> list[Tensor]:
        """Return Hutchinson's estimate among the kept weights, the mean of z ⊙ Hz, one tensor a parameter.

        `spatial_averaging` gives the kept weights of each 2d kernel the mean of their magnitudes (Yao et al., 2021).
        """
        options = self.config.optimiser.options
        parameters = list(self.model.parameters())
        generator = torch.Generator(parameters[0].device).manual_seed(stream_seed(self.seed, "probes", step))
        sums = [torch.zeros_like(parameter) for parameter in parameters]
        for number in range(1, options["probes"] + 1):
            probes = rademacher(self.model, self.mask, generator)
            last = number == options["probes"]
            products = torch.autograd.grad(gradients, parameters, probes, retain_graph=not last, materialize_grads=True)
            for total, probe, product in zip(sums, probes, products, strict=True):
                total.addcmul_(probe, product, value=1 / options["probes"])
        if not options["spatial_averaging"]:
            return sums
        return [_kernel_means(diagonal, probe.abs()) for diagonal, probe in zip(sums, probes, strict=True)]

    def _differentiate(self, loss: Tensor) -> None:
        loss.backward()
        self._mask_gradients()

    def _mask_gradients(self) -> None:
        if self.mask is not None:
            self.mask.apply_to_gradients_(self.model)

    def _clip(self) -> None:
        limit = self.config.gradient_clip
        if limit is None:
            return
        if self.config.gradient_clip_by == "norm":
            nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        else:
            nn.utils.clip_grad_value_(self.model.parameters(), limit)


@torch.no_grad()
def rademacher(model: nn.Module, mask: Mask | None, generator: torch.Generator) -> list[Tensor]:
    """Return one tensor a parameter of independent signs, -1 or 1 with equal probability, and 0 at pruned weights."""
    probes = []
    for name, parameter in model.named_parameters():
        bits = torch.randint(0, 2, parameter.shape, generator=generator, device=parameter.device)
        probe = (2 * bits - 1).to(parameter.dtype)
        probes.append(probe if mask is None or name not in mask.keep else probe * mask.keep[name])
    return probes


def _kernel_means(diagonal: Tensor, kept: Tensor) -> Tensor:
    if diagonal.dim() != 4:
        return diagonal
    totals = diagonal.abs().sum((2, 3), keepdim=True)
    return kept * (totals / kept.sum((2, 3), keepdim=True).clamp(min=1))


@contextmanager
def _running_statistics_kept(model: nn.Module) -> Iterator[None]:
    """Let batch norm go on with each batch's statistics without writing them to the running ones."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
