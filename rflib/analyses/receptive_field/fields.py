"""The result of a receptive-field analysis and the questions it answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from rflib.errors import UsageError, unknown

if TYPE_CHECKING:
    import pandas

Pair = tuple[float, float]
BorderRule = Literal["paper", "toolbox"]


@dataclass(frozen=True)
class LayerField:
    """The field of one layer; every pair is (height, width), lengths are in input pixels.

    r_min, r_max: size over the shortest path and over all paths together.
    stride: distance between the fields of neighbouring units.
    offset: first pixel of unit 0's largest field (negative: it lies in the padding; -effective padding).
    map_size: units of the layer's output.
    input_r_min, input_stride: the same for the layer's input, the smallest over all of its inputs.
    """

    name: str
    operation: str
    r_min: Pair
    r_max: Pair
    stride: Pair
    offset: Pair
    map_size: tuple[int, int]
    input_r_min: Pair
    input_stride: Pair

    @property
    def is_finite(self) -> bool:
        """Whether the layer sees a bounded part of the image."""
        return all(map(math.isfinite, self.r_min))

    @property
    def kernel(self) -> Pair:
        """Extent of the layer's window in units of its input, dilation included; 1 without widening."""
        if not self.is_finite:
            return math.inf, math.inf
        height, width = (
            max(1.0, (own - before) / step + 1)
            for own, before, step in zip(self.r_min, self.input_r_min, self.input_stride, strict=True)
        )
        return height, width

    def centre(self, unit: tuple[int, int]) -> Pair:
        """Return the centre of a unit's largest field in pixels, (0, 0) being the centre of the first pixel."""
        row, column = (
            start + index * stride + (size - 1) / 2
            for start, index, stride, size in zip(self.offset, unit, self.stride, self.r_max, strict=True)
        )
        return row, column

    def unit_at(self, centre: Pair) -> Pair:
        """Return the unit (fractional between units) whose field is centred on a pixel: the inverse of `centre`."""
        row, column = (
            (pixel - start - (size - 1) / 2) / stride
            for pixel, start, stride, size in zip(centre, self.offset, self.stride, self.r_max, strict=True)
        )
        return row, column


@dataclass(frozen=True)
class Fields:
    """The fields of a network's layers in order of execution.

    `fields["layer4.2.conv2"]` is the field of a layer, or of what any module puts out (a block, an activation).
    Functional calls have the name of their node in the exported graph. Iteration yields the layers' names.

    misaligned: merges of branches whose fields do not share a centre.
    context: nodes at which global context (a gate, group norm) meets the local field.
    """

    layers: Sequence[LayerField]
    outputs: dict[str, LayerField]
    misaligned: tuple[str, ...] = ()
    context: tuple[str, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, LayerField]:
        return {**self.outputs, **{layer.name: layer for layer in self.layers}}

    def __getitem__(self, name: str) -> LayerField:
        if name not in self._by_name:
            raise unknown("layer", name, (known for known in self._by_name if known))
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return (layer.name for layer in self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @property
    def convolutions(self) -> list[LayerField]:
        """The convolutions that see a bounded part of the image."""
        return [layer for layer in self.layers if layer.operation == "conv2d" and layer.is_finite]

    @property
    def last_convolution(self) -> LayerField:
        """The last convolution that sees a bounded part of the image; its largest field is the network's."""
        if not self.convolutions:
            raise UsageError("expected a network with a convolution before any global pooling, found none")
        return self.convolutions[-1]

    @cached_property
    def table(self) -> pandas.DataFrame:
        """One row a layer; each pair in two columns, `_height` and `_width`."""
        import pandas

        rows = []
        for layer in self.layers:
            row: dict[str, object] = {}
            for key, value in asdict(layer).items():
                pair = isinstance(value, tuple)
                row |= {f"{key}_height": value[0], f"{key}_width": value[1]} if pair else {key: value}
            rows.append(row)
        return pandas.DataFrame(rows)

    def border_layer(self, resolution: int | tuple[int, int], *, rule: BorderRule = "paper") -> str | None:
        """Return the first layer that is unproductive at an image of `resolution` pixels, None if there is none.

        See `unproductive` for the two rules. A residual network's smallest field falls back at every shortcut, so
        layers after the border may be productive again.
        """
        return next(iter(self.unproductive(resolution, rule=rule)), None)

    def unproductive(self, resolution: int | tuple[int, int], *, rule: BorderRule = "paper") -> list[str]:
        """Return the layers that cannot bring new context to any unit, at an image of `resolution` pixels.

        rule "paper": the convolutions whose input already sees more than the image, r_min of the input > resolution
        along both axes (Richter et al., "Should You Go Deeper?", section IV; r_min for branches, section V).
        rule "toolbox": convolutions, pools and merges of which r_min > resolution and whose inputs have
        r_min >= resolution; or whose window covers every incoming map, taken as resolution // stride units
        (rfa_toolbox, `graphs.py`). Each layer is judged on its own input: in a residual network the list need not
        be one tail, because a shortcut brings the smallest field of an earlier layer back.
        """
        size = (resolution, resolution) if isinstance(resolution, int) else tuple(resolution)
        if len(size) != 2 or min(size) < 1:
            raise UsageError(f"resolution: expected pixels or (height, width), positive, found {resolution}")
        if rule == "paper":
            return [layer.name for layer in self.convolutions if _exceeds(layer.input_r_min, size)]
        if rule == "toolbox":
            return [layer.name for layer in self.layers if layer.is_finite and _is_toolbox_border(layer, size)]
        raise unknown("border rule", rule, ("paper", "toolbox"))

    def critical(self, resolution: int | tuple[int, int]) -> list[str]:
        """Return the layers with a bounded field whose own r_min exceeds the image along both axes (rfa_toolbox)."""
        size = (resolution, resolution) if isinstance(resolution, int) else tuple(resolution)
        return [layer.name for layer in self.layers if layer.is_finite and _exceeds(layer.r_min, size)]

    def resolution_range(self, *, lower_bound: bool = False) -> tuple[Pair, Pair]:
        """Return the smallest and the largest feasible input resolution, each (height, width) in pixels.

        Largest: the largest field of any layer; a bigger image holds patterns no unit sees whole. Smallest: the
        image that makes use of every layer, the largest r_min of any layer and never less than a window on its map,
        kernel x stride. With `lower_bound`, smallest is the smallest image without an unproductive layer: the
        largest r_min among the inputs of layers that widen the field. (rfa_toolbox, `input_resolution_range`.)
        """
        layers = [layer for layer in self.layers if layer.is_finite]
        if not layers:
            raise UsageError("resolution range: expected a network with a convolution, found none")
        largest = _largest([layer.r_max for layer in layers])
        if lower_bound:
            return _largest([layer.input_r_min for layer in layers if max(layer.kernel) > 1]), largest
        windows = [(layer.kernel[0] * layer.stride[0], layer.kernel[1] * layer.stride[1]) for layer in layers]
        return _largest([layer.r_min for layer in layers] + windows), largest


def _exceeds(field: Pair, size: Sequence[float]) -> bool:
    return all(pixels > limit for pixels, limit in zip(field, size, strict=True))


def _is_toolbox_border(layer: LayerField, size: Sequence[float]) -> bool:
    reached = all(pixels >= limit for pixels, limit in zip(layer.input_r_min, size, strict=True))
    maps = [limit // step for limit, step in zip(size, layer.input_stride, strict=True)]
    covered = all(units <= kernel for units, kernel in zip(maps, layer.kernel, strict=True))
    return (reached and _exceeds(layer.r_min, size)) or covered


def _largest(pairs: Sequence[Pair]) -> Pair:
    heights, widths = zip(*pairs, strict=True) if pairs else ((1.0,), (1.0,))
    return max(heights), max(widths)
