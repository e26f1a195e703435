"""Convolution and batch norm whose second derivatives cost no more than their first.

PyTorch differentiates the backward pass of a convolution by a convolution with a kernel as large as the map,
and that of batch norm by some fifteen sweeps over the activations; together they are more than half of a
Hessian product. Here a convolution's second derivative is its forward, input and weight passes with one
argument exchanged, and batch norm's is written out, with the sums of the backward pass used again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)


class LeanSecondDerivatives(TorchFunctionMode):
    """A context in which convolutions and batch norms of a model can be differentiated twice at little cost.

    Batch norm is replaced where it normalises by the statistics of the batch and keeps none; its other forms,
    and convolutions with padding given as text, are left to PyTorch. Values and first derivatives are
    PyTorch's own, second derivatives agree up to rounding; a backward pass through a third raises.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute `func`, in its lean form if it has one here."""
        kwargs = kwargs or {}
        result = None
        if func in _CONVOLUTIONS:
            result = _convolution(*args, **kwargs)
        elif func is F.batch_norm:
            result = _batch_norm(*args, **kwargs)
        return func(*args, **kwargs) if result is None else result


def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    if isinstance(padding, str) or input.dim() != weight.dim():
        return None
    axes = weight.dim() - 2
    form = _Form(_per_axis(stride, axes), _per_axis(padding, axes), _per_axis(dilation, axes), groups)
    output: Tensor = _Convolution.apply(input, weight, form)
    return output if bias is None else output + _channels(bias, output)


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    if running_mean is not None or not training or weight is None or bias is None:
        return None
    output: Tensor = _BatchNorm.apply(input, weight, bias, eps)
    return output


@dataclass(frozen=True)
class _Form:
    """What a convolution is besides its two arguments; stride, padding and dilation by axis."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int

    @property
    def _geometry(self) -> tuple[Any, ...]:
        """The arguments of torch's convolution that both passes share; it is not transposed."""
        return self.stride, self.padding, self.dilation, False, [0] * len(self.stride), self.groups

    def forward(self, input: Tensor, weight: Tensor) -> Tensor:
        return torch.ops.aten.convolution(input, weight, None, *self._geometry)

    def gradients(self, outer: Tensor, input: Tensor, weight: Tensor, wanted: tuple[bool, bool]) -> tuple[Tensor, ...]:
        """Gradients of <outer, forward(input, weight)> by input (from `weight`) and by weight (from `input`)."""
        mask = [*wanted, False]
        return torch.ops.aten.convolution_backward(outer, input, weight, None, *self._geometry, mask)[:2]


class _Convolution(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, form: _Form) -> Tensor:
        ctx.save_for_backward(input, weight)
        ctx.form = form
        return form.forward(input, weight)

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Any:
        wanted = ctx.needs_input_grad[:2]
        return *_ConvolutionGradients.apply(outer, *ctx.saved_tensors, ctx.form, wanted), None


class _ConvolutionGradients(Function):
    """Both gradients of a convolution. They are linear in each argument, so their own gradients are like them."""

    @staticmethod
    def forward(
        ctx: Any, outer: Tensor, input: Tensor, weight: Tensor, form: _Form, wanted: tuple[bool, bool]
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(outer, input, weight)
        ctx.form = form
        ctx.set_materialize_grads(False)
        return form.gradients(outer, input, weight, wanted)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_input: Tensor | None, by_weight: Tensor | None) -> Any:
        outer, input, weight = ctx.saved_tensors
        form, (_, input_wanted, weight_wanted, *_) = ctx.form, ctx.needs_input_grad
        to_outer = None if by_input is None else form.forward(by_input, weight)
        to_input = to_weight = None
        if by_weight is not None:
            part = form.forward(input, by_weight)
            to_outer = part if to_outer is None else to_outer.add_(part)
            if input_wanted:
                to_input = form.gradients(outer, input, by_weight, (True, False))[0]
        if by_input is not None and weight_wanted:
            to_weight = form.gradients(outer, by_input, weight, (False, True))[1]
        return to_outer, to_input, to_weight, None, None


class _BatchNorm(Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        output, mean, scale = torch.ops.aten.native_batch_norm(input, weight, bias, None, None, True, 0.0, eps)
        ctx.save_for_backward(input, weight, mean, scale)
        ctx.eps = eps
        return output

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Any:
        return *_BatchNormGradients.apply(outer, *ctx.saved_tensors, ctx.eps), None


class _BatchNormGradients(Function):
    """Gradients of <g, γ x̂ + β> by x, γ and β, where x̂ = r (x - μ), r = 1/sqrt(variance + ε), by channel.

    With means over the batch and the map they are γ r (g - mean(g) - x̂ mean(g x̂)), Σ g x̂ and Σ g.
    """

    @staticmethod
    def forward(
        ctx: Any, outer: Tensor, input: Tensor, weight: Tensor, mean: Tensor, scale: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        by_input, by_weight, by_bias = _batch_norm_gradients(outer, input, weight, mean, scale, eps)
        ctx.save_for_backward(outer, input, weight, mean, scale, by_weight, by_bias)
        ctx.eps = eps
        return by_input, by_weight, by_bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, u: Tensor, a: Tensor, b: Tensor) -> Any:
        """Gradients of F = <u, by_input> + <a, by_weight> + <b, by_bias> by g, x and γ.

        By g: γ r (u - mean(u) - x̂ mean(u x̂)) + a x̂ + b. By γ: r S, S = Σ u g - n mean(u) mean(g) - n mean(u x̂)
        mean(g x̂). By x: dF/dx̂ = h = a g - γ r (u mean(g x̂) + g mean(u x̂)) carried back through x̂, which is
        r (h - mean(h) - x̂ mean(h x̂)), and through r, whose gradient is -r² x̂ / n: less γ S r² x̂ / n.
        """
        g, x, weight, mean, scale, sum_gx, sum_g = ctx.saved_tensors
        n = x.numel() // x.shape[1]
        to_g, sum_ux, sum_u = _batch_norm_gradients(u, x, weight, mean, scale, ctx.eps)
        mean_u, mean_ux, mean_g, mean_gx = (total / n for total in (sum_u, sum_ux, sum_g, sum_gx))
        shared = (u * g).sum([axis for axis in range(x.dim()) if axis != 1]) - n * (mean_u * mean_g + mean_ux * mean_gx)
        h_u, h_g = -weight * scale * mean_gx, a - weight * scale * mean_ux
        by_x = -scale * (h_u * mean_ux + h_g * mean_gx) - weight * shared * scale.square() / n
        constant = -scale * (h_u * mean_u + h_g * mean_g)
        to_g = _plus_normalised(to_g, x, a, b, mean, scale)
        to_x = torch.addcmul(_channels(h_u * scale, u) * u, g, _channels(h_g * scale, g))
        to_x = _plus_normalised(to_x, x, by_x, constant, mean, scale)
        return to_g, to_x, scale * shared, None, None, None


def _batch_norm_gradients(outer: Tensor, input: Tensor, weight: Tensor, mean: Tensor, scale: Tensor, eps: float) -> Any:
    return torch.ops.aten.native_batch_norm_backward(
        outer, input, weight, None, None, mean, scale, True, eps, [True, True, True]
    )


def _plus_normalised(
    total: Tensor, input: Tensor, factor: Tensor, constant: Tensor, mean: Tensor, scale: Tensor
) -> Tensor:
    """Add factor · x̂ + constant to `total` in place, in one sweep over the input."""
    slope = factor * scale
    return total.addcmul_(input, _channels(slope, input)).add_(_channels(constant - slope * mean, input))


def _channels(values: Tensor, like: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (like.dim() - 2))


def _per_axis(value: Any, axes: int) -> list[int]:
    return list(value) * (axes if len(value) == 1 else 1) if isinstance(value, tuple | list) else [value] * axes
