"""Operations whose units see a window of the map before, and those that cut or pad it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rflib.receptive_field.axis import Signal
from rflib.receptive_field.call import Call


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
    height, width = (
        axis if axis.is_global else axis.window(1, padding=before.get(axis.dim or 0, 0)) for axis in call.signal
    )
    return height, width


def crop(call: Call) -> Signal:
    """Take every `step`-th unit from `start` on along one dimension."""
    dim, step = call.dimension(), call.arguments["step"] or 1
    size = call.shape[dim]
    start = call.arguments["start"] or 0
    start = max(0, start + size) if start < 0 else min(start, size)
    if (start, step) != (0, 1):
        _refuse_merged(call, [dim])
    height, width = (axis.window(1, stride=step, padding=-start) if axis.dim == dim else axis for axis in call.signal)
    return height, width


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
