"""How much the filters of a convolution repeat each other: their cosines, and the effective rank of their matrix.

A filter is its weights as one vector over all input channels and taps. In a grouped convolution it is zero on the
channels that it does not read, so that filters of different groups are orthogonal.

Effective rank: exp of the entropy of the singular values as shares of their sum; Roy and Vetterli, "The Effective
Rank: A Measure of Effective Dimensionality", EUSIPCO 2007. Between 1 and the rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rflib.errors import UsageError, require_known

__all__ = ["FilterDiversity", "effective_rank", "measure"]


@dataclass(frozen=True)
class FilterDiversity:
    """The filters of one convolution.

    filters, zero_filters: all of them, and those without any weight, as pruning leaves them. similarity: mean absolute
    cosine of all pairs of filters that are not zero, 0 to 1; NaN with fewer than two. effective_rank: of the filter
    matrix, 0 if it is zero. largest_rank: the smaller of its sides.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 2))
        >>> _ = model[0].weight.data.copy_(torch.eye(4).reshape(4, 1, 2, 2))  # four orthogonal filters
        >>> found = rflib.filter_diversity.measure(model)["0"]
        >>> found.similarity, found.largest_rank, round(found.relative_rank, 4)
        (0.0, 4, 1.0)
    """

    filters: int
    zero_filters: int
    similarity: float
    effective_rank: float
    largest_rank: int

    @property
    def relative_rank(self) -> float:
        """The effective rank as a share of the largest possible one."""
        return self.effective_rank / self.largest_rank


def measure(model: nn.Module, *, layers: Sequence[str] | None = None) -> dict[str, FilterDiversity]:
    """Return the diversity of the filters of convolutions by layer name, in float64 and without any data.

    `layers` are names of Conv2d modules, by default all. Raises UsageError for an unknown layer, a model without
    convolutions, or weights that are not finite.

    Example:
        >>> model = nn.Conv2d(3, 4, 3)
        >>> _ = nn.init.ones_(model.weight)  # four times the same filter
        >>> found = rflib.filter_diversity.measure(nn.Sequential(model))["0"]
        >>> round(found.similarity, 4), round(found.effective_rank, 4)
        (1.0, 1.0)
    """
    convolutions = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    if not convolutions:
        raise UsageError("filter diversity: expected a network with at least one nn.Conv2d, found none")
    for name in layers or ():
        require_known("convolution", name, convolutions)
    return {name: _diversity(name, convolutions[name]) for name in layers or convolutions}


def _diversity(name: str, convolution: nn.Conv2d) -> FilterDiversity:
    weight = convolution.weight.detach().double()
    if not weight.isfinite().all():
        raise UsageError(f"filter diversity: expected finite weights of '{name}', found infinite ones or NaN.")
    groups = weight.flatten(1).unflatten(0, (convolution.groups, -1))  # (groups, filters, inputs x taps)
    filters, inputs = weight.shape[0], weight[0].numel() * convolution.groups
    return FilterDiversity(
        filters=filters,
        zero_filters=int((weight.flatten(1) == 0).all(dim=1).sum()),
        similarity=_mean_absolute_cosine(groups),
        effective_rank=effective_rank(torch.linalg.svdvals(groups).flatten()),
        largest_rank=min(filters, inputs),
    )


def effective_rank(singular_values: Tensor) -> float:
    """Return exp of the entropy of non-negative `singular_values` (n,) as shares of their sum; 0 if all are 0.

    Between 1 and n (Roy and Vetterli 2007).

    Example:
        >>> round(rflib.filter_diversity.effective_rank(torch.tensor([1.0, 1.0, 0.0])), 3)
        2.0
    """
    total = singular_values.sum()
    if not total > 0:
        return 0.0
    return math.exp(float(torch.special.entr(singular_values / total).sum()))


def _mean_absolute_cosine(groups: Tensor) -> float:
    """Return the mean over all pairs of nonzero filters (groups, filters, n); pairs across groups have cosine 0."""
    norms = groups.norm(dim=2, keepdim=True)
    present = int((norms > 0).sum())
    if present < 2:
        return math.nan
    directions = groups / norms.where(norms > 0, 1.0)
    cosines = (directions @ directions.mT).abs()
    own = cosines.diagonal(dim1=1, dim2=2).sum()
    return float((cosines.sum() - own) / (present * (present - 1)))
