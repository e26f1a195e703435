"""The result of a receptive-field analysis and the questions it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Literal, get_args

from rflib.errors import UsageError, require_known, unknown
from rflib.receptive_field.layer import LayerField, Pair

if TYPE_CHECKING:
    import pandas

BorderRule = Literal["paper", "toolbox"]
FieldSize = Literal["smallest", "largest"]


@dataclass(frozen=True)
class Fields:
    """The fields of a network's layers in order of execution.

    `fields["layer4.2.conv2"]` is the field of a layer, or of what any module puts out (a block, an activation).
    Functional calls have the name of their node in the exported graph. Iteration yields the layers' names.

    misaligned: merges of branches whose fields do not share a centre.
    context: nodes at which global context (a gate, group norm) meets the local field.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Conv2d(8, 8, 5), nn.Conv2d(8, 8, 1))
        >>> fields = rflib.receptive_field.analyse(model, (3, 12, 12))
        >>> fields.border_layer(12), fields.border_layer(8), fields.resolution_range()
        (None, '2', ((9, 9), (9, 9)))
        >>> fields["1"].r_max, fields.table.shape
        ((9, 9), (3, 18))
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
    def _bounded(self) -> list[LayerField]:
        return [layer for layer in self.layers if layer.is_finite]

    @property
    def convolutions(self) -> list[LayerField]:
        """The convolutions that see a bounded part of the image."""
        return [layer for layer in self._bounded if layer.is_convolution]

    @property
    def last_convolution(self) -> LayerField:
        """The last convolution to run that sees a bounded part of the image.

        Its largest field is the network's unless branches end the network: see `widest_convolution`.
        """
        if not self.convolutions:
            raise UsageError("expected a network with a convolution before any global pooling, found none")
        return self.convolutions[-1]

    @property
    def widest_convolution(self) -> LayerField:
        """The convolution with the largest field over all paths; of several the last one to run."""
        last = self.last_convolution
        return max(reversed(self.convolutions), key=lambda layer: max(layer.r_max), default=last)

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

    def border_layer(
        self, resolution: int | tuple[int, int], *, rule: BorderRule = "paper", field: FieldSize = "smallest"
    ) -> str | None:
        """Return the first layer that is unproductive at an image of `resolution` pixels, None if there is none.

        With field "smallest" it is b_min of Richter et al., with "largest" b_max; see `unproductive` for the rules.
        A residual network's smallest field falls back at every shortcut, so single layers after the border may see
        less than the image again.
        """
        return next(iter(self.unproductive(resolution, rule=rule, field=field)), None)

    def unproductive(
        self, resolution: int | tuple[int, int], *, rule: BorderRule = "paper", field: FieldSize = "smallest"
    ) -> list[str]:
        """Return the layers that cannot bring new context to any unit, at an image of `resolution` pixels.

        A resolution is the side of a square image or (height, width). Fields r are those of the shortest path
        (field "smallest", r_min) or of all paths together ("largest", r_max).

        rule "paper": the convolutions whose input already sees more than the image, r of the input > resolution
        along both axes (Richter et al., "Should You Go Deeper?", section IV; r_min for branches, section V).
        rule "toolbox": convolutions, pools and merges of which r > resolution and whose inputs all have
        r >= resolution; or whose window covers every incoming map, taken as resolution // stride units
        (rfa_toolbox, `graphs.py`).

        Each layer is judged on its own input. In a sequential network that gives one run of layers up to the end. In
        a residual network r_min zigzags, because a shortcut brings the field of an earlier layer back: there a layer
        is unproductive if even the shortest path to it has seen the whole image, and the list has gaps. `tail` is
        the whole run from the border layer on.
        """
        size = _as_size(resolution)
        require_known("field", field, get_args(FieldSize))
        require_known("border rule", rule, get_args(BorderRule))
        if rule == "paper":
            return [layer.name for layer in self.convolutions if _exceeds(_before_and_after(layer, field)[0], size)]
        return [layer.name for layer in self._bounded if _is_toolbox_border(layer, size, field)]

    def tail(
        self, resolution: int | tuple[int, int], *, rule: BorderRule = "paper", field: FieldSize = "smallest"
    ) -> list[str]:
        """Return the convolutions from the border layer on, in order of execution; empty without a border.

        This is the part that Richter et al. replace by a classifier (section VIII). They find that probes stagnate
        behind b_min in residual networks too (section VI), so it includes convolutions that read a shortcut.
        """
        first = self.border_layer(resolution, rule=rule, field=field)
        if first is None:
            return []
        names = list(self)
        behind = set(names[names.index(first) :])
        return [layer.name for layer in self.convolutions if layer.name in behind]

    def critical(self, resolution: int | tuple[int, int]) -> list[str]:
        """Return the layers with a bounded field whose own r_min exceeds the image along both axes (rfa_toolbox)."""
        size = _as_size(resolution)
        return [layer.name for layer in self._bounded if _exceeds(layer.r_min, size)]

    def resolution_range(self, *, lower_bound: bool = False) -> tuple[Pair, Pair]:
        """Return the smallest and the largest feasible input resolution, each (height, width) in pixels.

        Largest: the largest field of any layer; a bigger image holds patterns no unit sees whole. Smallest: the
        image that makes use of every layer, the largest r_min of any layer and never less than a window on its map,
        kernel x stride. With `lower_bound`, smallest is the smallest image without an unproductive layer: the
        largest r_min among the inputs of layers that widen the field. (rfa_toolbox, `input_resolution_range`.)
        """
        bounded = self._bounded
        if not bounded:
            raise UsageError("resolution range: expected a network with a convolution, found none")
        largest = _largest([layer.r_max for layer in bounded])
        if lower_bound:
            return _largest([layer.input_r_min for layer in bounded if max(layer.kernel) > 1]), largest
        spans = [(layer.kernel, layer.input_stride) for layer in bounded]
        windows = [(kernel[0] * stride[0], kernel[1] * stride[1]) for kernel, stride in spans]
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


def _as_size(resolution: int | tuple[int, int]) -> tuple[int, int]:
    """Return a resolution as (height, width) in pixels; UsageError unless both are positive."""
    size = tuple(resolution) if isinstance(resolution, Sequence) else (resolution, resolution)
    if len(size) != 2 or not all(isinstance(side, Integral) and side > 0 for side in size):
        raise UsageError(f"resolution: expected pixels or (height, width), positive, found {resolution}")
    return int(size[0]), int(size[1])


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
