"""The result of a receptive-field analysis and the questions it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rflib.errors import UsageError, unknown
from rflib.receptive_field import border
from rflib.receptive_field.border import BorderRule, FieldSize
from rflib.receptive_field.layer import LayerField, Pair

if TYPE_CHECKING:
    import pandas


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
    def convolutions(self) -> list[LayerField]:
        """The convolutions that see a bounded part of the image."""
        return [layer for layer in self.layers if layer.is_convolution and layer.is_finite]

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
        return border.unproductive(self.layers, border.as_size(resolution), rule, field)

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
        return border.critical(self.layers, border.as_size(resolution))

    def resolution_range(self, *, lower_bound: bool = False) -> tuple[Pair, Pair]:
        """Return the smallest and the largest feasible input resolution, each (height, width) in pixels.

        Largest: the largest field of any layer; a bigger image holds patterns no unit sees whole. Smallest: the
        image that makes use of every layer, the largest r_min of any layer and never less than a window on its map,
        kernel x stride. With `lower_bound`, smallest is the smallest image without an unproductive layer: the
        largest r_min among the inputs of layers that widen the field. (rfa_toolbox, `input_resolution_range`.)
        """
        return border.resolution_range(self.layers, lower_bound=lower_bound)
