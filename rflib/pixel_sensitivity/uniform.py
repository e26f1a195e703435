"""What the architecture alone does to pixels: every path counted on a copy whose weights are all equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from rflib.activations import evaluation_mode
from rflib.errors import RflibError
from rflib.pixel_sensitivity.sensitivity import Sensitivity, outputs


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
