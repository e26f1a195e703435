"""One spatial axis of a map: which input pixels its units see."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Axis:
    """What the units of a map see along one axis, in input pixels.

    Unit i sees pixels start + i x stride to end + i x stride, both included, over all paths together (gaps are
    not told apart); over its smallest path alone it sees `smallest` pixels. `dim` is the tensor's dimension that
    holds the axis, counted from the end (-1 is the last), None once the axis is gone. `merged` says that this
    dimension holds other things too (after a flatten).
    """

    dim: int | None
    start: float = 0
    end: float = 0
    smallest: float = 1
    stride: float = 1
    merged: bool = False

    @property
    def largest(self) -> float:
        """Size of the field over all paths, in pixels."""
        return self.end - self.start + 1

    @property
    def centre(self) -> float:
        """Centre of unit 0 in pixels, 0 being the centre of the first pixel."""
        return (self.start + self.end) / 2

    @property
    def is_global(self) -> bool:
        """Whether a unit sees the whole input, however large."""
        return math.isinf(self.smallest)

    def window(self, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Axis:
        """Return the axis after a sliding window; `padding` is the padding at the start."""
        if self.is_global:
            return self
        reach = dilation * (kernel - 1) * self.stride
        return replace(
            self,
            start=self.start - padding * self.stride,
            end=self.end - padding * self.stride + reach,
            smallest=self.smallest + reach,
            stride=self.stride * stride,
        )

    def everything(self) -> Axis:
        """Return the axis after an operation in which every unit sees the whole input."""
        return Axis(None, -math.inf, math.inf, math.inf, math.inf)

    def union(self, other: Axis) -> Axis:
        """Return the field of units that see what either sees; both must have the same stride."""
        return replace(
            self,
            start=min(self.start, other.start),
            end=max(self.end, other.end),
            smallest=min(self.smallest, other.smallest),
        )


Signal = tuple[Axis, Axis]
"""What a tensor's units see: along the height and along the width."""


def is_global(signal: Signal) -> bool:
    """Whether nothing local is left along either axis."""
    return all(axis.is_global for axis in signal)
