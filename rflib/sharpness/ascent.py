"""Sharpness as the rise of the loss at the worst point near by, to first order: that of SAM and that of ASAM.

Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization", ICLR 2021: the largest
L(w + ε) - L(w) over |ε| <= ρ, taken at ε = ρ g / |g|, g the gradient of L at w. Kwon et al., "ASAM: Adaptive
Sharpness-Aware Minimization for Scale-Invariant Learning of Deep Neural Networks", ICML 2021: over |ε / |w|| <= ρ,
taken at ε = ρ w² g / ||w| g|, so that rescalings of the weights that leave the network's function alone also leave
its sharpness. This is their definition by elements, for all parameters alike; their code adds 0.01 to |w| and takes 1
instead for biases, which is not invariant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from rflib.activations import device_of
from rflib.errors import RflibError, UsageError
from rflib.hessian import Batch, BatchStatistics, Loss, checked_images, prepared
from rflib.pruning import Mask
from rflib.sharpness.direction import Direction, line, mean_loss


@dataclass(frozen=True)
class Sharpness:
    """The mean loss over `images` images at the weights, and at the worst weights within the radius `rho`.

    Example:
        >>> sharpness = rflib.sharpness.Sharpness(2.5, 2.75, 0.1, False, False, images=2, batch_statistics="batch")
        >>> sharpness.value
        0.25
    """

    loss: float
    perturbed_loss: float
    rho: float
    adaptive: bool
    each_batch: bool
    images: int
    batch_statistics: BatchStatistics

    @property
    def value(self) -> float:
        """The rise of the loss, in the loss's unit; negative where the first order misleads."""
        return self.perturbed_loss - self.loss


def measure(
    model: nn.Module,
    loss: Loss,
    batches: Sequence[Batch],
    rho: float,
    *,
    adaptive: bool = False,
    each_batch: bool = False,
    mask: Mask | None = None,
    batch_statistics: BatchStatistics = "batch",
) -> Sharpness:
    """Return the sharpness of the mean of `loss` over all `batches` within the radius `rho`: SAM's, or ASAM's.

    `rho` is a length in weight space, or for `adaptive` one in multiples of the weights. One perturbation serves all
    images (Foret et al., their definition over the training set), or with `each_batch` each batch has its own and
    the rises are averaged over images (their m-sharpness, m images a batch, as in their training step; to first order
    it is never smaller). All parameters that require gradients are perturbed; with a mask those of the pruned network,
    and pruned weights stay 0. Where the gradient is 0 so is the perturbation.

    Batch norm normalises by each batch anew ("batch"), or by statistics over `batches` that belong to the weights
    before they are perturbed ("frozen"); dropout is off. Costs a gradient and a forward pass over `batches`. The model
    is left as it was. Raises UsageError for a radius that is negative or not finite or arguments that do not fit,
    RflibError if the gradient is not finite.

    Example:
        >>> model, loss = nn.Linear(2, 1, bias=False), nn.functional.mse_loss
        >>> _ = nn.init.ones_(model.weight)
        >>> batches = [(torch.diag(torch.tensor([1.0, 2.0])), torch.zeros(2, 1))]  # the loss is (w1² + 4 w2²) / 2
        >>> round(rflib.sharpness.measure(model, loss, batches, rho=0.1).value, 4)
        0.4314
    """
    if not 0 <= rho < math.inf:
        raise UsageError(
            f"sharpness: expected a finite radius rho of at least 0, found {rho}. The default of SAM is 0.05."
        )
    images = checked_images(loss, batches)
    before = after = 0.0
    with prepared(model, batches, batch_statistics, mask):
        for group in [[batch] for batch in batches] if each_batch else [batches]:
            share = sum(len(labels) for _, labels in group) / images
            at_weights, gradient = _loss_and_gradient(model, loss, group)
            before += share * at_weights
            with line(model, _worst(model, gradient.within(mask), rho, adaptive=adaptive)) as move:
                move(1.0)
                after += share * mean_loss(model, loss, group)
    return Sharpness(before, after, rho, adaptive, each_batch, images, batch_statistics)


def _loss_and_gradient(model: nn.Module, loss: Loss, batches: Sequence[Batch]) -> tuple[float, Direction]:
    """Return the mean loss over `batches` and its gradient."""
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if not parameters:
        raise UsageError(
            "sharpness: expected parameters that require gradients, found none. Call requires_grad_(True)."
        )
    gradient = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    images, device, total = sum(len(x) for x, _ in batches), device_of(model), 0.0
    for x, labels in batches:
        with torch.enable_grad():
            value = loss(model(x.to(device)), labels.to(device)) * (len(x) / images)
            parts = torch.autograd.grad(value, list(parameters.values()), materialize_grads=True)
        total += value.item()
        for name, part in zip(parameters, parts, strict=True):
            gradient[name] += part
    return total, Direction(gradient)


def _worst(model: nn.Module, gradient: Direction, rho: float, *, adaptive: bool) -> Direction:
    """Return the perturbation of radius `rho` along which the loss rises most, to first order."""
    weights = dict(model.named_parameters())
    units = {name: weights[name].detach().abs() if adaptive else 1.0 for name in gradient.parts}
    scaled = Direction({name: part * units[name] for name, part in gradient.parts.items()})
    if not math.isfinite(scaled.norm):
        raise RflibError(
            "sharpness: expected a finite gradient, found NaN or infinity. Check the weights and the loss."
        )
    length = rho / scaled.norm if scaled.norm else 0.0
    return Direction({name: part * units[name] * length for name, part in scaled.parts.items()})
