"""The linear form of every torch function that a convolutional network calls, by the function's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rflib.errors import RflibError
from rflib.linearised.values import compact, is_live, one_channel, support

if TYPE_CHECKING:
    from rflib.linearised.run import Linearised

Rule = Callable[..., Any]


def _identity(_run: Linearised, values: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    return values


def _shift(_run: Linearised, values: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
    return support(compact(values) + 1).expand(values.shape)


def _view(_run: Linearised, values: Tensor, *shape: Any) -> Tensor:
    # Expanded channels can be in the way of a view, which the model's own tensors would allow.
    return values.reshape(*shape)


def _convolution(
    run: Linearised,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    maps, kernel, dilation = one_channel(input), run.weight_of(weight), run.per_axis(dilation, 1)
    if padding == "same":
        rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel.shape[2:], strict=True))
        maps = F.pad(maps, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
    around = run.per_axis(0 if isinstance(padding, str) else padding, 0)
    summed = F.conv2d(maps, kernel, stride=run.per_axis(stride, 1), padding=around, dilation=dilation)
    output = support(summed if bias is None else summed + 1)
    run.record("conv2d", weight, output)
    return output.expand(-1, weight.shape[0], -1, -1)


def _transposed_convolution(
    run: Linearised,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    around, beyond = run.per_axis(padding, 0), run.per_axis(output_padding, 0)
    step, apart = run.per_axis(stride, 1), run.per_axis(dilation, 1)
    kernel = run.weight_of(weight)
    summed = F.conv_transpose2d(one_channel(input), kernel, None, step, around, beyond, dilation=apart)
    output = support(summed if bias is None else summed + 1)
    run.enlarged = True
    run.record("conv_transpose2d", weight, output)
    return output.expand(-1, weight.shape[1] * groups, -1, -1)


def _interpolate(
    run: Linearised,
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    if mode not in ("nearest", "nearest-exact", "bilinear") or align_corners or antialias:
        raise RflibError(
            f"interpolation by '{mode}' has no linear form with align_corners {bool(align_corners)} and antialias "
            f"{antialias}; expected nearest or bilinear without both. Measure the part of the network before it"
        )
    maps = one_channel(input)
    factors = None if scale_factor is None else tuple(map(float, run.per_axis(scale_factor, 1)))
    wanted = None if size is None else run.per_axis(size, 1)
    if maps.shape[2:] == (1, 1):
        # One value for all of a map, as after global pooling: stored once, so that it is seen to be a constant.
        sides = wanted or [int(side * factor) for side, factor in zip(input.shape[2:], factors or (), strict=True)]
        return maps.expand(-1, input.shape[1], *sides)
    run.enlarged = True
    enlarged = F.interpolate(maps, wanted, factors, mode, recompute_scale_factor=recompute_scale_factor)
    return support(enlarged).expand(-1, input.shape[1], -1, -1)


def _pixel_shuffle(run: Linearised, input: Tensor, upscale_factor: int) -> Tensor:
    run.enlarged = True
    factors = tuple(map(float, run.per_axis(upscale_factor, 1)))
    enlarged = F.interpolate(one_channel(input), None, factors, "nearest")
    return support(enlarged).expand(-1, input.shape[1] // upscale_factor**2, -1, -1)


def _pixel_unshuffle(run: Linearised, input: Tensor, downscale_factor: int) -> Tensor:
    blocks = _max_pool(run, input, downscale_factor)
    return blocks[:, :1].expand(-1, input.shape[1] * downscale_factor**2, -1, -1)


def _max_pool(
    run: Linearised,
    maps: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    kernel, stride = run.per_axis(kernel_size, 1), run.per_axis(stride or kernel_size, 1)
    padding, dilation = run.per_axis(padding, 0), run.per_axis(dilation, 1)
    extents = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    bottom, right = (
        _padding_after(*geometry, ceil_mode=ceil_mode)
        for geometry in zip(maps.shape[2:], extents, stride, padding, strict=True)
    )
    padded = F.pad(one_channel(maps), (padding[1], right, padding[0], bottom))
    window = torch.ones(1, 1, *kernel, dtype=maps.dtype)
    return support(F.conv2d(padded, window, stride=stride, dilation=dilation)).expand(-1, maps.shape[1], -1, -1)


def _padding_after(size: int, extent: int, stride: int, padding: int, *, ceil_mode: bool) -> int:
    """Return the padding at the end that makes an explicit window sum as long as torch's pooling output."""
    steps, rest = divmod(size + 2 * padding - extent, stride)
    # torch drops a window of ceil mode that would start in the padding at the end.
    if ceil_mode and rest and (steps + 1) * stride < size + padding:
        return padding + stride - rest
    return padding


def _average_pool(
    run: Linearised,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    return _max_pool(run, input, kernel_size, stride, padding, ceil_mode=ceil_mode)


def _adaptive_pool(run: Linearised, maps: Tensor, output_size: Any, return_indices: bool = False) -> Tensor:
    wanted = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    target = [have if want is None else want for want, have in zip(wanted, maps.shape[2:], strict=True)]
    pooled = support(F.adaptive_avg_pool2d(one_channel(maps), run.per_axis(target, 1)))
    return pooled.expand(-1, maps.shape[1], -1, -1)


def _pad(run: Linearised, maps: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Tensor:
    amounts = list(pad)
    if run.axis is not None:
        left_out = slice(0, 2) if run.axis == 0 else slice(2, 4)
        amounts[left_out] = [0] * len(amounts[left_out])
    spatial, channels = amounts[:4], sum(amounts[4:6])
    padded = F.pad(one_channel(maps), spatial, mode=mode, value=1.0 if value else None)
    return padded.expand(-1, maps.shape[1] + channels, -1, -1)


def _linear(_run: Linearised, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    summed = one_channel(input, -1)
    return support(summed if bias is None else summed + 1).expand(*input.shape[:-1], weight.shape[0])


def _concatenate(run: Linearised, tensors: Any, dim: int = 0) -> Tensor:
    if dim not in (1, 1 - tensors[0].dim()):
        raise RflibError(f"concatenation along dimension {dim} has no linear form; expected the channels, dimension 1")
    live = [one_channel(each) for each in tensors if is_live(each)]
    if run.axis is not None:
        live = [value for value in live if value.numel() > value.shape[0]] or live
    total = live[0]
    for value in live[1:]:
        total = total + value
    constant = any(not is_live(each) for each in tensors)
    sizes = list(tensors[0].shape)
    sizes[1] = sum(each.shape[1] for each in tensors)
    return support(total + 1 if constant else total).expand(sizes)


def _operands(run: Linearised, values: tuple[Any, ...]) -> tuple[list[Tensor], torch.Size]:
    """Return the operands that depend on the image, gates left out, and the shape of the result."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    live = [compact(value) for value in tensors if is_live(value)]
    if run.axis is not None:
        live = [value for value in live if value.numel() > value.shape[0]] or live
    return live, torch.broadcast_shapes(*(value.shape for value in tensors))


def _sum(run: Linearised, *values: Any, **named: Any) -> Tensor:
    values += tuple(value for value in named.values() if isinstance(value, Tensor))
    live, shape = _operands(run, values)
    total = live[0]
    for value in live[1:]:
        total = total + value
    constant = any(not is_live(value) for value in values)
    return support(total + 1 if constant else total).expand(shape)


def _product(run: Linearised, *values: Any, **named: Any) -> Tensor:
    values += tuple(value for value in named.values() if isinstance(value, Tensor))
    live, shape = _operands(run, values)
    total = live[0]
    for value in live[1:]:
        total = total * value
    return support(total).expand(shape)


def _reduce(run: Linearised, values: Tensor, *args: Any, **kwargs: Any) -> Any:
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


def _extreme(run: Linearised, values: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Reduce by `max` or `min`, which also return indices where they run along one dimension."""
    reduced = _reduce(run, values, *args, **kwargs)
    along = "dim" in kwargs or (args and isinstance(args[0], int))
    return (reduced, None) if along else reduced


def _max_pool_with_indices(run: Linearised, maps: Tensor, *args: Any, **kwargs: Any) -> Any:
    return _max_pool(run, maps, *args, **kwargs), None


def _power_pool(
    run: Linearised, input: Tensor, _norm: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    return _max_pool(run, input, kernel_size, stride, ceil_mode=ceil_mode)


def _norm(run: Linearised, values: Tensor, p: Any = None, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
    reduced: Tensor = _reduce(run, values, dim=dim, keepdim=keepdim)
    return reduced


def _matmul(run: Linearised, values: Tensor, weight: Tensor) -> Tensor:
    if is_live(weight) or not is_live(values):
        raise RflibError("'matmul' of maps has no linear form. Measure the part of the network before it")
    return _linear(run, values, weight.transpose(-1, -2))


def _gated(_run: Linearised, input: Tensor, dim: int = -1) -> Tensor:
    return input.chunk(2, dim)[0]


def _named(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: dict[str, Rule] = {
    **_named("conv2d", _convolution),
    **_named("conv_transpose2d", _transposed_convolution),
    **_named("interpolate", _interpolate),
    **_named("glu", _gated),
    **_named("pixel_shuffle", _pixel_shuffle),
    **_named("pixel_unshuffle", _pixel_unshuffle),
    **_named("view", _view),
    **_named("max_pool2d", _max_pool),
    **_named("max_pool2d_with_indices", _max_pool_with_indices),
    **_named("lp_pool2d", _power_pool),
    **_named("norm vector_norm linalg_vector_norm", _norm),
    **_named("matmul", _matmul),
    **_named("avg_pool2d", _average_pool),
    **_named("adaptive_avg_pool2d adaptive_max_pool2d", _adaptive_pool),
    **_named("pad", _pad),
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
