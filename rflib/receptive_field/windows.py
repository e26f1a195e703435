"""Operations whose units see a window of the map before, and those that cut, pad or enlarge it.

Interpolation, pixel shuffling and transposed convolution enlarge a map. Its neighbouring units see windows at unequal
distances; after as many units as the factor says the pattern repeats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from rflib.receptive_field.axis import Signal, each_axis
from rflib.receptive_field.call import Call

_HALF = Fraction(1, 2)
# A factor such as 1.7 is no exact fraction in binary.
_LARGEST_DENOMINATOR = 1000


def pair(value: Any) -> tuple[int, int]:
    """Return a setting as (height, width)."""
    values = [value] * 2 if isinstance(value, int) else list(value)
    return values[-2 if len(values) > 1 else 0], values[-1]


def _slide(call: Call, kernel: Any, *, stride: Any, padding: Any, dilation: Any) -> Signal:
    geometry = zip(pair(kernel), pair(stride), pair(padding), pair(dilation), strict=True)
    height, width = (
        axis.window(k, stride=s, padding=p, dilation=d)
        for axis, (k, s, p, d) in zip(call.spatial(), geometry, strict=True)
    )
    return height, width


def convolution(call: Call) -> Signal:
    """Slide the kernel of a convolution over the map."""
    kernel = tuple(call.arguments["weight"].meta["val"].shape[2:])
    padding, dilation = call.arguments["padding"], pair(call.arguments["dilation"])
    if padding == "same":
        padding = [d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]
    elif padding == "valid":
        padding = 0
    return _slide(call, kernel, stride=call.arguments["stride"], padding=padding, dilation=dilation)


def pool(call: Call) -> Signal:
    """Slide the window of a pool over the map."""
    kernel = call.arguments["kernel_size"]
    return _slide(
        call,
        kernel,
        stride=call.arguments["stride"] or kernel,
        padding=call.arguments["padding"],
        dilation=call.arguments.get("dilation", 1),
    )


def adaptive_pool(call: Call) -> Signal | list[Signal]:
    """Pooling to a fixed size sees a share of the input that grows with it: global, unless it changes nothing."""
    sizes = zip(call.spatial(), call.shape[-2:], call.result_shapes[0][-2:], strict=True)
    height, width = (axis if before == after > 1 else axis.everything() for axis, before, after in sizes)
    return [(height, width)] * 2 if len(call.result_shapes) == 2 else (height, width)


def pixel_unshuffle(call: Call) -> Signal:
    """Move blocks of pixels into channels."""
    factor = call.arguments["downscale_factor"]
    return _slide(call, factor, stride=factor, padding=0, dilation=1)


def pad(call: Call) -> Signal:
    """Shift the map by the padding before it; a negative one crops."""
    amounts = call.arguments["pad"]
    before = dict(zip(range(-1, -1 - len(amounts) // 2, -1), amounts[::2], strict=True))
    _refuse_merged(call, [dim for dim, amount in before.items() if amount])
    return each_axis(
        call.signal, lambda axis: axis if axis.is_global else axis.window(1, padding=before.get(axis.dim or 0, 0))
    )


def crop(call: Call) -> Signal:
    """Take every `step`-th unit from `start` on along one dimension."""
    dim, step = call.dimension(), call.arguments["step"] or 1
    size = call.shape[dim]
    start = call.arguments["start"] or 0
    start = max(0, start + size) if start < 0 else min(start, size)
    if (start, step) != (0, 1):
        _refuse_merged(call, [dim])
    return each_axis(call.signal, lambda axis: axis.window(1, stride=step, padding=-start) if axis.dim == dim else axis)


def narrow(call: Call) -> Signal:
    """Take a run of units along one dimension."""
    call.arguments["step"] = 1
    return crop(call)


def _refuse_merged(call: Call, dims: Sequence[int]) -> None:
    if any(axis.merged and axis.dim in dims for axis in call.signal):
        raise call.fail(
            "expected height and width in dimensions of their own, found them merged by an earlier reshape; analyse "
            "the part of the network before that reshape"
        )


def nearest(call: Call) -> Signal:
    """Repeat units: unit i reads the one that the left edge of its place falls into."""
    return _resize(call, lambda place, ratio: [math.floor(place * ratio)])


def nearest_exact(call: Call) -> Signal:
    """Repeat units: unit i reads the one that the middle of its place falls into."""
    return _resize(call, lambda place, ratio: [math.floor((place + _HALF) * ratio)])


def bilinear(call: Call) -> Signal:
    """Mix the two units on either side, or read the one that lies exactly there."""
    if call.arguments["align_corners"] and call.shape[-2:] != call.result_shapes[0][-2:]:
        raise call.fail(
            "expected align_corners=False, found True: the map is then stretched until its corners meet the new ones, "
            "so the windows of its units drift and never repeat. Analyse the network with align_corners=False"
        )

    def read(place: int, ratio: Fraction) -> Iterable[int]:
        position = (place + _HALF) * ratio - _HALF
        return {math.floor(position), math.ceil(position)}

    return _resize(call, read)


def pixel_shuffle(call: Call) -> Signal:
    """Move channels into blocks of pixels, all of which read the same unit."""
    factor = call.arguments["upscale_factor"]
    reads = Fraction(1, factor)
    return each_axis(call.spatial(), lambda axis: axis.reading(lambda place: [place // factor], per_unit=reads))


def transposed_convolution(call: Call) -> Signal:
    """Spread every unit over a kernel: unit i reads those whose kernels, `stride` apart, reach it."""
    kernel = call.arguments["weight"].meta["val"].shape[2:]
    settings = (pair(call.arguments[name]) for name in ("stride", "padding", "dilation"))
    geometry = zip(call.spatial(), kernel, *settings, strict=True)
    height, width = (
        axis.reading(_reached(size, stride, padding, dilation), per_unit=Fraction(1, stride))
        for axis, size, stride, padding, dilation in geometry
    )
    return height, width


def _reached(kernel: int, stride: int, padding: int, dilation: int) -> Callable[[int], list[int]]:
    taps = range(0, dilation * kernel, dilation)
    return lambda place: [(place + padding - tap) // stride for tap in taps if (place + padding - tap) % stride == 0]


def _resize(call: Call, read: Callable[..., Iterable[int]]) -> Signal:
    factors = call.arguments.get("scale_factors") or (None, None)
    sizes = zip(call.spatial(), call.shape[-2:], call.result_shapes[0][-2:], factors, strict=True)
    height, width = (
        axis.reading(partial(read, ratio=ratio), per_unit=ratio)
        for axis, ratio in ((axis, _ratio(before, after, factor)) for axis, before, after, factor in sizes)
    )
    return height, width


def _ratio(before: int, after: int, factor: float | None) -> Fraction:
    """Return how many units of the map before lie on one of the map after."""
    if factor is None or factor * before == after:
        return Fraction(before, after)
    return 1 / Fraction(factor).limit_denominator(_LARGEST_DENOMINATOR)
