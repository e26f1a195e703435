"""The sensitivity of each input pixel, measured by gradient, and how unequal it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib import activations
from rflib.errors import UsageError
from rflib.seeding import stream_seed


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """How strongly the output depends on each pixel: `values` (height, width), float64, none negative.

    Pixels are compared by phase, their position modulo a period (the stride in question), because strides treat the
    pixels of one phase alike, while border and content of the images make the map uneven for other reasons: the mean
    over a phase averages them out. All measures are free of the map's scale.

    Example:
        >>> sensitivity = rflib.pixel_sensitivity.Sensitivity(np.tile([[1.0, 2.0], [2.0, 4.0]], (4, 4)))
        >>> sensitivity.ratio(), round(sensitivity.imbalance(), 3), sensitivity.partially_dead()
        (4.0, 0.484, 0.25)
    """

    values: NDArray[np.float64]

    def interior(self, margin: int) -> Sensitivity:
        """Return the map without `margin` pixels on each side; phases move with a margin that is no multiple."""
        height, width = self.values.shape
        if not 0 <= 2 * margin < min(height, width):
            raise UsageError(
                f"pixel sensitivity: expected a margin that leaves some of {height} x {width} pixels, found {margin}."
            )
        return Sensitivity(self.values[margin : height - margin, margin : width - margin])

    def phases(self, period: int = 2) -> NDArray[np.float64]:
        """Return the mean sensitivity of each phase, (period, period), over the mean of them all."""
        self._check(period)
        means = np.array([[self.values[i::period, j::period].mean() for j in range(period)] for i in range(period)])
        return means / means.mean()

    def imbalance(self, period: int = 2) -> float:
        """Return the coefficient of variation of the phases: 0 where all pixels count alike, 1.73 if one of four does.

        Our definition: standard deviation (population) over mean. A 3x3 kernel with stride 2 and equal weights has
        phases 1, 2, 2, 4 and an imbalance of 0.484.
        """
        return float(self.phases(period).std())

    def ratio(self, period: int = 2) -> float:
        """Return the mean of the most over that of the least sensitive phase, infinite if one is dead."""
        phases = self.phases(period)
        return float(phases.max() / phases.min()) if phases.min() > 0 else float("inf")

    def partially_dead(self, period: int = 2, threshold: float = 0.5) -> float:
        """Return the share of pixels, 0 to 1, with less than `threshold` of the mean of their cell.

        Our definition: cells are the tiles of period x period pixels from the top left, so a pixel is compared with its
        own neighbourhood; pixels beyond the last whole cell are left out. In a cell without any gradient all are dead.
        A 3x3 kernel with stride 2 and equal weights has a quarter of partially dead pixels.
        """
        self._check(period)
        rows, columns = (length // period for length in self.values.shape)
        cells = self.values[: rows * period, : columns * period].reshape(rows, period, columns, period)
        means = cells.mean(axis=(1, 3), keepdims=True)
        return float(((cells < threshold * means) | (means == 0)).mean())

    def _check(self, period: int) -> None:
        if not 1 <= period <= min(self.values.shape):
            raise UsageError(
                f"pixel sensitivity: expected a period between 1 and {min(self.values.shape)} pixels, the size of the "
                f"map, found {period}."
            )
        if not (np.isfinite(self.values).all() and self.values.sum() > 0):
            raise UsageError("pixel sensitivity: expected a finite map that is not all zero. No gradient reaches it.")


def measure(
    model: nn.Module,
    images: Tensor,
    *,
    layer: str | None = None,
    signals: int = 1,
    seed: int = 0,
    batch_size: int = 100,
) -> Sensitivity:
    """Return the sensitivity of the output, or of all units of `layer`, to each pixel of `images` (n, c, h, w).

    Our definition: the root of the mean square, over images and input channels, of the norm of the derivative of all
    outputs by that pixel. The norm is estimated without bias in the square by `signals` random gradients (standard
    normal, from `seed`) on the outputs of each image, a backward pass each; a pixel's value then spreads by about
    1 / sqrt(2 images signals), the mean of a phase by far less. A plain sum of the outputs would let them cancel.
    For random weights the sensitivity is the root of what `uniform` counts.

    The model runs in evaluation mode and is left as it was; `batch_size` changes nothing beyond rounding. Raises
    UsageError for an unknown layer, no images, or less than one signal.

    Example:
        >>> model = nn.Conv2d(3, 64, 3, stride=2, padding=1)
        >>> sensitivity = rflib.pixel_sensitivity.measure(model, torch.rand(20, 3, 16, 16))
        >>> int(sensitivity.phases().argmax())  # pixels in odd rows and columns are read four times
        3
    """
    if not len(images) or signals < 1:
        raise UsageError(
            f"pixel sensitivity: expected at least one image and one signal, found {len(images)} and {signals}."
        )
    generator = torch.Generator().manual_seed(stream_seed(seed, "pixel sensitivity"))
    device = activations.device_of(model)
    total = torch.zeros(images.shape[2:], dtype=torch.float64, device=device)
    with activations.evaluation_mode(model), torch.enable_grad():
        for batch in images.split(batch_size):
            pixels = batch.detach().to(device, copy=True).requires_grad_()
            output = torch.cat([each.flatten(1) for each in outputs(model, pixels, layer)], dim=1)
            # Image by image: torch draws a large tensor in another order than its parts.
            drawn = torch.stack([torch.randn(signals, output.shape[1], generator=generator) for _ in batch], dim=1)
            for signal in drawn.to(output):
                gradient = torch.autograd.grad(output, pixels, signal, retain_graph=True)[0]
                total += gradient.double().square().sum(dim=(0, 1))
    mean = total / (images.shape[0] * images.shape[1] * signals)
    return Sensitivity(mean.sqrt().cpu().numpy())


def outputs(model: nn.Module, image: Tensor, layer: str | None) -> Sequence[Tensor]:
    """Return the tensors that `layer`, or else the model, returns for images, attached to the graph."""
    if layer is None:
        found: Any = torch.utils._pytree.tree_leaves(model(image))
        return [each for each in found if isinstance(each, Tensor)]
    runs: list[Tensor] = []
    # Cloned, because an activation that works in place may follow.
    with activations.stream(model, [layer], lambda _, output: runs.append(output.clone())):
        model(image)
    if not runs:
        raise UsageError(f"pixel sensitivity: expected layer '{layer}' to run, but the model does not call it.")
    return runs
