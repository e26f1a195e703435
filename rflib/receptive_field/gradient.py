"""`measure`: the receptive field read off a gradient, independent of the graph and of the recurrence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from rflib.activations import evaluation_mode
from rflib.errors import RflibError, UsageError
from rflib.linearised import Convolution, Linearised
from rflib.receptive_field.layer import check_request

_FIRST_LENGTH = 512
_GROWTH = 4
_LONGEST = 2**19
# Units looked at in a map that may have been enlarged; what they see repeats after half as many at most.
_UNITS = 64


@dataclass(frozen=True)
class MeasuredField:
    """The field of one convolution over all paths, as in `LayerField`: pairs of (height, width), in pixels.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1))
        >>> field = rflib.receptive_field.measure(model, (3, 32, 32))["0"]
        >>> field.r_max, field.stride, field.offset
        ((3, 3), (2, 2), (-1.0, -1.0))
    """

    name: str
    r_max: tuple[float, float]
    stride: tuple[float, float]
    offset: tuple[float, float]


class _Span(NamedTuple):
    """Size, stride and offset along one axis."""

    size: float
    stride: float
    offset: float


_EVERYTHING = _Span(math.inf, math.inf, -math.inf)


def measure(
    model: nn.Module, input_shape: tuple[int, int, int], *, layers: Literal["last", "all"] = "last"
) -> dict[str, MeasuredField]:
    """Return the measured field of the last convolution, or of all of them, by name in order of execution.

    The paper's way: the pixels from which gradient reaches a central unit on a positive linear copy
    (`rflib.linearised`: one channel, window sums for max pooling, no batch norm, no activation), one axis at a time, on
    an image enlarged until its inner half holds the field; the neighbouring unit gives the stride. In a network that
    enlarges maps as many central units are looked at as it takes until what they see repeats. It knows only the
    largest field. A convolution whose map does not grow with the image sees everything (`math.inf`); the last
    convolution is the last one that does not. Global context is left out, as in `analyse`.

    `input_shape` is (channels, height, width), a size the network accepts; enlarged sizes are multiples of it.
    Raises `RflibError` for an operation without a linear form. Leaves the model as it was.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3))
        >>> rflib.receptive_field.measure(model, (3, 32, 32))["2"].r_max
        (8, 8)
    """
    if layers not in ("last", "all"):
        raise UsageError(f"layers: expected 'last' or 'all', found {layers!r}")
    check_request(model, input_shape)
    with evaluation_mode(model), torch.enable_grad(), _one_thread():
        ran = _run(model, input_shape, axis=None)[1]
        counts = {convolution.name: _UNITS if convolution.enlarged else 2 for convolution in ran}
        if not counts:
            raise UsageError(f"expected a network with a convolution, found none in {type(model).__name__}")
        vertical, horizontal = (_Ruler(model, input_shape, axis, counts) for axis in (0, 1))
        measured = {}
        for name in counts if layers == "all" else reversed(counts):
            height, width = vertical.span(name), horizontal.span(name)
            measured[name] = MeasuredField(name, *zip(height, width, strict=True))
            if layers == "last" and math.isfinite(height.size) and math.isfinite(width.size):
                return {name: measured[name]}
    return measured


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: the tensors are tiny, and waiting for other threads costs up to a hundred times more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _run(
    model: nn.Module, shape: Sequence[int], *, axis: int | None, names: Sequence[str] | None = None, batch: int = 2
) -> tuple[Tensor, list[Convolution]]:
    """Run the linear copy of `model`; an error after the last of `names` (a fixed-size classifier) is harmless."""
    mode = Linearised(model, axis=axis)
    pixels, image = mode.image((shape[1], shape[2]), channels=shape[0], batch=batch)
    try:
        mode.output(image)
    except RflibError as error:
        if names is None:
            raise
        if [convolution.name for convolution in mode.convolutions] != list(names):
            raise RflibError(
                f"{error}. Expected a network that takes images larger than the given size, and as narrow as one pixel"
            ) from error
    return pixels, mode.convolutions


class _Ruler:
    """Measures along one axis; keeps the runs, which convolutions share, and the length that served last.

    `counts` says of each convolution at how many central units to look.
    """

    def __init__(self, model: nn.Module, shape: tuple[int, int, int], axis: int, counts: Mapping[str, int]) -> None:
        self.model, self.shape, self.axis, self.counts = model, shape, axis, counts
        self.runs: dict[tuple[int, int], tuple[Tensor, dict[str, Tensor]]] = {}
        self.length = shape[1 + axis]
        while self.length < _FIRST_LENGTH:
            self.length *= 2

    def span(self, name: str) -> _Span:
        """Return the span of a convolution, on an enlarged image whose inner half holds the whole field."""
        length = self.length
        while length <= _LONGEST:
            found = self._inner_span(name, length)
            if found is not None:
                # Fields grow with depth: what a later convolution needs is hardly ever shorter.
                self.length = length
                return found
            if self._units(name, length) == self._units(name, length * _GROWTH):
                return _EVERYTHING
            length *= _GROWTH
        raise RflibError(f"'{name}': its field does not fit into {_LONGEST} pixels; expected a smaller one")

    def _run_at(self, length: int, count: int) -> tuple[Tensor, dict[str, Tensor]]:
        if (length, count) not in self.runs:
            size = (length, 1) if self.axis == 0 else (1, length)
            shape = (self.shape[0], *size)
            pixels, ran = _run(self.model, shape, axis=self.axis, names=list(self.counts), batch=count)
            self.runs[length, count] = pixels, {convolution.name: convolution.output for convolution in ran}
        return self.runs[length, count]

    def _units(self, name: str, length: int) -> int:
        return int(self._run_at(length, 2)[1][name].shape[2 + self.axis])

    def _inner_span(self, name: str, length: int) -> _Span | None:
        """Return the span seen by the central units, None where one of them leaves the inner half of the image.

        A margin of one pixel would not do: the field of a dilated network has gaps, and one that is cut off by the
        padding of an inner map may end before the border.
        """
        count = self.counts[name]
        pixels, outputs = self._run_at(length, count)
        first = (outputs[name].shape[2 + self.axis] - count) // 2
        if first < 0:
            return None
        chosen = torch.zeros_like(outputs[name])
        # The images of the batch are alike; each asks for the field of one unit.
        chosen.flatten(1)[:, first : first + count].fill_diagonal_(1)
        try:
            (gradient,) = torch.autograd.grad(outputs[name], pixels, chosen, retain_graph=True)
        except RuntimeError as error:
            raise RflibError(f"'{name}': no gradient leads from it to the image: {error}") from error
        reached = [each.flatten().nonzero().flatten().tolist() for each in gradient]
        if not any(reached) and count > 2:
            raise RflibError(f"'{name}': expected units that see the image, found none among {count} central ones")
        if not all(reached) and count == 2:
            return None
        if min(each[0] for each in reached if each) < length // 4:
            return None
        if max(each[-1] for each in reached if each) >= length - length // 4:
            return None
        return _repeating([(each[0], each[-1]) if each else None for each in reached], first, name)


def _repeating(seen: Sequence[tuple[int, int] | None], first: int, name: str) -> _Span:
    """Return the span of units that see what an earlier one sees, always the same number of pixels further.

    `seen` holds the first and the last pixel of neighbouring units from number `first` on, None for one that sees no
    pixel; the span is as in `LayerField`: the largest size, stride and offset on average.
    """
    for period in range(1, len(seen) // 2 + 1):
        pairs = list(zip(seen, seen[period:], strict=False))
        steps = {(late[0] - early[0], late[1] - early[1]) for early, late in pairs if early and late}
        if any((early is None) != (late is None) for early, late in pairs) or len(steps) != 1:
            continue
        ((step, other),) = steps
        if step == other:
            stride = step if period == 1 else step / period
            spans = [(index, each) for index, each in enumerate(seen[:period], start=first) if each]
            size = max(end - start + 1 for _, (start, end) in spans)
            starts = [(start + end - size + 1) / 2 - index * stride for index, (start, end) in spans]
            return _Span(size, stride, sum(starts) / len(starts))
    raise RflibError(
        f"'{name}': what its units see does not repeat within {len(seen) // 2} of them; expected a network that "
        "enlarges its maps by whole factors"
    )
