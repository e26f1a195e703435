"""The linear form of every torch function that a convolutional network calls, by the function's name."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from rflib.errors import RflibError
from rflib.linearised import windows
from rflib.linearised.windows import Run, compact, is_live, one_channel, support

Rule = Callable[..., Any]


def _identity(_run: Run, values: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    return values


def _shift(_run: Run, values: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    return support(compact(values) + 1).expand(values.shape)


def _view(_run: Run, values: Tensor, *shape: Any) -> Tensor:
    # Expanded channels can be in the way of a view, which the model's own tensors would allow.
    return values.reshape(*shape)


def _linear(_run: Run, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    summed = one_channel(input, -1)
    return support(summed if bias is None else summed + 1).expand(*input.shape[:-1], weight.shape[0])


def _concatenate(run: Run, tensors: Any, dim: int = 0) -> Tensor:
    if dim not in (1, 1 - tensors[0].dim()):
        raise RflibError(f"concatenation along dimension {dim} has no linear form; expected the channels, dimension 1")
    total = reduce(operator.add, _local(run, [one_channel(each) for each in tensors if is_live(each)]))
    constant = any(not is_live(each) for each in tensors)
    sizes = list(tensors[0].shape)
    sizes[1] = sum(each.shape[1] for each in tensors)
    return support(total + 1 if constant else total).expand(sizes)


def _operands(run: Run, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[list[Tensor], torch.Size, bool]:
    """Return the operands that depend on the image, gates left out, the result's shape, and if others are constant."""
    values += tuple(value for value in named.values() if isinstance(value, Tensor))
    tensors = [value for value in values if isinstance(value, Tensor)]
    live = _local(run, [compact(value) for value in tensors if is_live(value)])
    shape = torch.broadcast_shapes(*(value.shape for value in tensors))
    return live, shape, not all(map(is_live, values))


def _local(run: Run, live: list[Tensor]) -> list[Tensor]:
    """Leave out what holds one value for the whole image, where there is anything else in a run along one axis."""
    return [value for value in live if run.axis is None or value.numel() > value.shape[0]] or live


def _sum(run: Run, *values: Any, **named: Any) -> Tensor:
    live, shape, constant = _operands(run, values, named)
    total = reduce(operator.add, live)
    return support(total + 1 if constant else total).expand(shape)


def _product(run: Run, *values: Any, **named: Any) -> Tensor:
    live, shape, _ = _operands(run, values, named)
    return support(reduce(operator.mul, live)).expand(shape)


def _reduce(run: Run, values: Tensor, *args: Any, **kwargs: Any) -> Any:
    if args and isinstance(args[0], Tensor):  # max(x, y) compares two maps
        return _sum(run, values, args[0])
    given = kwargs.get("dim", args[0] if args else None)
    if given is None:
        return support(compact(values).sum())
    chosen = tuple(dim % values.dim() for dim in ([given] if isinstance(given, int) else given))
    shape = [1 if dim in chosen else size for dim, size in enumerate(values.shape)]
    reduced = support(compact(values).sum(chosen, keepdim=True)).expand(shape)
    keep = kwargs.get("keepdim", len(args) > 1 and args[1] is True)
    return reduced if keep else reduced.squeeze(chosen)


def _extreme(run: Run, values: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Reduce by `max` or `min`, which also return indices where they run along one dimension."""
    reduced = _reduce(run, values, *args, **kwargs)
    along = "dim" in kwargs or (args and isinstance(args[0], int))
    return (reduced, None) if along else reduced


def _norm(run: Run, values: Tensor, p: Any = None, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
    reduced: Tensor = _reduce(run, values, dim=dim, keepdim=keepdim)
    return reduced


def _matmul(run: Run, values: Tensor, weight: Tensor) -> Tensor:
    if is_live(weight) or not is_live(values):
        raise RflibError("'matmul' of maps has no linear form. Measure the part of the network before it")
    return _linear(run, values, weight.transpose(-1, -2))


def _gated(_run: Run, input: Tensor, dim: int = -1) -> Tensor:
    return input.chunk(2, dim)[0]


def _named(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_named("conv2d", windows.convolution),
    **_named("conv_transpose2d", windows.transposed_convolution),
    **_named("interpolate", windows.interpolate),
    **_named("glu", _gated),
    **_named("pixel_shuffle", windows.pixel_shuffle),
    **_named("pixel_unshuffle", windows.pixel_unshuffle),
    **_named("view", _view),
    **_named("max_pool2d", windows.max_pool),
    **_named("max_pool2d_with_indices", lambda *args, **kwargs: (windows.max_pool(*args, **kwargs), None)),
    **_named("lp_pool2d", windows.power_pool),
    **_named("norm vector_norm linalg_vector_norm", _norm),
    **_named("matmul", _matmul),
    **_named("avg_pool2d", windows.average_pool),
    **_named("adaptive_avg_pool2d adaptive_max_pool2d", windows.adaptive_pool),
    **_named("pad", windows.pad),
    **_named("linear", _linear),
    **_named("cat concat concatenate", _concatenate),
    **_named("add radd iadd sub rsub isub maximum minimum where", _sum),
    **_named("mul rmul imul multiply div rdiv truediv rtruediv itruediv divide", _product),
    **_named("mean sum amax amin var std logsumexp", _reduce),
    **_named("max min", _extreme),
    # Functions that keep zero at zero.
    **_named("relu relu6 hardtanh leaky_relu prelu rrelu elu selu celu gelu silu hardswish mish tanh", _identity),
    **_named("softsign hardshrink softshrink tanhshrink clamp clip abs neg square sqrt pow nan_to_num", _identity),
    **_named("clamp_min clamp_max sin sign erf log1p threshold normalize", _identity),
    **_named("dropout dropout1d dropout2d alpha_dropout feature_alpha_dropout", _identity),
    # Functions that make padded zeros positive.
    **_named("batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm", _shift),
    **_named("sigmoid hardsigmoid logsigmoid softplus exp softmax log_softmax softmin rsqrt reciprocal", _shift),
    **_named("log_sigmoid cos log masked_fill", _shift),
}

# Functions that only move values, and getters of attributes ("get").
MOVES = frozenset(
    _named(
        "get view_as reshape reshape_as flatten unflatten permute transpose movedim moveaxis swapaxes t chunk split "
        "unsafe_split split_with_sizes tensor_split unbind squeeze unsqueeze contiguous getitem select narrow expand "
        "expand_as broadcast_to clone to type type_as float double detach channel_shuffle",
        _identity,
    )
)
