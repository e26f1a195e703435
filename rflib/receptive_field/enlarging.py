"""Operations that enlarge a map: interpolation, pixel shuffling and transposed convolution.

Neighbouring units of an enlarged map see windows at unequal distances; after as many units as the factor says the
pattern repeats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial

from rflib.receptive_field.axis import Signal
from rflib.receptive_field.call import Call
from rflib.receptive_field.windows import pair

_HALF = Fraction(1, 2)
# A factor such as 1.7 is no exact fraction in binary.
_LARGEST_DENOMINATOR = 1000


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
    height, width = (
        axis.reading(lambda place: [place // factor], per_unit=Fraction(1, factor)) for axis in call.spatial()
    )
    return height, width


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
