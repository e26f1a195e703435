"""Many copies of one network that differ in some weights, run on the same images at once."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from rflib import activations
from rflib.config import PrecisionConfig
from rflib.data.splits import Split, evaluation_batches
from rflib.errors import UsageError
from rflib.pruning import replaced
from rflib.training.evaluation import autocast, layout

Weights = Mapping[str, Tensor]
_STATISTICS = ("running_mean", "running_var")
_COPIES_AT_ONCE = 20


class Copies(nn.Module):
    """Copies of `model`, each with its own values of some parameters, as one module.

    Takes images (n, c, h, w) and returns logits (copies, n, classes). Whatever comes before the first parameter of its
    own is computed once for all copies. `own_statistics` gives every copy its own batch-norm statistics, so that
    `rflib.activations.frozen_statistics` re-estimates those of all copies. `model` itself is not changed.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> copies = rflib.noise_pruning.Copies(model, [{"1.bias": torch.zeros(10)}, {"1.bias": torch.ones(10)}])
        >>> logits = copies(torch.rand(5, 3, 8, 8))
        >>> logits.shape, torch.allclose(logits[1] - logits[0], torch.ones(5, 10), atol=1e-5)
        (torch.Size([2, 5, 10]), True)
    """

    def __init__(self, model: nn.Module, weights: Sequence[Weights], *, own_statistics: bool = False) -> None:
        super().__init__()
        self._network = copy.deepcopy(model)
        self._own_buffers: list[str] = []
        self._weights = {name: torch.stack([each[name] for each in weights]) for name in weights[0]}
        if own_statistics:
            self._own_buffers = list(_give_each_its_statistics(self._network, len(weights)))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (copies, n, classes) of images (n, c, h, w)."""
        buffers = dict(self._network.named_buffers())
        return vmap(functional_call, in_dims=(None, 0, None))(
            self._network, {**self._weights, **{name: buffers[name] for name in self._own_buffers}}, (images,)
        )


@torch.no_grad()
def accuracies(
    model: nn.Module,
    weights: Iterable[Weights],
    split: Split,
    *,
    calibration: Sequence[Tensor] | None = None,
    copies_at_once: int | None = None,
    batch_size: int = 100,
    precision: PrecisionConfig | None = None,
) -> list[float]:
    """Return the accuracy in percent on `split` of copies of `model` with these `weights`, in evaluation mode.

    Equal to `rflib.training.evaluate` of each copy, up to rounding, whatever the sizes. `calibration` holds batches
    of normalised images (n, c, h, w), on which every copy re-estimates its batch-norm statistics; without it, all keep
    the network's.

    `copies_at_once` and `batch_size` only set time and memory. By default one copy runs at a time on a CPU, where
    the convolutions of many cost as much as one after another and only calls are saved, and 20 elsewhere. One at a
    time also suits a network that `torch.func.vmap` does not take, and is the rule in low precision, because autocast
    does not reach into vmap.

    Raises UsageError without a copy at once or without images.

    Example:
        >>> from rflib.data.splits import Split
        >>> model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> split = Split(torch.zeros(4, 3, 2, 2, dtype=torch.uint8), torch.zeros(4), torch.zeros(3), torch.ones(3))
        >>> weights = [{"0.bias": torch.tensor([1.0, 0.0])}, {"0.bias": torch.tensor([0.0, 1.0])}]
        >>> rflib.noise_pruning.accuracies(model, weights, split)
        [100.0, 0.0]
    """
    precision = precision or PrecisionConfig()
    if copies_at_once is None:
        copies_at_once = 1 if activations.device_of(model).type == "cpu" else _COPIES_AT_ONCE
    _check(copies_at_once, batch_size, split)
    if precision.autocast == "bfloat16":
        copies_at_once = 1
    found: list[float] = []
    remaining = iter(weights)
    while group := list(itertools.islice(remaining, copies_at_once)):
        with ExitStack() as stack:
            if len(group) == 1:  # the network itself, without the cost of vmap
                copies = stack.enter_context(replaced(model, group[0]))
            else:
                copies = Copies(model, group, own_statistics=calibration is not None)
            stack.enter_context(autocast(precision, split.images.device))
            stack.enter_context(activations.evaluation_mode(copies))
            if calibration is not None:
                stack.enter_context(activations.frozen_statistics(copies, calibration))
            found += _accuracies(copies, split, batch_size, precision)
    return found


def _accuracies(copies: nn.Module, split: Split, batch_size: int, precision: PrecisionConfig) -> list[float]:
    hits = sum(
        (copies(layout(images, precision)).argmax(dim=-1) == labels).sum(dim=-1, keepdim=True)
        for images, labels in evaluation_batches(split, batch_size)
    )
    return [100.0 * hit / len(split) for hit in hits.flatten().tolist()]


def _give_each_its_statistics(network: nn.Module, count: int) -> Iterator[str]:
    """Repeat the batch-norm statistics of `network` once for every copy, and yield their names."""
    for name, norm in network.named_modules():
        if isinstance(norm, _BatchNorm) and norm.running_mean is not None:
            for statistic in _STATISTICS:
                setattr(norm, statistic, getattr(norm, statistic).repeat(count, 1))
                yield f"{name}.{statistic}" if name else statistic


def _check(copies_at_once: int, batch_size: int, split: Split) -> None:
    for name, value in (("copies_at_once", copies_at_once), ("batch_size", batch_size)):
        if value < 1:
            raise UsageError(f"noise before pruning: expected {name} of at least 1, found {value}.")
    if not len(split):
        raise UsageError("noise before pruning: expected at least one image to score on, found none.")
