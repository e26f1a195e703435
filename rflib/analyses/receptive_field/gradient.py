"""`measure`: the receptive field read off a gradient, independent of the graph and of the recurrence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rflib.activations import evaluation_mode
from rflib.analyses.receptive_field.request import check_request
from rflib.errors import RflibError, UsageError
from rflib.linearised import Convolution, Linearised

_FIRST_LENGTH = 512
_GROWTH = 4
_LONGEST = 2**19


@dataclass(frozen=True)
class MeasuredField:
    """The field of one convolution over all paths, as in `LayerField`: pairs of (height, width), in pixels."""

    name: str
    r_max: tuple[float, float]
    stride: tuple[float, float]
    offset: tuple[float, float]


@dataclass(frozen=True)
class _Span:
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
    an image enlarged until its inner half holds the field; the neighbouring unit gives the stride. It knows only the
    largest field. A convolution whose map does not grow with the image sees everything (`math.inf`); the last
    convolution is the last one that does not. Global context is left out, as in `analyse`.

    `input_shape` is (channels, height, width), a size the network accepts; enlarged sizes are multiples of it.
    Raises `RflibError` for an operation without a linear form. Leaves the model as it was.
    """
    if layers not in ("last", "all"):
        raise UsageError(f"layers: expected 'last' or 'all', found {layers!r}")
    check_request(model, input_shape)
    with evaluation_mode(model), torch.enable_grad(), _one_thread():
        names = [convolution.name for convolution in _run(model, input_shape, axis=None)[1]]
        if not names:
            raise UsageError(f"expected a network with a convolution, found none in {type(model).__name__}")
        vertical, horizontal = (_Ruler(model, input_shape, axis, names) for axis in (0, 1))
        measured = {}
        for name in names if layers == "all" else reversed(names):
            height, width = vertical.span(name), horizontal.span(name)
            measured[name] = MeasuredField(
                name, (height.size, width.size), (height.stride, width.stride), (height.offset, width.offset)
            )
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
    model: nn.Module, shape: Sequence[int], *, axis: int | None, names: Sequence[str] | None = None
) -> tuple[Tensor, list[Convolution]]:
    """Run the linear copy of `model`; an error after the last of `names` (a fixed-size classifier) is harmless."""
    mode = Linearised(model, axis=axis)
    pixels, image = mode.image((shape[1], shape[2]), channels=shape[0], batch=2)
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
    """Measures along one axis; keeps the runs, which all convolutions share, and the length that served last."""

    def __init__(self, model: nn.Module, shape: tuple[int, int, int], axis: int, names: Sequence[str]) -> None:
        self.model, self.shape, self.axis, self.names = model, shape, axis, names
        self.runs: dict[int, tuple[Tensor, dict[str, Tensor]]] = {}
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

    def _run_at(self, length: int) -> tuple[Tensor, dict[str, Tensor]]:
        if length not in self.runs:
            size = (length, 1) if self.axis == 0 else (1, length)
            pixels, ran = _run(self.model, (self.shape[0], *size), axis=self.axis, names=self.names)
            self.runs[length] = pixels, {convolution.name: convolution.output for convolution in ran}
        return self.runs[length]

    def _units(self, name: str, length: int) -> int:
        return int(self._run_at(length)[1][name].shape[2 + self.axis])

    def _inner_span(self, name: str, length: int) -> _Span | None:
        """Return the span seen by two central units, None where one of them leaves the inner half of the image.

        A margin of one pixel would not do: the field of a dilated network has gaps, and one that is cut off by the
        padding of an inner map may end before the border.
        """
        pixels, outputs = self._run_at(length)
        units = self._units(name, length)
        if units < 2:
            return None
        centre = (units - 1) // 2
        chosen = torch.zeros_like(outputs[name])
        # The two images of the batch are alike; each asks for the field of one unit.
        chosen[0].view(-1)[centre] = chosen[1].view(-1)[centre + 1] = 1
        try:
            (gradient,) = torch.autograd.grad(outputs[name], pixels, chosen, retain_graph=True)
        except RuntimeError as error:
            raise RflibError(f"'{name}': no gradient leads from it to the image: {error}") from error
        reached = [each.flatten().nonzero() for each in gradient]
        if any(len(each) == 0 for each in reached):
            return None
        (first, last), (next_first, next_last) = ((int(each[0]), int(each[-1])) for each in reached)
        if first < length // 4 or next_last >= length - length // 4:
            return None
        stride = next_first - first
        return _Span(last - first + 1, stride, first - centre * stride)
