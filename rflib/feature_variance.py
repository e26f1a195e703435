"""Variance of features, layer by layer, and how far that of a pruned network is from the dense one's.

Avendano Munoz, "Impact of Local and Spatial Redundancy on Prunability of Convolutional Neural Networks and their
Training Dynamics", 2025, finds that pruning makes the variance discrepancy among features grow, and that noise before
pruning mitigates it. Its public abstract defines neither. Chosen here:

- The variance of a layer is that of each output channel of a convolution over all images and positions, divided by
  their number; the mean over the channels is the layer's one number.
- The discrepancy of a network from the dense one is the mean over layers of `|ln(variance / dense variance)|`: 0 for
  equal variances, ln 2 if every layer has half or twice the variance. A ratio counts only between 1e-12 and 1e12, so
  that a layer which pruning silences adds 27.6, more than any that still varies; one silent in both adds 0.
- The dispersion of a single network is the standard deviation over layers of ln(variance), for the other reading of
  "among features"; variances below 1e-12 of the largest count as that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, pstdev

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib import activations
from rflib.errors import UsageError

__all__ = ["discrepancy", "dispersion", "layer_variances", "measure"]

ChannelVariances = NDArray[np.float64]
# The smallest ratio of two variances that counts: beyond it both are rounding errors of float32 activations.
_SMALLEST_RATIO = 1e-12


def measure(
    model: nn.Module,
    images: Tensor | Iterable[Tensor],
    *,
    layers: Sequence[str] | None = None,
    batch_size: int = 100,
) -> dict[str, ChannelVariances]:
    """Return the variance of every channel, (channels,) float64, of convolutions' outputs by layer name.

    `images` are (n, c, h, w), or batches of such; `batch_size`, for one tensor, does not change the result beyond
    rounding, and memory does not grow with the images. `layers` are module names, by default every Conv2d; outputs are
    maps (n, c, h, w) or vectors (n, c). The model runs in evaluation mode and is left as it was. Raises UsageError for
    an unknown layer, a layer that did not run, other outputs, or values that are not finite.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
        >>> variances = rflib.feature_variance.measure(model, torch.rand(5, 3, 8, 8))
        >>> {name: values.shape for name, values in variances.items()}
        {'0': (8,), '2': (4,)}
    """
    names = activations.layer_names(model, layers, nn.Conv2d, what="feature variance")
    moments = {name: _Moments(name) for name in names}

    def consume(name: str, output: Tensor, _rows: slice) -> None:
        moments[name].update(output)

    activations.over_batches(model, images, names, consume, batch_size=batch_size)
    return {name: moment.variances() for name, moment in moments.items()}


def layer_variances(variances: Mapping[str, ChannelVariances]) -> dict[str, float]:
    """Return the mean over its channels of each layer's variances.

    `variances` are those of `measure`, (channels,) by layer name.

    Example:
        >>> rflib.feature_variance.layer_variances({"conv": np.array([1.0, 3.0])})
        {'conv': 2.0}
    """
    return {name: float(channels.mean()) for name, channels in variances.items()}


def discrepancy(variances: Mapping[str, ChannelVariances], dense: Mapping[str, ChannelVariances]) -> float:
    """Return the mean over layers of `|ln(variance / dense variance)|` (see the module); both have the same layers.

    Raises UsageError for networks with different layers, or none.

    Example:
        >>> pruned, dense = {"conv": np.array([0.5, 0.5])}, {"conv": np.array([1.0, 1.0])}
        >>> round(rflib.feature_variance.discrepancy(pruned, dense), 4)  # ln 2
        0.6931
    """
    if variances.keys() != dense.keys() or not dense:
        raise UsageError(
            "variance discrepancy: expected two networks with the same layers, found only in one: "
            f"{', '.join(sorted(variances.keys() ^ dense.keys())) or 'no layer at all'}."
        )
    ours, theirs = layer_variances(variances), layer_variances(dense)
    return fmean(abs(_log_ratio(ours[name], theirs[name])) for name in ours)


def dispersion(variances: Mapping[str, ChannelVariances]) -> float:
    """Return the standard deviation over layers of ln(variance) (see the module), 0 if no layer varies.

    Example:
        >>> round(rflib.feature_variance.dispersion({"first": np.array([1.0]), "last": np.array([np.e**2])}), 4)
        1.0
    """
    layers = layer_variances(variances).values()
    largest = max(layers, default=0.0)
    return pstdev(_log_ratio(variance, largest) for variance in layers) if largest else 0.0


def _log_ratio(variance: float, reference: float) -> float:
    """Return ln(variance / reference), the ratio no further from 1 than `_SMALLEST_RATIO` allows."""
    if variance == reference:
        return 0.0
    limit = -math.log(_SMALLEST_RATIO)
    if not variance or not reference:
        return limit if variance else -limit
    return min(max(math.log(variance) - math.log(reference), -limit), limit)


class _Moments:
    """Sums of one layer's channels, in float64, relative to each channel's first value: a constant has variance 0."""

    def __init__(self, name: str) -> None:
        self._name, self._samples = name, 0
        self._reference = self._sums = self._squares = torch.empty(0)

    def update(self, output: Tensor) -> None:
        """Add an output (n, channels, h, w) or (n, channels)."""
        if output.dim() not in (2, 4):
            raise UsageError(
                f"feature variance: expected layer '{self._name}' to return maps (n, c, h, w) or vectors (n, c), found "
                f"{output.dim()} dimensions. Name another layer."
            )
        values = output.detach().double().movedim(1, 0).flatten(1)
        if not self._samples:
            self._reference = values[:, :1].clone()
            self._sums = torch.zeros_like(values[:, 0])
            self._squares = torch.zeros_like(self._sums)
        shifted = values - self._reference
        self._sums += shifted.sum(dim=1)
        self._squares += shifted.square().sum(dim=1)
        self._samples += shifted.shape[1]

    def variances(self) -> ChannelVariances:
        """Return the variance of each channel, divided by the number of values."""
        if not self._samples:
            raise UsageError(
                f"feature variance: expected layer '{self._name}' to run, found no output. Pass images or leave it out."
            )
        found = (self._squares / self._samples - (self._sums / self._samples).square()).clamp(min=0)
        if not found.isfinite().all():
            raise UsageError(
                f"feature variance: expected finite outputs of layer '{self._name}', found infinite ones or NaN."
            )
        return found.cpu().numpy()
