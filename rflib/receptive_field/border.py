"""The rules behind border layers and feasible resolutions; `Fields` asks them and documents them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Literal

from rflib.errors import UsageError, unknown
from rflib.receptive_field.layer import LayerField, Pair

BorderRule = Literal["paper", "toolbox"]
FieldSize = Literal["smallest", "largest"]


def as_size(resolution: int | tuple[int, int]) -> tuple[int, int]:
    """Return a resolution as (height, width) in pixels; UsageError unless both are positive."""
    size = tuple(resolution) if isinstance(resolution, Sequence) else (resolution, resolution)
    if len(size) != 2 or not all(isinstance(side, Integral) and side > 0 for side in size):
        raise UsageError(f"resolution: expected pixels or (height, width), positive, found {resolution}")
    return int(size[0]), int(size[1])


def unproductive(layers: Sequence[LayerField], size: Pair, rule: BorderRule, field: FieldSize) -> list[str]:
    """Return the names of the unproductive layers by a rule; see `Fields.unproductive`."""
    if field not in ("smallest", "largest"):
        raise unknown("field", field, ("smallest", "largest"))
    bounded = [layer for layer in layers if layer.is_finite]
    if rule == "paper":
        return [
            layer.name
            for layer in bounded
            if layer.is_convolution and _exceeds(_before_and_after(layer, field)[0], size)
        ]
    if rule == "toolbox":
        return [layer.name for layer in bounded if _is_toolbox_border(layer, size, field)]
    raise unknown("border rule", rule, ("paper", "toolbox"))


def critical(layers: Sequence[LayerField], size: Pair) -> list[str]:
    """Return the names of the layers whose own smallest field exceeds the image."""
    return [layer.name for layer in layers if layer.is_finite and _exceeds(layer.r_min, size)]


def resolution_range(layers: Sequence[LayerField], *, lower_bound: bool) -> tuple[Pair, Pair]:
    """Return the smallest and the largest feasible resolution; see `Fields.resolution_range`."""
    bounded = [layer for layer in layers if layer.is_finite]
    if not bounded:
        raise UsageError("resolution range: expected a network with a convolution, found none")
    largest = _largest([layer.r_max for layer in bounded])
    if lower_bound:
        return _largest([layer.input_r_min for layer in bounded if max(layer.kernel) > 1]), largest
    windows = [(layer.kernel[0] * layer.input_stride[0], layer.kernel[1] * layer.input_stride[1]) for layer in bounded]
    return _largest([layer.r_min for layer in bounded] + windows), largest


def tail_pattern(saturation: Mapping[str, float]) -> list[str]:
    """Return the layers of a network's tail pattern, given every layer's saturation in order of execution.

    The tail pattern is the longest run of layers at the end, each of which is saturated by less than half the average
    of the layers before the run; empty where no run is so low, and never the whole network. (Richter et al., "Should
    You Go Deeper?", section III-B: "low saturated layers with < 50% of the average saturation of all other layers".
    That the run reaches the last layer is read from their figures.)

    Example:
        >>> rflib.receptive_field.tail_pattern({"first": 0.6, "second": 0.4, "third": 0.1, "last": 0.05})
        ['third', 'last']
    """
    names, values = list(saturation), list(saturation.values())
    for start in range(1, len(values)):
        before, run = values[:start], values[start:]
        if max(run) < sum(before) / len(before) / 2:
            return names[start:]
    return []


def _before_and_after(layer: LayerField, field: FieldSize) -> tuple[Pair, Pair]:
    if field == "smallest":
        return layer.input_r_min, layer.r_min
    return layer.input_r_max, layer.r_max


def _exceeds(field: Pair, size: Pair) -> bool:
    return all(pixels > limit for pixels, limit in zip(field, size, strict=True))


def _is_toolbox_border(layer: LayerField, size: Pair, field: FieldSize) -> bool:
    before, after = _before_and_after(layer, field)
    reached = all(pixels >= limit for pixels, limit in zip(before, size, strict=True))
    maps = [limit // step for limit, step in zip(size, layer.input_stride, strict=True)]
    covered = all(units <= kernel for units, kernel in zip(maps, layer.kernel, strict=True))
    return (reached and _exceeds(after, size)) or covered


def _largest(pairs: Sequence[Pair]) -> Pair:
    heights, widths = zip(*pairs, strict=True) if pairs else ((1.0,), (1.0,))
    return max(heights), max(widths)
