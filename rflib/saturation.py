"""Saturation: the share of a layer's directions that its data need.

Richter et al., "Feature Space Saturation during Training", BMVC 2021, and "Should You Go Deeper?", 2021: the
intrinsic dimension of a layer is the number of principal directions of its output that explain the share delta
(0.99) of the variance; saturation is that number over the number of features, between 0 and 1.

Three rules are in use, and they differ:

- "cumulative", the definition as written: the fewest directions whose cumulative share reaches delta.
- "delve", the rule in the source of the authors' package (`delve/metrics.py`): the directions whose cumulative share
  stays below delta, at least one, and one more only if more than 0.02 is missing.
- "delve-0.1.50", what the last release of that package returns: the directions below delta and no more. Both
  corrections of its rule take columns from a matrix that is already cut, so neither has an effect, and 0 is possible.
  That release also starts its covariance anew with every batch: what it reports is the last batch alone.

Shares .5, .3, .15, .05 have 4, 4 and 3 directions at 0.99; shares .9, .085, .01, .005 have 3, 2 and 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib import activations
from rflib.errors import UsageError, require_known

__all__ = ["LayerSaturation", "intrinsic_dimension", "measure"]

Rule = Literal["cumulative", "delve", "delve-0.1.50"]
Mode = Literal["channelwise", "mean", "max", "median", "flatten"]

# delve adds a direction only if more than this share of the variance is missing.
DELVE_SLACK = 0.02
# Values held in float64 at a time: large maps need no second copy of a whole batch, and the copy stays in cache.
_BLOCK = 2**19


@dataclass(frozen=True, eq=False)
class LayerSaturation:
    """The spectrum of one layer's output.

    variances: those along the principal directions, (features,) float64, descending, none below 0. samples: how many
    vectors they were taken over; with fewer than features, saturation cannot exceed (samples - 1) / features.

    Example:
        >>> layer = rflib.saturation.LayerSaturation(np.array([0.5, 0.3, 0.15, 0.05]), samples=100, delta=0.99)
        >>> layer.dimension("cumulative"), layer.saturation("delve-0.1.50")
        (4, 0.75)
    """

    variances: NDArray[np.float64]
    samples: int
    delta: float

    @property
    def features(self) -> int:
        """The number of features, the largest possible dimension."""
        return len(self.variances)

    def dimension(self, rule: Rule) -> int:
        """Return the intrinsic dimension by a named rule (see the module)."""
        return intrinsic_dimension(self.variances, delta=self.delta, rule=rule)

    def saturation(self, rule: Rule) -> float:
        """Return the intrinsic dimension over the number of features, by a named rule (see the module)."""
        return self.dimension(rule) / self.features


def measure(
    model: nn.Module,
    images: Tensor | Iterable[Tensor],
    *,
    delta: float = 0.99,
    layers: Sequence[str] | None = None,
    mode: Mode = "channelwise",
    batch_size: int = 100,
) -> dict[str, LayerSaturation]:
    """Return the saturation of layers of `model` on `images` (n, c, h, w), or batches of such, by layer name.

    `layers` are module names, by default every Conv2d and Linear; a layer that runs more than once adds the samples of
    every run. `mode` says what a sample of a feature map is, in delve's names: "channelwise" makes one of every
    position, "mean", "max" and "median" (the lower one) pool the map to one per image, "flatten" takes all its values,
    whose number is then the number of features. The output of a Linear always gives one sample per vector.

    The covariance is centred and accumulated in float64, 8 features² bytes a layer whatever the number of images;
    `batch_size`, for images given as one tensor, does not change the result beyond rounding. The model runs in
    evaluation mode and is left as it was. Raises UsageError for an unknown layer or mode, a delta outside (0, 1], an
    output that is neither a map nor vectors, or fewer than two samples.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 1))  # eight features of three channels: of rank three
        >>> layers = rflib.saturation.measure(model, torch.rand(10, 3, 8, 8))
        >>> layers["0"].features, layers["0"].saturation("cumulative") <= 3 / 8
        (8, True)
    """
    if not 0 < delta <= 1:
        raise UsageError(f"saturation: expected delta in (0, 1], the share of variance to explain, found {delta}.")
    require_known("mode of saturation", mode, get_args(Mode))
    names = activations.layer_names(model, layers, nn.Conv2d | nn.Linear, what="saturation")
    modules = dict(model.named_modules())
    moments = {name: Covariance() for name in names}

    def consume(name: str, output: Tensor, _rows: slice) -> None:
        if isinstance(modules[name], nn.Linear):
            moments[name].update(output.flatten(0, -2))
        else:
            for block in _blocks(name, output):
                moments[name].update(_samples(block, mode))

    activations.over_batches(model, images, names, consume, batch_size=batch_size)
    return {name: LayerSaturation(moment.variances(name), moment.samples, delta) for name, moment in moments.items()}


def intrinsic_dimension(variances: NDArray[np.float64], *, delta: float = 0.99, rule: Rule) -> int:
    """Return how many of the descending `variances` (features,) explain the share `delta`, by a named rule.

    Without any variance that is 1 by "delve", 0 by the others.

    Raises UsageError for an unknown rule.

    Example:
        >>> rules = ("cumulative", "delve", "delve-0.1.50")
        >>> [rflib.saturation.intrinsic_dimension(np.array([0.9, 0.085, 0.01, 0.005]), rule=rule) for rule in rules]
        [3, 2, 2]
    """
    require_known("rule of saturation", rule, get_args(Rule))
    cumulative = np.cumsum(variances)
    if not cumulative[-1] > 0:
        return 1 if rule == "delve" else 0
    cumulative /= cumulative[-1]
    below = int(np.count_nonzero(cumulative < delta))
    if rule == "cumulative":
        return below + 1
    if rule == "delve-0.1.50":
        return below
    return below + int(delta - cumulative[below - 1] > DELVE_SLACK) if below else 1


class Covariance:
    """The covariance of a stream of samples, in float64 and constant memory."""

    def __init__(self) -> None:
        self.samples = 0
        self._reference = self._sums = self._products = torch.empty(0)

    def update(self, samples: Tensor) -> None:
        """Add samples (n, features), or (n, features, positions) where every position is a sample.

        Any split of the same samples gives the same result up to rounding.
        """
        if not self.samples:
            self._start(samples)
        if samples.shape[1] != len(self._reference):
            raise UsageError(
                f"covariance: expected {len(self._reference)} features, found {samples.shape[1]}. "
                "A layer that runs on maps of several sizes cannot be flattened."
            )
        # Relative to a fixed point near the mean, because a large common offset would cancel in the products. One pass
        # converts, shifts and turns the samples.
        rows = samples.detach().movedim(1, 0)
        shifted = torch.empty(rows.shape, dtype=torch.float64, device=rows.device)
        torch.sub(rows, self._reference.view(-1, *[1] * (rows.dim() - 1)), out=shifted)
        shifted = shifted.flatten(1)
        self._sums += shifted.sum(dim=1)
        self._products.addmm_(shifted, shifted.T)
        self.samples += shifted.shape[1]

    def value(self) -> Tensor:
        """Return the covariance (features, features), divided by the number of samples less one."""
        if self.samples < 2:
            raise UsageError(f"covariance: expected at least 2 samples, found {self.samples}. Pass more images.")
        mean = self._sums / self.samples
        return (self._products - self.samples * torch.outer(mean, mean)) / (self.samples - 1)

    def variances(self, name: str) -> NDArray[np.float64]:
        """Return the eigenvalues, descending, rounding errors below 0 removed; `name` is for the error."""
        covariance = self.value()
        if not covariance.isfinite().all():
            raise UsageError(f"saturation: expected finite outputs of layer '{name}', found infinite ones or NaN.")
        return torch.linalg.eigvalsh(covariance).clamp(min=0).flip(0).cpu().numpy()

    def _start(self, samples: Tensor) -> None:
        self._reference = samples.detach().double().movedim(1, 0).flatten(1).mean(dim=1)
        self._sums = torch.zeros_like(self._reference)
        self._products = self._sums.new_zeros(len(self._sums), len(self._sums))


def _blocks(name: str, output: Tensor) -> Iterable[Tensor]:
    """Split maps (n, c, h, w), or vectors (n, features) as maps of one pixel, into blocks of images."""
    if output.dim() not in (2, 4):
        raise UsageError(
            f"saturation: expected layer '{name}' to return maps (n, c, h, w) or vectors (n, features), found "
            f"{output.dim()} dimensions. Name another layer."
        )
    maps = output if output.dim() == 4 else output[:, :, None, None]
    return maps.split(max(1, _BLOCK // max(1, maps[0].numel())))


def _samples(maps: Tensor, mode: Mode) -> Tensor:
    """Return maps (n, c, h, w) as samples, in a form that `Covariance` takes."""
    if mode == "flatten":
        return maps.flatten(1)
    positions = maps.flatten(2)
    if mode == "mean":
        return positions.mean(dim=2)
    if mode == "max":
        return positions.amax(dim=2)
    return positions.median(dim=2).values if mode == "median" else positions
