"""How a copy of a network is disturbed by Gaussian noise and pruned, and the control that tells noise from luck."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from rflib.errors import UsageError, require_known
from rflib.pruning import Mask, Scope, check_rate, mask_of_weights, prunable_weights
from rflib.seeding import stream_seed

Kind = Literal["multiplicative", "additive"]
Order = Literal["before", "after", "mask"]
Pruned = tuple[dict[str, Tensor], Mask]


def check_noise(kind: str, scale: float) -> None:
    """Raise unless `kind` is one of `Kind` and `scale` is a finite number that is not negative."""
    require_known("kind of noise", kind, get_args(Kind))
    if not 0 <= scale < float("inf"):
        raise UsageError(f"noise: expected a scale in [0, infinity), found {scale}. 0 leaves the weights as they are.")


def standard_noise(weights: Mapping[str, Tensor], *, seed: int, draw: int) -> dict[str, Tensor]:
    """Return standard normal noise of the weights' shapes: a function of the seed and the number of the draw alone.

    The same on every device. Kinds and scales share the noise of a draw, so that they differ by themselves and not
    by chance.

    Example:
        >>> noise = rflib.noise_pruning.standard_noise({"1.weight": torch.zeros(100, 100)}, seed=0, draw=0)
        >>> round(float(noise["1.weight"].std()), 1)
        1.0
    """
    generator = torch.Generator().manual_seed(stream_seed(seed, "pruning noise", draw))
    return {
        name: torch.randn(weight.shape, generator=generator).to(weight.device, weight.dtype)
        for name, weight in weights.items()
    }


def disturbed(
    weights: Mapping[str, Tensor], noise: Mapping[str, Tensor], *, kind: Kind, scale: float
) -> dict[str, Tensor]:
    """Return w (1 + s n) for "multiplicative" noise, w + s sigma n for "additive", with n the standard noise.

    sigma is the standard deviation of all weights of the layer (divided by their number), so that the scale s means
    the same in every layer.

    `weights` and `noise` are tensors of equal shapes, by parameter name. Raises UsageError for an unknown kind or a
    scale that is negative or infinite.

    Example:
        >>> weights, noise = {"1.weight": torch.tensor([1.0, 2.0])}, {"1.weight": torch.tensor([0.5, -1.0])}
        >>> rflib.noise_pruning.disturbed(weights, noise, kind="multiplicative", scale=0.1)["1.weight"]
        tensor([1.0500, 1.8000])
    """
    check_noise(kind, scale)
    if kind == "multiplicative":
        return {name: weight * (1 + scale * noise[name]) for name, weight in weights.items()}
    return {name: weight + scale * weight.std(correction=0) * noise[name] for name, weight in weights.items()}


@dataclass(frozen=True)
class Recipe:
    """Noise of a kind and scale, a pruning rate, and the order of both.

    "before": noise, then pruning; the noisy weights choose the mask and survive. "after": the control; the network's
    own weights choose the mask and the same noise is on the survivors. The best of many such copies gains by being the
    best of many, as that of "before" does; what is left between both is due to noise that comes before pruning.
    "mask": the noisy weights choose the mask, and the survivors keep the network's own values.

    Raises UsageError for an unknown kind or order, a negative scale, or a rate outside [0, 1).

    Example:
        >>> rflib.noise_pruning.Recipe("multiplicative", scale=0.2, rate=0.9)
        Recipe(kind='multiplicative', scale=0.2, rate=0.9, order='before')
    """

    kind: Kind
    scale: float
    rate: float
    order: Order = "before"

    def __post_init__(self) -> None:
        check_noise(self.kind, self.scale)
        check_rate(self.rate)
        require_known("order of noise and pruning", self.order, get_args(Order))


def grid(
    kinds: Sequence[Kind],
    scales: Sequence[float],
    rates: Sequence[float],
    orders: Sequence[Order] = ("before", "after"),
) -> list[Recipe]:
    """Return the recipes of all combinations.

    Errors as `Recipe`.

    Example:
        >>> len(rflib.noise_pruning.grid(["additive"], [0.1, 0.2], [0.5, 0.9]))
        8
    """
    return [Recipe(*values) for values in itertools.product(kinds, scales, rates, orders)]


def pruned_copy(
    model: nn.Module,
    recipe: Recipe,
    draw: int,
    *,
    seed: int = 0,
    scope: Scope = "global",
    live: Mapping[str, Tensor] | None = None,
) -> Pruned:
    """Return the prunable weights of one copy, by parameter name and zero where pruned, and its mask.

    The same copy as number `draw` of `measure` with that seed: load it to tune it further, or put it into the network
    for a while with `rflib.pruning.replaced`.

    `scope`, `live` and errors as in `rflib.pruning.magnitude_mask`.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3))
        >>> recipe = rflib.noise_pruning.Recipe("multiplicative", scale=0.2, rate=0.75)
        >>> weights, mask = rflib.noise_pruning.pruned_copy(model, recipe, draw=0)
        >>> mask.rate, bool((weights["1.weight"][~mask.keep["1.weight"]] == 0).all())
        (0.75, True)
    """
    return next(Pruner(model, seed=seed, scope=scope, live=live).copies([recipe], draw))


class Pruner:
    """Makes the copies of one network; what several copies have in common is made once."""

    def __init__(self, model: nn.Module, *, seed: int, scope: Scope, live: Mapping[str, Tensor] | None) -> None:
        self._weights, self._seed = prunable_weights(model), seed
        self._mask = partial(mask_of_weights, scope=scope, live=live)
        self._own_masks: dict[float, Mask] = {}

    def undisturbed(self, rate: float) -> Pruned:
        """Return the copy without noise."""
        return _applied(self._own_mask(rate), self._weights)

    def copies(self, recipes: Sequence[Recipe], draw: int) -> Iterator[Pruned]:
        """Yield the copies of one draw, one a recipe; cheapest with recipes of equal noise, then rate, in a row."""
        noise = standard_noise(self._weights, seed=self._seed, draw=draw)

        @lru_cache(maxsize=1)
        def noisy(kind: Kind, scale: float) -> dict[str, Tensor]:
            return disturbed(self._weights, noise, kind=kind, scale=scale)

        @lru_cache(maxsize=1)
        def noisy_mask(kind: Kind, scale: float, rate: float) -> Mask:
            return self._mask(noisy(kind, scale), rate)

        for recipe in recipes:
            kind, scale, rate = recipe.kind, recipe.scale, recipe.rate
            mask = self._own_mask(rate) if recipe.order == "after" else noisy_mask(kind, scale, rate)
            yield _applied(mask, self._weights if recipe.order == "mask" else noisy(kind, scale))

    def _own_mask(self, rate: float) -> Mask:
        if rate not in self._own_masks:
            self._own_masks[rate] = self._mask(self._weights, rate)
        return self._own_masks[rate]


def _applied(mask: Mask, weights: Mapping[str, Tensor]) -> Pruned:
    return {name: weight * mask.keep[name] for name, weight in weights.items()}, mask
