"""Gaussian noise on the prunable weights of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from rflib.errors import UsageError, unknown
from rflib.seeding import stream_seed

Kind = Literal["multiplicative", "additive"]


def check_noise(kind: str, scale: float) -> None:
    """Raise unless `kind` is one of `Kind` and `scale` is a finite number that is not negative."""
    if kind not in get_args(Kind):
        raise unknown("kind of noise", kind, get_args(Kind))
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
