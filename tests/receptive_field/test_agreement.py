"""Property test: the graph walk, the gradient and brute-force perturbation see the same field."""

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rflib.receptive_field import analyse, measure

SIZE = 96
Support = Callable[[nn.Module, int, int], list[tuple[int, int]]]

kernels = st.integers(1, 4)
odd = st.sampled_from([1, 3, 5])


class Branches(nn.Module):
    """Same-padded convolutions side by side, added; kernel 0 is the identity."""

    def __init__(self, widths: tuple[int, int], stride: int, dilation: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.Conv2d(2, 2, width, stride, dilation * (width // 2), dilation, bias=False) if width else nn.Identity()
            for width in widths
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.paths[0](maps) + self.paths[1](maps)


@st.composite
def layers(draw: st.DrawFn) -> Callable[[bool], nn.Module]:
    """A layer, and with True the same layer reduced to its shortest path."""
    kind = draw(st.sampled_from(["conv", "max", "average", "residual", "parallel"]))
    kernel, stride, dilation = draw(kernels), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    if kind == "conv":
        padding = draw(st.integers(0, 2))
        return lambda shortest: nn.Conv2d(2, 2, kernel, stride, padding, dilation, bias=False)
    if kind == "max":
        padding, ceil = draw(st.integers(0, kernel // 2)), draw(st.booleans())
        return lambda shortest: nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil)
    if kind == "average":
        padding, ceil = draw(st.integers(0, kernel // 2)), draw(st.booleans())
        return lambda shortest: nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil)
    widths = (0, draw(odd)) if kind == "residual" else (draw(odd), draw(odd))
    stride = 1 if kind == "residual" else stride
    least = min(widths)
    return lambda shortest: Branches((least, least) if shortest else widths, stride, dilation)


def network(chosen: list[Callable[[bool], nn.Module]], *, shortest: bool) -> nn.Sequential:
    first, last = nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.Conv2d(2, 2, (2, 3), bias=False)
    return nn.Sequential(first, *(layer(shortest) for layer in chosen), last)


def centred(spans: list[tuple[int, int]]) -> tuple[int, tuple[int, int]] | None:
    """The most central unit, if its field lies in the inner half, well away from padding."""
    low, high = SIZE // 4, 3 * SIZE // 4
    inner = [(abs(2 * unit - len(spans)), unit) for unit, (a, b) in enumerate(spans) if low <= a and b < high]
    return (min(inner)[1], spans[min(inner)[1]]) if inner else None


@given(chosen=st.lists(layers(), min_size=1, max_size=4))
@settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_graph_gradient_and_perturbation_agree(support: Support, chosen: list[Any]) -> None:
    model, short = network(chosen, shortest=False), network(chosen, shortest=True)
    try:
        probe = model(torch.zeros(1, 1, 32, 32))
    except RuntimeError:
        assume(False)  # too small an image for this network
    probe = model(torch.zeros(1, 1, SIZE, SIZE))
    fields = analyse(model, (1, SIZE, SIZE))
    last = fields.last_convolution
    assert last.map_size == tuple(probe.shape[2:])
    measured = measure(model, (1, SIZE, SIZE))[last.name]
    assert (measured.r_max, measured.stride, measured.offset) == (last.r_max, last.stride, last.offset)
    for axis in (0, 1):
        spans, shortest = support(model, SIZE, axis), centred(support(short, SIZE, axis))
        found = centred(spans)
        if found is not None:
            unit, (first, end) = found
            assert first == last.offset[axis] + unit * last.stride[axis]
            assert end - first + 1 == last.r_max[axis]
        if shortest is not None:
            assert shortest[1][1] - shortest[1][0] + 1 == last.r_min[axis]
