"""The sensitivity of each input pixel and how unequal it is.

Measured by gradient, or what the architecture alone does: every path counted on a copy whose weights are all equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from rflib import activations
from rflib.activations import evaluation_mode
from rflib.errors import RflibError, UsageError
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


def uniform(model: nn.Module, input_shape: tuple[int, int, int], *, layer: str | None = None) -> Sensitivity:
    """Return how often each pixel takes part in the output, or in all units of `layer`, up to a common factor.

    It is the gradient of the sum of the outputs where the model computes linearly with equal weights. Our definition:
    a convolution or linear layer returns the mean of what it reads, zero padding included, and a max pool that of its
    window, so that each unit weighs its inputs alike and neither side of a shortcut outweighs the other by the number
    of its channels; activations and normalisation are the identity, gates (sigmoid, softmax) the constant 1/2; other
    operations compute as they are. For one convolution that is the number of windows that read a pixel.

    `input_shape` is (channels, height, width). Leaves the model as it was. Raises RflibError for a dilated max pool.

    Example:
        >>> model = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        >>> sensitivity = rflib.pixel_sensitivity.uniform(model, (3, 16, 16)).interior(2)
        >>> round(sensitivity.imbalance(), 3), sensitivity.phases().round(2).tolist()
        (0.484, [[0.44, 0.89], [0.89, 1.78]])
    """
    pixels = torch.ones(1, *input_shape, dtype=torch.float64, requires_grad=True)
    with evaluation_mode(model), torch.enable_grad(), _Uniform():
        total = torch.stack([each.sum() for each in outputs(model, pixels, layer)]).sum()
    return Sensitivity(torch.autograd.grad(total, pixels)[0][0].mean(dim=0).numpy())


def window_counts(
    size: int, *, kernel: int, stride: int = 1, padding: tuple[int, int] = (0, 0), dilation: int = 1
) -> NDArray[np.int64]:
    """Return how many windows read each of `size` pixels along one axis; `padding` is that before and after them.

    The counts are (size,). In two dimensions those of the axes multiply.

    Example:
        >>> rflib.pixel_sensitivity.window_counts(8, kernel=3, stride=2, padding=(1, 1)).tolist()
        [1, 2, 1, 2, 1, 2, 1, 1]
    """
    before, after = padding
    windows = (size + before + after - dilation * (kernel - 1) - 1) // stride + 1
    starts = np.arange(windows) * stride - before
    read = (starts[:, None] + dilation * np.arange(kernel)).ravel()
    return np.bincount(read[(read >= 0) & (read < size)], minlength=size)


class _Uniform(TorchFunctionMode):
    """A context in which functions of the image compute with equal weights."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        rule = _RULES.get(getattr(func, "__name__", "").strip("_"), func)
        return rule(*args, **(kwargs or {}))


def _identity(values: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    return values


def _half(values: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    return torch.full_like(values, 0.5, requires_grad=False)


def _equal(weight: Tensor, values: Tensor) -> Tensor:
    return values.new_full(weight.shape, 1 / weight[0].numel())


def _convolution(input: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any) -> Tensor:
    return F.conv2d(input, _equal(weight, input), None, *args, **kwargs)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(input, _equal(weight, input))


def _max_pool(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    if dilation not in (1, (1, 1), [1, 1]):
        raise RflibError(f"pixel sensitivity: expected max pools without dilation, found dilation {dilation}.")
    area = kernel_size**2 if isinstance(kernel_size, int) else kernel_size[0] * kernel_size[1]
    return F.avg_pool2d(input, kernel_size, stride, padding, ceil_mode, divisor_override=area)


def _adaptive_max_pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Tensor:
    return F.adaptive_avg_pool2d(input, output_size)


def _named(names: str, rule: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    return dict.fromkeys(names.split(), rule)


_RULES: dict[str, Callable[..., Any]] = {
    **_named("conv2d", _convolution),
    **_named("linear", _linear),
    **_named("max_pool2d", _max_pool),
    **_named("adaptive_max_pool2d", _adaptive_max_pool),
    **_named("batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm", _identity),
    **_named("relu relu6 hardtanh leaky_relu prelu rrelu elu selu celu gelu silu hardswish mish tanh", _identity),
    **_named("dropout dropout1d dropout2d alpha_dropout feature_alpha_dropout", _identity),
    **_named("sigmoid hardsigmoid softmax", _half),
}
