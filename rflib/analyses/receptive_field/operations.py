"""The table of operations: how each one changes what the units of a map see. To support one more, add a rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rflib.analyses.receptive_field import layout
from rflib.analyses.receptive_field.axis import Axis, Signal, is_global
from rflib.analyses.receptive_field.call import Call

Outcome = Signal | list[Signal]
Rule = Callable[[Call], Outcome]


def apply(call: Call) -> Outcome:
    """Return what the units of the result see, one signal per result where the operation splits a tensor.

    What is computed only from values that see the whole input sees it too, whatever the operation.
    Raises `RflibError`, naming node and source line, for an operation without a rule.
    """
    if all(is_global(signal) for signal in call.signals):
        several = isinstance(call.node.meta.get("val"), list | tuple)
        return [call.signal] * len(call.result_shapes) if several else call.signal
    if call.operation in REFUSED:
        raise call.fail(REFUSED[call.operation])
    rule = RULES.get(call.operation)
    if rule is None:
        raise call.fail(
            "this operation is not understood. Expected convolution, pooling, padding, normalisation, activation, "
            "addition, multiplication, concatenation, splitting, reshaping or linear layers; analyse the part of "
            "the network before it, or add a rule to receptive_field/operations.py"
        )
    return rule(call)


def _pair(value: Any) -> tuple[int, int]:
    values = [value] * 2 if isinstance(value, int) else list(value)
    return values[-2 if len(values) > 1 else 0], values[-1]


def _slide(call: Call, kernel: Any, *, stride: Any, padding: Any, dilation: Any) -> Signal:
    geometry = zip(_pair(kernel), _pair(stride), _pair(padding), _pair(dilation), strict=True)
    height, width = (
        axis.window(k, stride=s, padding=p, dilation=d)
        for axis, (k, s, p, d) in zip(call.spatial(), geometry, strict=True)
    )
    return height, width


def _convolution(call: Call) -> Signal:
    kernel = tuple(call.arguments["weight"].meta["val"].shape[2:])
    padding, dilation = call.arguments["padding"], _pair(call.arguments["dilation"])
    if padding == "same":
        padding = [d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]
    elif padding == "valid":
        padding = 0
    return _slide(call, kernel, stride=call.arguments["stride"], padding=padding, dilation=dilation)


def _pool(call: Call) -> Signal:
    kernel = call.arguments["kernel_size"]
    return _slide(
        call,
        kernel,
        stride=call.arguments["stride"] or kernel,
        padding=call.arguments["padding"],
        dilation=call.arguments.get("dilation", 1),
    )


def _adaptive_pool(call: Call) -> Outcome:
    """Pooling to a fixed size sees a share of the input that grows with it: global, unless it changes nothing."""
    sizes = zip(call.spatial(), call.shape[-2:], call.result_shapes[0][-2:], strict=True)
    height, width = (axis if before == after > 1 else axis.everything() for axis, before, after in sizes)
    return [(height, width)] * 2 if len(call.result_shapes) == 2 else (height, width)


def _pixel_unshuffle(call: Call) -> Signal:
    factor = call.arguments["downscale_factor"]
    return _slide(call, factor, stride=factor, padding=0, dilation=1)


def _pad(call: Call) -> Signal:
    amounts = call.arguments["pad"]
    before = dict(zip(range(-1, -1 - len(amounts) // 2, -1), amounts[::2], strict=True))
    height, width = (
        axis if axis.is_global else axis.window(1, padding=before.get(axis.dim or 0, 0)) for axis in call.signal
    )
    return height, width


def _slice(call: Call) -> Signal:
    dim, step = call.dimension(), call.arguments["step"] or 1
    size = call.shape[dim]
    start = call.arguments["start"] or 0
    start = max(0, start + size) if start < 0 else min(start, size)
    height, width = (axis.window(1, stride=step, padding=-start) if axis.dim == dim else axis for axis in call.signal)
    return height, width


def _linear(call: Call) -> Signal:
    """Mix the last dimension: an axis in it is seen whole, a map with channels last is read unit by unit."""
    height, width = (axis.everything() if axis.dim == -1 else axis for axis in call.signal)
    return height, width


def _reduce(call: Call) -> Outcome:
    if "other" in call.arguments:  # max(x, y) compares two maps
        return merge(call)
    dims = call.dimensions()
    removed = [] if call.arguments.get("keepdim") else dims
    height, width = (axis.everything() if axis.dim in dims else layout.drop(axis, removed) for axis in call.signal)
    return [(height, width)] * 2 if len(call.result_shapes) == 2 else (height, width)


def _normalise_within(dimensions: Callable[[Call], Sequence[int]]) -> Rule:
    """Return the rule of an operation whose statistics run over `dimensions`, which is context along an axis there."""

    def rule(call: Call) -> Signal:
        height, width = (_with_context(call, axis) if axis.dim in dimensions(call) else axis for axis in call.signal)
        return height, width

    return rule


def _with_context(call: Call, axis: Axis) -> Axis:
    call.has_context = True
    return replace(axis, start=-math.inf, end=math.inf) if call.include_context else axis


def _concatenate(call: Call) -> Signal:
    dim = call.dimension()
    if any(axis.dim == dim for signal in call.signals for axis in signal):
        raise call.fail("expected a concatenation of channels, found one along a spatial axis")
    return merge(call)


def _split(call: Call) -> list[Signal]:
    if any(axis.dim == call.dimension() for axis in call.signal):
        raise call.fail("expected a split of channels, found one along a spatial axis")
    return [call.signal] * len(call.result_shapes)


def merge(call: Call) -> Signal:
    """Return the union of all inputs: largest field over all paths, smallest over the shortest.

    An input that holds one value for the whole map (a gate) is context: it is left out, or makes the largest
    field infinite where the analysis includes context.
    """
    height, width = (_merge_axis(call, [signal[which] for signal in call.signals]) for which in (0, 1))
    return height, width


def _merge_axis(call: Call, axes: list[Axis]) -> Axis:
    local = [
        (axis, shape[axis.dim])
        for axis, shape in zip(axes, call.shapes, strict=True)
        if not axis.is_global and axis.dim is not None
    ]
    size = max((size for _, size in local), default=1)
    kept = [axis for axis, own in local if own == size]
    if not kept:
        return axes[0]
    merged = kept[0]
    for axis in kept[1:]:
        merged = _join(call, merged, axis)
    return _with_context(call, merged) if len(kept) < len(axes) else merged


def _join(call: Call, one: Axis, other: Axis) -> Axis:
    if one.stride != other.stride:
        raise call.fail(
            f"expected branches of equal stride, found {one.stride:g} and {other.stride:g}: "
            "their units drift apart, so the merged map has no one field"
        )
    if (one.dim, one.merged) != (other.dim, other.merged):
        raise call.fail("expected height and width in the same dimensions of both inputs, found them moved")
    finite = math.isfinite(one.largest) and math.isfinite(other.largest)
    call.misaligned |= finite and one.centre != other.centre
    return one.union(other)


def _named(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_ENLARGES = (
    "interpolation and transposed convolution are not supported: neighbouring units of an enlarged map see windows at "
    "unequal distances, so it has no one stride. Analyse the part of the network before it"
)
_ATTENDS = (
    "attention and other matrix products of maps are not supported: which part of the image a unit sees depends on "
    "the image itself, and may be all of it. Analyse the part of the network before it"
)

REFUSED: dict[str, str] = {
    **dict.fromkeys(
        ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "pixel_shuffle", "grid_sampler"], _ENLARGES
    ),
    **dict.fromkeys(["upsample_nearest2d", "_upsample_nearest_exact2d", "upsample_bilinear2d"], _ENLARGES),
    **dict.fromkeys(["upsample_bicubic2d", "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"], _ENLARGES),
    **dict.fromkeys(["scaled_dot_product_attention", "bmm", "baddbmm", "matmul", "einsum"], _ATTENDS),
}
"""Operations that are refused by name, with the reason."""


RULES: dict[str, Rule] = {
    "conv2d": _convolution,
    "linear": _linear,
    "pixel_unshuffle": _pixel_unshuffle,
    "slice": _slice,
    "cat": _concatenate,
    **_named("max_pool2d max_pool2d_with_indices avg_pool2d avg_pool3d", _pool),
    **_named("adaptive_avg_pool2d adaptive_max_pool2d", _adaptive_pool),
    **_named("pad constant_pad_nd reflection_pad2d replication_pad2d", _pad),
    **_named("mean sum amax amin max min var std logsumexp linalg_vector_norm norm all any", _reduce),
    **_named("group_norm instance_norm", _normalise_within(lambda call: (-2, -1))),
    **_named("layer_norm rms_norm", _normalise_within(lambda call: range(-len(call.arguments["normalized_shape"]), 0))),
    **_named("softmax log_softmax cumsum", _normalise_within(lambda call: call.dimensions())),
    **_named("chunk split split_with_sizes tensor_split", _split),
    **_named("view reshape _unsafe_view flatten unflatten squeeze unsqueeze", layout.reshape),
    **_named("permute transpose swapaxes t numpy_T", layout.permute),
    **_named("select unbind", layout.select),
    **_named("expand expand_as type_as", lambda call: call.signal),
    # One value in, one value out at each place; several inputs are merged.
    **_named(
        "batch_norm dropout dropout2d feature_dropout alpha_dropout channel_shuffle native_channel_shuffle", merge
    ),
    **_named("relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish hardtanh hardswish hardsigmoid", merge),
    **_named("sigmoid log_sigmoid tanh softplus softsign threshold hardshrink softshrink clamp clamp_min", merge),
    **_named("clamp_max abs neg exp log log1p sqrt rsqrt reciprocal square pow sin cos sign floor round erf", merge),
    **_named("add sub rsub mul div maximum minimum where masked_fill lerp addcmul", merge),
    **_named("gt lt ge le eq ne logical_not logical_and isnan nan_to_num", merge),
    **_named("clone contiguous to _to_copy alias detach detach_ lift_fresh_copy", merge),
}
