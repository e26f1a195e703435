"""Networks that enlarge maps: by hand, by gradient and by perturbing pixels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rflib.errors import RflibError
from rflib.receptive_field import LayerField, analyse, measure

SIZE = 96
Support = Callable[[nn.Module, int, int], list[tuple[int, int]]]
Layer = tuple[int, Callable[[], nn.Module]]


def convolution(kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(2, 2, kernel, stride, kernel // 2)


def without_biases(model: nn.Module) -> nn.Module:
    """Brute force makes all parameters positive: with biases every unit would respond."""
    for module in model.modules():
        module.bias = None
    return model


class Hourglass(nn.Module):
    """Three levels, as in a U-Net: halved twice by pools, enlarged twice, joined with what was there before."""

    def __init__(self, enlarge: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.stem, self.middle, self.deep = nn.Conv2d(1, 2, 3, padding=1), convolution(3), convolution(3)
        self.up, self.up_again = enlarge(), enlarge()
        self.join, self.head = nn.Conv2d(4, 2, 3, padding=1), nn.Conv2d(4, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.stem(images).relu()
        coarse = self.middle(F.max_pool2d(fine, 2)).relu()
        deepest = self.deep(F.max_pool2d(coarse, 2)).relu()
        joined = self.join(torch.cat([coarse, self.up(deepest)], 1)).relu()
        return self.head(torch.cat([fine, self.up_again(joined)], 1))


WAYS: dict[str, Callable[[], nn.Module]] = {
    "nearest": lambda: nn.Upsample(scale_factor=2),
    "bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
    "transposed": lambda: nn.ConvTranspose2d(2, 2, 2, 2),
    "overlapping": lambda: nn.ConvTranspose2d(2, 2, 4, 2, 1),
    "shuffled": lambda: nn.Sequential(nn.Conv2d(2, 8, 1), nn.PixelShuffle(2)),
}


def central(spans: list[tuple[int, int]], period: int) -> list[tuple[int, tuple[int, int]]]:
    """The most central units, as many as it takes until they repeat, if their fields lie in the inner half."""
    first = (len(spans) - period) // 2
    chosen = [(unit, spans[unit]) for unit in range(first, first + period) if spans[unit] != (-1, -1)]
    inside = all(start >= SIZE // 4 and end < 3 * SIZE // 4 for _, (start, end) in chosen)
    return chosen if inside and first >= 0 else []


def check(layer: LayerField, spans: list[tuple[int, int]], axis: int, period: int) -> bool:
    """Assert that a layer's field is that of its central units by perturbation; return whether it could be told."""
    found = central(spans, period)
    if found:
        assert layer.r_max[axis] == max(end - start + 1 for _, (start, end) in found)
        centres = [(start + end) / 2 - unit * layer.stride[axis] for unit, (start, end) in found]
        assert layer.centre((0, 0))[axis] == pytest.approx(sum(centres) / len(centres), abs=1e-9)
        assert layer.map_size[axis] == len(spans)
    return bool(found)


@pytest.mark.parametrize("way", WAYS)
def test_an_hourglass_by_gradient_and_by_perturbation(support: Support, way: str) -> None:
    model = without_biases(Hourglass(WAYS[way]))
    fields, measured = analyse(model, (1, SIZE, 32)), measure(model, (1, SIZE, 32), layers="all")
    assert [layer.name for layer in fields.convolutions] == list(measured)
    for layer in fields.convolutions:
        found = measured[layer.name]
        assert (found.r_max, found.stride) == (layer.r_max, layer.stride)
        assert found.offset == pytest.approx(layer.offset)
    assert fields["head"].stride == (1, 1)
    assert fields["head"].r_min == (3, 3)
    assert fields.misaligned == ()
    assert check(fields["head"], support(model, SIZE, 0), 0, 4)


def test_an_hourglass_by_hand() -> None:
    """Unit 0 of each: 3 px; 8 after the first pool and 3x3; 18 after the second; 2 more units of 2 px in `join`.

    A unit of the enlarged map sees what its coarse unit does, 18 px, 4 apart. The 3x3 of `join` reads one coarse unit
    or two, so at most 18 + 4 px; of the fine branch 8 + 2 x 2, which lie within them.
    """
    fields = analyse(Hourglass(WAYS["nearest"]), (1, SIZE, SIZE))
    shown = {layer.name: (layer.r_max[0], layer.stride[0]) for layer in fields.layers}
    assert [shown[name] for name in ("stem", "middle", "deep")] == [(3, 1), (8, 2), (18, 4)]
    assert fields["up"].r_max == (18, 18)
    assert fields["up"].stride == (2, 2)
    assert fields["join"].r_max == (22, 22)
    assert fields["join"].r_min == (12, 12)
    assert fields["up_again"].stride == fields["head"].stride == (1, 1)


def test_the_offset_is_that_of_a_field_around_the_average_centre() -> None:
    """After a pool, units 0 and 1 of the enlarged map both see pixels 0 and 1; their own places are 0 and 1."""
    fields = analyse(nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2), nn.Upsample(scale_factor=2)), (1, 8, 8))
    assert fields["2"].r_max == (2, 2)
    assert fields["2"].centre((0, 0)) == (0, 0)
    assert fields["2"].centre((3, 1)) == (3, 1)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """A layer that enlarges, with its factor, or one that does not."""
    kind = draw(st.sampled_from(["conv", "pool", "nearest", "exact", "bilinear", "transposed", "shuffle"]))
    factor, kernel, padding = draw(st.integers(2, 3)), draw(st.integers(1, 4)), draw(st.integers(0, 1))
    dilation = draw(st.integers(1, 2))
    if kind == "conv":
        return 1, lambda: nn.Conv2d(2, 2, kernel, draw(st.integers(1, 2)), padding, dilation)
    if kind == "pool":
        return 1, lambda: nn.MaxPool2d(kernel, draw(st.integers(1, 2)))
    if kind == "transposed":
        padding = min(padding, dilation * (kernel - 1))
        return factor, lambda: nn.ConvTranspose2d(2, 2, kernel, factor, padding, dilation=dilation)
    if kind == "shuffle":
        return factor, lambda: nn.Sequential(nn.Conv2d(2, 2 * factor**2, 1), nn.PixelShuffle(factor))
    mode = {"exact": "nearest-exact"}.get(kind, kind)
    return factor, lambda: nn.Upsample(scale_factor=factor, mode=mode)


@given(chosen=st.lists(layers(), min_size=1, max_size=4), last=st.integers(1, 3))
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_random_networks_agree(support: Support, chosen: list[Layer], last: int) -> None:
    factors = [factor for factor, _ in chosen]
    period = torch.tensor(factors).prod().item()
    assume(2 <= period <= 6)
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), *(make() for _, make in chosen), nn.Conv2d(2, 2, last))
    without_biases(model)
    try:
        model(torch.zeros(1, 1, 32, 32))
    except RuntimeError:
        assume(False)  # too small an image for this network
    try:
        field = analyse(model, (1, SIZE, SIZE)).last_convolution
    except RflibError as error:
        assume("found none: all of them read places" not in str(error))
        raise
    measured = measure(model, (1, SIZE, SIZE))[field.name]
    assert (measured.r_max, measured.stride) == (field.r_max, field.stride)
    assert measured.offset == pytest.approx(field.offset)
    for axis in (0, 1):
        check(field, support(model, SIZE, axis), axis, int(period))


def test_a_gate_that_is_interpolated_stays_context() -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = nn.Conv2d(1, 2, 3), nn.Conv2d(4, 2, 3)

        def forward(self, images: Tensor) -> Tensor:
            maps = self.stem(images)
            pooled = F.interpolate(F.adaptive_avg_pool2d(maps, 1), size=maps.shape[-2:], mode="bilinear")
            return self.head(torch.cat([maps, pooled], 1))

    fields = analyse(Pooled(), (1, 16, 16))
    assert fields["head"].r_max == (5, 5)
    assert fields.context == ("cat",)
    assert measure(Pooled(), (1, 16, 16))["head"].r_max == (5, 5)


def test_a_map_that_is_interpolated_to_a_size_is_enlarged_by_the_quotient() -> None:
    class Segmenter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = nn.Conv2d(1, 2, 4, 4), nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, images: Tensor) -> Tensor:
            return self.head(F.interpolate(self.stem(images), size=images.shape[-2:]))

    head = analyse(Segmenter(), (1, 16, 16))["head"]
    assert (head.r_max, head.r_min, head.stride) == ((8, 8), (4, 4), (1, 1))
    assert measure(Segmenter(), (1, 16, 16))["head"].r_max == (8, 8)


@pytest.mark.parametrize(
    ("layer", "operation", "message"),
    [
        (nn.UpsamplingBilinear2d(scale_factor=2), "upsample_bilinear2d", "expected align_corners=False, found True"),
        (nn.Upsample(scale_factor=2, mode="bicubic"), "upsample_bicubic2d", "bicubic and antialiased interpolation"),
    ],
)
def test_what_has_no_repeating_field_is_refused_by_name(layer: nn.Module, operation: str, message: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3), layer, nn.Conv2d(1, 1, 3))
    with pytest.raises(RflibError, match=rf"\({operation}, .*\): {message}"):
        analyse(model, (1, 16, 16))
    with pytest.raises(RflibError, match="has no linear form with align_corners"):
        measure(model, (1, 16, 16))


def test_a_network_that_reads_empty_places_alone_is_refused() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(1, 1, 1, 2), nn.Conv2d(1, 1, 1, 2, padding=1))
    with pytest.raises(RflibError, match=r"\(conv2d, .*\): expected units that see the image, found none"):
        analyse(model, (1, 8, 8))
    with pytest.raises(RflibError, match="'1': expected units that see the image, found none among 64 central ones"):
        measure(model, (1, 8, 8))


def test_places_that_a_transposed_convolution_leaves_empty_see_nothing() -> None:
    """With kernel 1 and stride 3 two places of three are empty; a 2x2 window finds one unit or none."""
    fields = analyse(nn.Sequential(nn.ConvTranspose2d(1, 1, 1, 3), nn.Conv2d(1, 1, 2)), (1, 8, 8))
    assert (fields["0"].r_max, fields["1"].r_max) == ((1, 1), (1, 1))
    assert fields["1"].stride == (1 / 3, 1 / 3)


def test_branches_that_drift_apart_are_refused() -> None:
    class Drifting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, images: Tensor) -> Tensor:
            return self.stem(images) + F.interpolate(F.max_pool2d(self.stem(images), 2), size=images.shape[-2:])

    with pytest.raises(RflibError, match=r"expected branches of equal stride, found 1 and 0\.933"):
        analyse(Drifting(), (1, 15, 15))
