"""One operation of an exported graph, as the rules see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from rflib.errors import RflibError
from rflib.receptive_field.axis import Signal
from rflib.receptive_field.nodes import source_line


@dataclass
class Call:
    """An operation with its arguments by name; `signals` holds what each of its tensor inputs sees.

    A rule sets `has_context` when global context meets the local field, `misaligned` when branches do not share
    a centre.
    """

    node: fx.Node
    operation: str
    arguments: dict[str, Any]
    inputs: list[fx.Node]
    signals: list[Signal]
    shapes: list[Sequence[int]]
    include_context: bool
    has_context: bool = field(default=False, init=False)
    misaligned: bool = field(default=False, init=False)

    @property
    def signal(self) -> Signal:
        """What the first tensor input sees."""
        return self.signals[0]

    @property
    def shape(self) -> Sequence[int]:
        """Shape of the first tensor input."""
        return self.shapes[0]

    @property
    def result_shapes(self) -> list[Sequence[int]]:
        """Shapes of the results; more than one where the operation splits a tensor."""
        value = self.node.meta["val"]
        values = value if isinstance(value, list | tuple) else [value]
        return [each.shape for each in values if hasattr(each, "shape")]

    def fail(self, message: str) -> RflibError:
        """Return the error about this operation: node, operation, source line, what is wrong."""
        return RflibError(f"node '{self.node.name}' ({self.operation}, {source_line(self.node)}): {message}")

    def dimensions(self, name: str = "dim") -> list[int]:
        """Return the dimensions an argument names, counted from the end; all of them when it is absent."""
        given, rank = self.arguments.get(name), len(self.shape)
        if given is None or given == []:
            return list(range(-rank, 0))
        return [dim % rank - rank for dim in ([given] if isinstance(given, int) else given)]

    def dimension(self, name: str = "dim") -> int:
        """Return the one dimension an argument names, counted from the end."""
        return self.dimensions(name)[0]

    def spatial(self) -> Signal:
        """Return the first input's signal, checked to be laid out as (…, height, width)."""
        for axis, dim in zip(self.signal, (-2, -1), strict=True):
            if not axis.is_global and (axis.dim != dim or axis.merged):
                raise self.fail(
                    "expected height and width as the last two dimensions, found them moved or merged by an "
                    "earlier reshape; analyse the part of the network before that reshape"
                )
        return self.signal
