"""Operations on several inputs: sums, channels put together or apart, gates and weights that depend on the image."""

from __future__ import annotations

import math
from dataclasses import replace

from rflib.receptive_field.axis import Axis, Signal, each_axis, is_global
from rflib.receptive_field.call import Call


def merge(call: Call) -> Signal:
    """Return the union of all inputs: largest field over all paths, smallest over the shortest.

    An input that holds one value for the whole map (a gate) is context: it is left out, or makes the largest
    field infinite where the analysis includes context.
    """
    height, width = (_merge_axis(call, [signal[which] for signal in call.signals]) for which in (0, 1))
    return height, width


def concatenate(call: Call) -> Signal:
    """Put channels together; along a spatial axis there would be two fields."""
    _require_channels(call, "a concatenation of")
    return merge(call)


def stack(call: Call) -> Signal:
    """Merge inputs that a new dimension holds."""
    rank = len(call.shape) + 1
    place = call.arguments["dim"] % rank - rank
    return each_axis(
        merge(call), lambda axis: axis if axis.dim is None or axis.dim > place else replace(axis, dim=axis.dim - 1)
    )


def gate(call: Call) -> Signal:
    """Multiply one half of the channels by the other, as a gated linear unit does."""
    _require_channels(call, "a gate over")
    return call.signal


def split(call: Call) -> list[Signal]:
    """Give every part the channels' own signal."""
    _require_channels(call, "a split of")
    return [call.signal] * len(call.result_shapes)


def _require_channels(call: Call, what: str) -> None:
    dim = call.dimension()
    if any(axis.dim == dim for signal in call.signals for axis in signal):
        raise call.fail(f"expected {what} channels, found one along a spatial axis")


def weighted(call: Call, signal: Signal) -> Signal:
    """Weights computed from the whole image are context; from a part of it, every unit sees that part too."""
    if not all(is_global(signal) for signal in call.signals[1:]):
        raise call.fail(
            "expected weights that do not depend on the image, or that depend on all of it, found weights that see a "
            "part of it: every unit then sees that part, wherever it is"
        )
    return each_axis(signal, lambda axis: axis if axis.is_global else with_context(call, axis))


def with_context(call: Call, axis: Axis) -> Axis:
    """Note context along an axis; where it is included, the axis sees everything."""
    call.has_context = True
    return axis.with_context() if call.include_context else axis


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
    return with_context(call, merged) if len(kept) < len(axes) else merged


def _join(call: Call, one: Axis, other: Axis) -> Axis:
    if one.stride != other.stride:
        raise call.fail(
            f"expected branches of equal stride, found {one.stride:g} and {other.stride:g}: "
            "their units drift apart, so the merged map has no one field"
        )
    if (one.dim, one.merged) != (other.dim, other.merged):
        raise call.fail("expected height and width in the same dimensions of both inputs, found them moved")
    finite = math.isfinite(one.largest) and math.isfinite(other.largest)
    call.misaligned |= finite and not math.isclose(one.centre, other.centre, abs_tol=1e-9)
    return one.union(other)
