"""The effective receptive field: how strongly each input pixel moves a central unit.

Luo et al., "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", NIPS 2016: put a
gradient on the centre of a layer's map, 0 elsewhere, and propagate it to the input. Their closed form: behind n
convolutions of stride 1 with uniform k x k weights the gradient is the n-fold box, whose standard deviation along an
axis is sqrt(n (k² - 1) / 12); a stride multiplies what follows it. For random weights the same holds for the square.

Chosen here, where papers differ or say nothing: the gradient goes to all channels of the centre unit (height // 2,
width // 2); its magnitude is summed over input channels and images in float64, so that images do not cancel each other;
the network is in evaluation mode, ReLU included. All measures below are free of the map's scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib import activations
from rflib.errors import UsageError, require_known
from rflib.seeding import stream_seed

__all__ = ["EffectiveField", "gaussian_width", "measure", "smallest_area", "square_side", "uniform_width"]

Mass = Literal["absolute", "squared"]
Signal = Literal["ones", "random"]


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """What pixels contribute to the centre unit of one layer: `mass` (height, width), float64, none negative.

    `images` is the number of images that it is summed over. A `share` is a part of the mass, in (0, 1].

    Example:
        >>> mass = np.outer([0, 1, 2, 1, 0], [0, 1, 2, 1, 0]) / 16
        >>> field = rflib.effective_field.EffectiveField("conv", mass, images=1)
        >>> field.side(0.5), field.area(0.5), round(field.width()[0], 3)
        (3, 3, 0.707)
    """

    layer: str
    mass: NDArray[np.float64]
    images: int

    def side(self, share: float = 0.5) -> int:
        """Return the side in pixels of the centred square with `share` of the mass, see `square_side`."""
        return square_side(self.mass, share)

    def area(self, share: float = 0.5) -> int:
        """Return the fewest pixels that together hold `share` of the mass, see `smallest_area`."""
        return smallest_area(self.mass, share)

    def width(self) -> tuple[float, float]:
        """Return the Gaussian widths (vertical, horizontal) in pixels, see `gaussian_width`."""
        return gaussian_width(self.mass)


def measure(
    model: nn.Module,
    images: Tensor,
    *,
    layer: str | None = None,
    signal: Signal | Tensor = "ones",
    mass: Mass = "absolute",
    seed: int = 0,
    batch_size: int = 100,
) -> EffectiveField:
    """Return the effective field of the centre unit of `layer` over `images` (n, c, h, w).

    `layer` is a module name, by default the last Conv2d to run. `signal` is the gradient put on the unit: "ones" on all
    its channels, "random" a standard normal number per image and channel (from `seed`), or a tensor (channels,).
    `mass` is what is summed, the magnitude of the gradient or its square, the one that Luo's result for random weights
    is about. `batch_size` does not change the result beyond rounding.

    Costs a forward and a backward pass an image. The model runs in evaluation mode and is left as it was. Raises
    UsageError for an unknown name, no images, or a layer that returns no map or does not run exactly once.

    Example:
        >>> model = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(3)))
        >>> for weights in model.parameters():
        ...     _ = nn.init.ones_(weights)
        >>> field = rflib.effective_field.measure(model, torch.ones(1, 1, 15, 15))
        >>> field.layer, round(field.width()[0], 3), field.side(0.5)  # sqrt(3 (3² - 1) / 12) = 1.414
        ('2', 1.414, 5)
    """
    require_known("mass", mass, get_args(Mass))
    if isinstance(signal, str):
        require_known("signal", signal, get_args(Signal))
    if not len(images):
        raise UsageError("effective field: expected at least one image, found none.")
    device = activations.device_of(model)
    generator = torch.Generator().manual_seed(stream_seed(seed, "effective field"))
    total = torch.zeros(images.shape[2:], dtype=torch.float64, device=device)
    with activations.evaluation_mode(model), torch.enable_grad():
        layer = layer or _last_convolution(model, images[:1].to(device))
        for batch in images.split(batch_size):
            pixels = batch.detach().to(device, copy=True).requires_grad_()
            unit = _centre_unit(model, pixels, layer)
            asked = _output_gradient(signal, unit.shape, generator).to(unit)
            reached = unit.requires_grad
            gradient = torch.autograd.grad(unit, pixels, asked)[0] if reached else torch.zeros_like(pixels)
            total += (gradient.abs() if mass == "absolute" else gradient.square()).double().sum(dim=(0, 1))
    return EffectiveField(layer, total.cpu().numpy(), len(images))


def square_side(mass: NDArray[np.float64], share: float = 0.5) -> int:
    """Return the side in pixels of the smallest square that holds at least `share` of `mass` (height, width).

    The square is centred on the pixel nearest to the centre of gravity, so its side is odd; what lies beyond the border
    of the map holds nothing.

    Raises UsageError for a share outside (0, 1] or a map without mass.

    Example:
        >>> rflib.effective_field.square_side(np.ones((5, 5)), 0.3)
        3
    """
    normal = _normalised(mass, share)
    row, column = (int(np.floor(centre + 0.5)) for centre in _centre(normal))
    for reach in range(max(mass.shape)):
        part = normal[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        if _reaches(part.sum(keepdims=True), share).all():
            break
    return 2 * reach + 1


def smallest_area(mass: NDArray[np.float64], share: float = 0.5) -> int:
    """Return the fewest pixels, wherever they lie, that together hold at least `share` of `mass`.

    Raises UsageError for a share outside (0, 1] or a map without mass.

    Example:
        >>> rflib.effective_field.smallest_area(np.ones((5, 5)), 0.3)
        8
    """
    descending = np.cumsum(np.sort(_normalised(mass, share), axis=None)[::-1])
    return int(np.argmax(_reaches(descending, share))) + 1


def gaussian_width(mass: NDArray[np.float64]) -> tuple[float, float]:
    """Return the standard deviations (vertical, horizontal) of `mass` (height, width) about its centre, in pixels.

    They come from second moments per axis; a Gaussian map has them as its sigma.

    Raises UsageError for a map without mass.

    Example:
        >>> [round(width, 3) for width in rflib.effective_field.gaussian_width(np.outer([1, 0, 1], [1, 2, 1]))]
        [1.0, 0.707]
    """
    normal = _normalised(mass)
    vertical, horizontal = (
        float(np.sqrt(profile @ (np.arange(len(profile)) - centre) ** 2))
        for profile, centre in zip((normal.sum(axis=1), normal.sum(axis=0)), _centre(normal), strict=True)
    )
    return vertical, horizontal


def uniform_width(convolutions: int, kernel: int) -> float:
    """Return Luo's width in pixels of n uniform k x k convolutions of stride 1, sqrt(n (k² - 1) / 12).

    The closed form of Luo et al. 2016 for their effective field (see the module).

    Example:
        >>> round(rflib.effective_field.uniform_width(3, 3), 3)
        1.414
    """
    return float(np.sqrt(convolutions * (kernel**2 - 1) / 12))


def _centre_unit(model: nn.Module, pixels: Tensor, layer: str) -> Tensor:
    """Return the central unit (n, channels) of a layer's map, attached to `pixels`."""
    units: list[Tensor] = []

    def consume(name: str, output: Tensor) -> None:
        if output.dim() != 4:
            raise UsageError(
                f"effective field: expected layer '{name}' to return maps (n, c, h, w), found {output.dim()} "
                "dimensions. Name a layer before the maps are flattened."
            )
        # Cloned, because an activation that works in place may follow.
        units.append(output[:, :, output.shape[2] // 2, output.shape[3] // 2].clone())

    with activations.stream(model, [layer], consume):
        model(pixels)
    activations.require_once(layer, units, what="effective field", remedy="Name another layer.")
    return units[0]


def _output_gradient(signal: Signal | Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Return the gradient (n, channels) on the unit."""
    if isinstance(signal, Tensor):
        if signal.shape != shape[1:]:
            raise UsageError(
                f"effective field: expected a signal of shape {tuple(shape[1:])}, one number a channel, found "
                f"{tuple(signal.shape)}."
            )
        return signal.expand(shape)
    if signal == "ones":
        return torch.ones(shape)
    # Image by image: torch draws a large tensor in another order than its parts.
    return torch.stack([torch.randn(shape[1], generator=generator) for _ in range(shape[0])])


def _last_convolution(model: nn.Module, image: Tensor) -> str:
    convolutions = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    ran: list[str] = []
    with torch.no_grad(), activations.stream(model, convolutions, lambda name, _: ran.append(name)):
        model(image)
    if not ran:
        raise UsageError("effective field: expected a network with a convolution, found none. Name a layer.")
    return ran[-1]


def _normalised(mass: NDArray[np.float64], share: float = 1.0) -> NDArray[np.float64]:
    if not 0 < share <= 1:
        raise UsageError(f"effective field: expected a share in (0, 1], found {share}.")
    total = mass.sum()
    if not (np.isfinite(total) and total > 0):
        raise UsageError(
            f"effective field: expected a map of positive mass, found the sum {total:g}. No gradient reaches the image."
        )
    return mass / total


def _centre(normal: NDArray[np.float64]) -> tuple[float, float]:
    rows, columns = normal.sum(axis=1), normal.sum(axis=0)
    return float(rows @ np.arange(len(rows))), float(columns @ np.arange(len(columns)))


def _reaches(held: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    return held >= share - 1e-12  # sums over all pixels fall short of 1 by rounding
