"""One spatial axis of a map: which input pixels its units see."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property


@dataclass(frozen=True)
class Span:
    """The pixels from `start` to `end`, both included (gaps are not told apart); none where the end lies before."""

    start: float = 0
    end: float = 0

    @property
    def size(self) -> float:
        """Number of pixels."""
        return max(0, self.end - self.start + 1)

    @property
    def centre(self) -> float:
        """The middle in pixels, 0 being the centre of the first pixel."""
        return (self.start + self.end) / 2

    def shifted(self, pixels: float) -> Span:
        """Return the span moved along the axis."""
        return Span(self.start + pixels, self.end + pixels)


def _hull(spans: Sequence[Span]) -> Span:
    return Span(min([span.start for span in spans]), max([span.end for span in spans]))


_NOTHING = Span(math.inf, -math.inf)
_EVERYTHING = Span(-math.inf, math.inf)


@dataclass(frozen=True)
class Unit:
    """What one unit sees over all paths together, and over its smallest path alone."""

    largest: Span = Span()
    smallest: Span = Span()

    def shifted(self, pixels: float) -> Unit:
        """Return the unit that sees the same some pixels further."""
        return Unit(self.largest.shifted(pixels), self.smallest.shifted(pixels))


@dataclass(frozen=True)
class Axis:
    """What the units of a map see along one axis, in input pixels.

    The map goes on beyond its borders: fields reach into the padding. `units` are the first ones, up to where they
    repeat `step` pixels further: a single one, unless the map was enlarged on its way. `dim` is the tensor's
    dimension that holds the axis, counted from the end (-1 is the last), None once the axis is gone. `merged` says
    that this dimension holds other things too (after a flatten).
    """

    dim: int | None
    units: tuple[Unit, ...] = (Unit(),)
    step: float = 1
    merged: bool = False

    @property
    def stride(self) -> float:
        """Distance between neighbouring units in pixels, on average over the units of an enlarged map."""
        return self.step if len(self.units) == 1 else self.step / len(self.units)

    @cached_property
    def largest(self) -> float:
        """Size of the field over all paths, in pixels; of an enlarged map that of the unit that sees most."""
        return max(unit.largest.size for unit in self.units)

    @cached_property
    def smallest(self) -> float:
        """Size of the field over the smallest path, in pixels; of an enlarged map that of the unit that sees least."""
        return min(unit.smallest.size for unit in self.units if unit.smallest.size)

    @property
    def start(self) -> float:
        """First pixel of the largest field of unit 0; of an enlarged map that of a field around `centre`."""
        if len(self.units) == 1 or math.isinf(self.largest):
            return self.units[0].largest.start
        return self.centre - (self.largest - 1) / 2

    @property
    def centre(self) -> float:
        """Centre of unit 0 in pixels; the units of an enlarged map lie around theirs, on average on it."""
        centres = [
            unit.largest.centre - index * self.stride for index, unit in enumerate(self.units) if unit.largest.size
        ]
        return sum(centres) / len(centres)

    @property
    def is_blind(self) -> bool:
        """Whether no unit sees any pixel: a transposed convolution leaves places empty where its stride is wider."""
        return not any(unit.largest.size for unit in self.units)

    @property
    def is_global(self) -> bool:
        """Whether a unit sees the whole input, however large."""
        return math.isinf(self.smallest)

    def unit(self, index: int) -> Unit:
        """Return what the unit at an index sees; negative ones lie before the map."""
        turns, place = divmod(index, len(self.units))
        return self.units[place].shifted(turns * self.step) if turns else self.units[place]

    def reading(self, read: Callable[[int], Iterable[int]], *, per_unit: Fraction) -> Axis:
        """Return the axis of a map whose unit i sees what the units `read(i)` of this one see.

        What neighbouring units read is `per_unit` units of this map apart, on average: its stride, or the inverse of
        the factor by which it enlarges.
        """
        if self.is_global:
            return self
        period = len(self.units) * per_unit.denominator // math.gcd(per_unit.numerator, len(self.units))
        units = tuple(self._together(read(index)) for index in range(period))
        return replace(self, units=units, step=self.step * (int(period * per_unit) // len(self.units)))

    def _together(self, indices: Iterable[int]) -> Unit:
        seen = [self.unit(index) for index in indices]
        if not seen:
            return _BLIND
        return Unit(_hull([unit.largest for unit in seen]), _hull([unit.smallest for unit in seen]))

    def window(self, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Axis:
        """Return the axis after a sliding window; `padding` is the padding at the start."""
        if (kernel, stride, padding) == (1, 1, 0):
            return self
        taps: Iterable[int] = range(0, dilation * kernel, dilation)
        if len(self.units) == 1:
            # At equal distances the outermost taps see furthest.
            taps = {0, dilation * (kernel - 1)}
        return self.reading(lambda index: [index * stride - padding + tap for tap in taps], per_unit=Fraction(stride))

    def everything(self) -> Axis:
        """Return the axis after an operation in which every unit sees the whole input."""
        return Axis(None, (Unit(_EVERYTHING, _EVERYTHING),), math.inf)

    def with_context(self) -> Axis:
        """Return the axis of units that see the whole input over some path, and what they saw over their smallest."""
        return replace(self, units=tuple(Unit(_EVERYTHING, unit.smallest) for unit in self.units))

    def union(self, other: Axis) -> Axis:
        """Return the field of units that see what either sees; both must have the same stride."""
        period = math.lcm(len(self.units), len(other.units))
        shorter = min(self, other, key=lambda axis: axis.smallest)
        units = tuple(
            Unit(_hull([self.unit(index).largest, other.unit(index).largest]), shorter.unit(index).smallest)
            for index in range(period)
        )
        return replace(self, units=units, step=self.step * (period // len(self.units)))


_BLIND = Unit(_NOTHING, _NOTHING)

Signal = tuple[Axis, Axis]
"""What a tensor's units see: along the height and along the width."""


def each_axis(signal: Signal, change: Callable[[Axis], Axis]) -> Signal:
    """Return the signal changed along either axis alike."""
    height, width = signal
    return change(height), change(width)


def is_global(signal: Signal) -> bool:
    """Whether nothing local is left along either axis."""
    return all(axis.is_global for axis in signal)
