"""Pruning: a score per weight, a mask from the scores, the mask applied. A mask is a value outside the network."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rflib.errors import UsageError, require_known

__all__ = ["Mask", "magnitude_mask", "mask_of_weights", "prunable_weights", "pruned", "replaced"]

Scope = Literal["global", "layerwise", "live"]


@dataclass(frozen=True)
class Mask:
    """Which weights are kept: parameter name to a boolean tensor of the parameter's shape (True: kept).

    Raises UsageError for tensors that are not boolean.

    Example:
        >>> mask = rflib.pruning.Mask({"1.weight": torch.tensor([True, False, False, False])})
        >>> mask.rate, mask.pruned, mask.total
        (0.75, 3, 4)
    """

    keep: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        for name, kept in self.keep.items():
            if kept.dtype != torch.bool:
                raise UsageError(f"a mask holds booleans, found {kept.dtype} for '{name}'; use `scores > threshold`")

    @property
    def total(self) -> int:
        """Number of prunable weights."""
        return sum(kept.numel() for kept in self.keep.values())

    @property
    def pruned(self) -> int:
        """Number of weights set to zero."""
        return self.total - sum(int(kept.sum()) for kept in self.keep.values())

    @property
    def rate(self) -> float:
        """Share of the prunable weights set to zero."""
        return self.pruned / self.total if self.total else 0.0

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the mask's content."""
        digest = hashlib.sha256()
        for name in sorted(self.keep):
            digest.update(name.encode() + self.keep[name].cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def check(self, model: nn.Module) -> None:
        """Raise unless every masked parameter exists in `model` with the mask's shape."""
        check_shapes(model, self.keep, "mask")

    @torch.no_grad()
    def apply_(self, model: nn.Module) -> None:
        """Set the pruned weights of `model` to zero, in place."""
        self.check(model)
        parameters = dict(model.named_parameters())
        for name, kept in self.keep.items():
            parameters[name].mul_(kept.to(parameters[name].device))

    @torch.no_grad()
    def apply_to_gradients_(self, model: nn.Module) -> None:
        """Set the gradients of pruned weights to zero, so that neither momentum nor decay ever moves them."""
        parameters = dict(model.named_parameters())
        pairs = [(parameters[name].grad, kept) for name, kept in self.keep.items()]
        gradients = [gradient for gradient, _ in pairs if gradient is not None]
        torch._foreach_mul_(gradients, [kept for gradient, kept in pairs if gradient is not None])

    def to(self, device: torch.device | str) -> Mask:
        """Return the mask on `device`."""
        return Mask({name: kept.to(device) for name, kept in self.keep.items()})


def check_shapes(model: nn.Module, tensors: Mapping[str, Tensor], what: str, *, remedy: str = "") -> None:
    """Raise a UsageError unless every tensor belongs to a parameter of `model`, by name, and has its shape."""
    parameters = dict(model.named_parameters())
    for name, tensor in tensors.items():
        found = tuple(parameters[name].shape) if name in parameters else "no such parameter"
        if found != tuple(tensor.shape):
            raise UsageError(
                f"{what} of '{name}': expected shape {tuple(tensor.shape)}, found {found} in the network{remedy}"
            )


def prunable_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights that may be pruned: all convolutions but the first; no linear layer (paper, Table 2).

    A weight that is computed (weight norm) is no parameter and is left out; one that two layers share counts once.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(8, 10))
        >>> list(rflib.pruning.prunable_weights(model))
        ['1.weight']
    """
    convolutions = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    parameters = dict(model.named_parameters())
    names = [f"{name}.weight" for name in convolutions[1:]]
    return {name: parameters[name].detach() for name in names if name in parameters}


def magnitude_mask(
    model: nn.Module,
    rate: float,
    *,
    scope: Scope = "global",
    live: Mapping[str, Tensor] | None = None,
    layers: Collection[str] | None = None,
) -> Mask:
    """Return the mask that prunes the weights of smallest magnitude.

    The number pruned is exactly round(rate x n), half to even as in torch; among equal magnitudes the earlier
    weight goes first. `global` ranks all prunable weights together, `layerwise` each layer on its own, `live`
    only the weights marked in `live` (parameter name to boolean tensor), leaving all others as they are. With
    `layers`, names of convolutions, only their weights are counted, ranked and pruned.

    Raises UsageError for a rate outside [0, 1), unknown `layers`, and a scope `live` without `live`. The paper names
    neither criterion nor scope; this criterion and `global` are assumed for it.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3))
        >>> mask = rflib.pruning.magnitude_mask(model, 0.75)
        >>> sorted(mask.keep), mask.pruned, mask.total
        (['1.weight', '2.weight'], 864, 1152)
    """
    return mask_of_weights(prunable_weights(model), rate, scope=scope, live=live, layers=layers)


def mask_of_weights(
    weights: Mapping[str, Tensor],
    rate: float,
    *,
    scope: Scope = "global",
    live: Mapping[str, Tensor] | None = None,
    layers: Collection[str] | None = None,
) -> Mask:
    """Return the mask that `magnitude_mask` makes of a network whose prunable weights are `weights`.

    `weights` are tensors by parameter name. Errors as there.

    Example:
        >>> rflib.pruning.mask_of_weights({"1.weight": torch.tensor([3.0, -1.0, 2.0, 0.5])}, 0.5).keep
        {'1.weight': tensor([ True, False,  True, False])}
    """
    check_rate(rate)
    scores = {name: weight.abs() for name, weight in weights.items()}
    chosen: Mapping[str, Tensor] | None = _weights_of(layers, scores)
    if scope == "layerwise":
        return Mask({name: _keep_largest({name: score}, rate, chosen)[name] for name, score in scores.items()})
    if scope == "live":
        if live is None:
            raise UsageError("scope 'live' needs `live`, the weights that can receive gradient; see dead_taps.share")
        chosen = live if chosen is None else {name: live[name] & inside for name, inside in chosen.items()}
    return Mask(_keep_largest(scores, rate, chosen))


def check_rate(rate: float) -> None:
    """Raise unless `rate` can be a share of weights to prune."""
    if not 0 <= rate < 1:
        raise UsageError(f"a pruning rate lies in [0, 1), found {rate}")


def _weights_of(layers: Collection[str] | None, scores: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Mark the weights of the convolutions named in `layers`; None for all."""
    if layers is None:
        return None
    prunable = [name.removesuffix(".weight") for name in scores]
    if not layers:
        raise UsageError("pruning: expected at least one layer to prune, found none. Leave `layers` out for all.")
    for layer in layers:
        require_known("prunable layer", layer, prunable)
    return {
        name: torch.full_like(score, layer in layers, dtype=torch.bool)
        for layer, (name, score) in zip(prunable, scores.items(), strict=True)
    }


def _keep_largest(
    scores: Mapping[str, Tensor], rate: float, candidates: Mapping[str, Tensor] | None
) -> dict[str, Tensor]:
    flat = torch.cat([score.flatten() for score in scores.values()])
    keep = torch.ones_like(flat, dtype=torch.bool)
    if candidates is None:
        keep[_smallest(flat, rate)] = False
    else:
        chosen = torch.cat([candidates[name].flatten() for name in scores]).nonzero().squeeze(1)
        keep[chosen[_smallest(flat[chosen], rate)]] = False
    parts = keep.split([score.numel() for score in scores.values()])
    return {name: part.view(score.shape) for (name, score), part in zip(scores.items(), parts, strict=True)}


def _smallest(scores: Tensor, rate: float) -> Tensor:
    """Return the indices of the round(rate x n) smallest scores; the first of equals go first."""
    count = round(rate * scores.numel())
    if count == 0:
        return torch.empty(0, dtype=torch.long, device=scores.device)
    threshold = scores.kthvalue(count).values
    below = (scores < threshold).nonzero().squeeze(1)
    ties = (scores == threshold).nonzero().squeeze(1)
    return torch.cat([below, ties[: count - len(below)]])


@contextmanager
def pruned(model: nn.Module, mask: Mask) -> Iterator[nn.Module]:
    """Prune `model` within the block and put every weight back afterwards, bit for bit.

    Raises UsageError for a mask that does not fit.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3))
        >>> with rflib.pruning.pruned(model, rflib.pruning.magnitude_mask(model, 0.75)):
        ...     int((model[1].weight == 0).sum()), model[1].weight.numel()
        (432, 576)
        >>> int((model[1].weight == 0).sum())
        0
    """
    mask.check(model)
    parameters = dict(model.named_parameters())
    remaining = {name: parameters[name].detach() * kept.to(parameters[name].device) for name, kept in mask.keep.items()}
    with replaced(model, remaining):
        yield model


@contextmanager
def replaced(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[nn.Module]:
    """Give `model` other values for some parameters within the block, and its own back afterwards, bit for bit.

    `weights`: parameter name to tensor of the parameter's shape.

    Example:
        >>> model = nn.Linear(2, 1)
        >>> with rflib.pruning.replaced(model, {"bias": torch.tensor([5.0])}):
        ...     model(torch.zeros(2)).tolist()
        [5.0]
    """
    parameters = dict(model.named_parameters())
    saved = {name: parameters[name].detach().clone() for name in weights}
    try:
        _copy_(parameters, weights)
        yield model
    finally:
        _copy_(parameters, saved)


@torch.no_grad()
def _copy_(parameters: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    for name, weight in weights.items():
        parameters[name].copy_(weight)
