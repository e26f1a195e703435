"""The table of operations: how each one changes what the units of a map see. To support one more, add a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rflib.receptive_field import layout, merging, windows
from rflib.receptive_field.axis import Signal, each_axis, is_global
from rflib.receptive_field.call import Call
from rflib.receptive_field.merging import merge

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
            "this operation is not understood. Expected convolution, pooling, padding, interpolation, normalisation, "
            "activation, addition, multiplication, concatenation, splitting, reshaping or linear layers; analyse the "
            "part of the network before it, or add a rule to receptive_field/operations.py"
        )
    outcome = rule(call)
    if isinstance(outcome, tuple) and any(axis.is_blind for axis in outcome):
        raise call.fail(
            "expected units that see the image, found none: all of them read places that a transposed convolution left "
            "empty, since its kernel is smaller than its stride"
        )
    if call.operation in _WEIGHTED and len(call.signals) > 1 and isinstance(outcome, tuple):
        return merging.weighted(call, outcome)
    return outcome


_WEIGHTED = {"conv2d", "conv_transpose2d", "linear", "matmul", "group_norm", "instance_norm", "layer_norm", "rms_norm"}
"""Operations with one map among their inputs: whatever else depends on the image is their weights."""


def _expand(call: Call) -> Signal:
    """What is repeated over a whole map is one value for all of it, as after global pooling."""
    after = call.result_shapes[0]
    return each_axis(
        call.signal, lambda axis: axis.everything() if axis.dim and after[axis.dim] != call.shape[axis.dim] else axis
    )


def _repeat(call: Call) -> Signal:
    amounts = list(call.arguments["repeats"])
    if any(axis.dim is not None and amounts[axis.dim] != 1 for axis in call.signal):
        raise call.fail("expected a repetition of channels, found one along a spatial axis")
    return call.signal


def _flip(call: Call) -> Signal:
    if any(axis.dim in call.dimensions("dims") for axis in call.signal):
        raise call.fail("expected a reversal of channels, found one along a spatial axis: fields then run backwards")
    return call.signal


def _matmul(call: Call) -> Signal:
    """Mix the last dimension by a matrix of weights, as a linear layer does."""
    if call.node.args[0] is not call.inputs[0] or any(node is call.node.args[1] for node in call.inputs):
        raise call.fail(_ATTENDS)
    return _linear(call)


def _batch_norm(call: Call) -> Signal:
    """Statistics of the batch at hand (`track_running_stats=False`) run over the whole map."""
    merged = merge(call)
    if not call.arguments.get("training"):
        return merged
    return each_axis(merged, lambda axis: axis if axis.is_global else merging.with_context(call, axis))


def _instance_norm(call: Call) -> Signal:
    if not call.arguments.get("use_input_stats", True):
        return call.signal
    return _normalise_within(lambda each: (-2, -1))(call)  # type: ignore[return-value]


def _linear(call: Call) -> Signal:
    """Mix the last dimension: an axis in it is seen whole, a map with channels last is read unit by unit."""
    return each_axis(call.signal, lambda axis: axis.everything() if axis.dim == -1 else axis)


def _reduce(call: Call) -> Outcome:
    if "other" in call.arguments:  # max(x, y) compares two maps
        return merge(call)
    dims = call.dimensions()
    removed = [] if call.arguments.get("keepdim") else dims
    reduced = each_axis(call.signal, lambda axis: axis.everything() if axis.dim in dims else layout.drop(axis, removed))
    return [reduced] * 2 if len(call.result_shapes) == 2 else reduced


def _normalise_within(dimensions: Callable[[Call], Sequence[int]]) -> Rule:
    """Return the rule of an operation whose statistics run over `dimensions`, which is context along an axis there."""

    def rule(call: Call) -> Signal:
        dims = dimensions(call)
        return each_axis(call.signal, lambda axis: merging.with_context(call, axis) if axis.dim in dims else axis)

    return rule


def _named(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_SMOOTHS = (
    "bicubic and antialiased interpolation are not supported; use nearest or bilinear, or analyse the part of the "
    "network before it"
)
_SAMPLES = (
    "sampling at given places is not supported: which part of the image a unit sees depends on them. Analyse the part "
    "of the network before it"
)
_ATTENDS = (
    "attention and other matrix products of maps are not supported: which part of the image a unit sees depends on "
    "the image itself, and may be all of it. Analyse the part of the network before it"
)

REFUSED: dict[str, str] = {
    **dict.fromkeys(["upsample_bicubic2d", "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"], _SMOOTHS),
    **dict.fromkeys(["grid_sampler", "grid_sampler_2d"], _SAMPLES),
    **dict.fromkeys(["scaled_dot_product_attention", "bmm", "baddbmm", "einsum"], _ATTENDS),
}
"""Operations that are refused by name, with the reason."""


RULES: dict[str, Rule] = {
    "conv2d": windows.convolution,
    "linear": _linear,
    "conv_transpose2d": windows.transposed_convolution,
    "upsample_nearest2d": windows.nearest,
    "_upsample_nearest_exact2d": windows.nearest_exact,
    "upsample_bilinear2d": windows.bilinear,
    "pixel_shuffle": windows.pixel_shuffle,
    "pixel_unshuffle": windows.pixel_unshuffle,
    "slice": windows.crop,
    "narrow": windows.narrow,
    "repeat": _repeat,
    "flip": _flip,
    "stack": merging.stack,
    "matmul": _matmul,
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "cat": merging.concatenate,
    "glu": merging.gate,
    **_named("max_pool2d max_pool2d_with_indices avg_pool2d avg_pool3d", windows.pool),
    **_named("adaptive_avg_pool2d adaptive_max_pool2d", windows.adaptive_pool),
    **_named("pad constant_pad_nd reflection_pad2d replication_pad2d", windows.pad),
    **_named(
        "mean sum amax amin max min var std logsumexp linalg_vector_norm norm all any argmax argmin var_mean std_mean",
        _reduce,
    ),
    **_named("group_norm", _normalise_within(lambda call: (-2, -1))),
    **_named("layer_norm rms_norm", _normalise_within(lambda call: range(-len(call.arguments["normalized_shape"]), 0))),
    **_named("softmax log_softmax cumsum", _normalise_within(lambda call: call.dimensions())),
    **_named("chunk split split_with_sizes tensor_split", merging.split),
    **_named("view reshape _unsafe_view flatten unflatten squeeze unsqueeze view_as reshape_as", layout.reshape),
    **_named("permute movedim moveaxis transpose swapaxes t numpy_T", layout.permute),
    **_named("select unbind", layout.select),
    **_named("expand expand_as", _expand),
    **_named("type_as", lambda call: call.signal),
    # One value in, one value out at each place; several inputs are merged.
    **_named("dropout dropout2d feature_dropout alpha_dropout channel_shuffle native_channel_shuffle", merge),
    **_named("feature_alpha_dropout", merge),
    **_named("relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish hardtanh hardswish hardsigmoid", merge),
    **_named("sigmoid log_sigmoid tanh softplus softsign threshold hardshrink softshrink clamp clamp_min", merge),
    **_named("clamp_max abs neg exp log log1p sqrt rsqrt reciprocal square pow sin cos sign floor round erf", merge),
    **_named("add sub rsub mul div maximum minimum where masked_fill lerp addcmul", merge),
    **_named("gt lt ge le eq ne logical_not logical_and isnan nan_to_num", merge),
    **_named("clone contiguous to _to_copy alias detach detach_ lift_fresh_copy", merge),
}
