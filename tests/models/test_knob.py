"""The knob: what it resolves to, and that padding and dilation do what they promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.models import ARCHITECTURES, Knob, resolve
from rflib.models.knob import HalvingPool, KnobPool
from rflib.models.vgg import RfVgg


def knob_of(**settings: Any) -> Knob:
    return resolve(ModelConfig.checked(settings))


def random_maps(side: int = 7) -> Tensor:
    return torch.rand(2, 3, side, side + 2, generator=torch.Generator().manual_seed(0)) + 0.1


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Knob(1, 1, 1, False, False, 1)),
        ({"pool_kernel": 3}, Knob(3, 3, 1, False, False, 1)),
        ({"pool_kernel": 3, "pool_stride": 2, "pool_dilation": 2}, Knob(3, 2, 2, False, False, 1)),
        ({"pool_kernel": 3, "architecture": "rf_vgg16"}, Knob(3, 3, 1, True, False, 1)),
        ({"pool_kernel": 3, "architecture": "rf_vgg16", "ceil_mode": False}, Knob(3, 3, 1, False, False, 1)),
        ({"pool_kernel": 3, "map_size": "padded"}, Knob(3, 3, 1, False, True, 1)),
        ({"pool_kernel": 3, "map_size": "dilated"}, Knob(3, 1, 1, False, False, 3)),
        ({"omitted_downsamplings": 2}, Knob(1, 1, 1, False, False, 1, omitted=2)),
        ({"pool_kernel": 3, "pool_stride": 2, "pool_padding": 1}, Knob(3, 2, 1, False, False, 1, padding=1)),
    ],
)
def test_settings_resolve_to_a_knob(settings: dict[str, Any], expected: Knob) -> None:
    assert knob_of(**settings) == expected


@pytest.mark.parametrize(("omitted", "expected"), [(0, (2, 3, 4)), (1, (2, 3)), (3, ())])
def test_the_last_downsamplings_are_omitted_first(omitted: int, expected: tuple[int, ...]) -> None:
    assert knob_of(omitted_downsamplings=omitted).kept((2, 3, 4)) == expected


def test_the_plain_knob_is_torchs_pool() -> None:
    maps = random_maps(12)
    for settings in ({"pool_kernel": 3}, {"pool_kernel": 2, "pool_stride": 3}, {"pool_kernel": 3, "pool_dilation": 2}):
        knob = knob_of(**settings)
        expected = F.max_pool2d(maps, knob.kernel, knob.stride, dilation=knob.dilation)
        assert torch.equal(KnobPool(knob)(maps), expected)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_an_overlapping_pool_with_a_padding_is_torchs(k: int) -> None:
    """Also at stride 1, where a pool without a padding of its own keeps the size: this one adds a row and a column."""
    maps = random_maps(12)
    pool = KnobPool(knob_of(pool_kernel=k + 1, pool_stride=k, pool_padding=1))
    assert torch.equal(pool(maps), F.max_pool2d(maps, k + 1, k, padding=1))
    assert pool(maps).shape[-1] == (maps.shape[-1] + 2 - (k + 1)) // k + 1


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("settings", [{"map_size": "padded"}, {"map_size": "dilated"}, {"pool_stride": 1}])
def test_a_padded_pool_keeps_the_size_and_padding_never_wins(
    settings: dict[str, Any], kernel: int, dilation: int
) -> None:
    maps = random_maps()
    pool = KnobPool(knob_of(pool_kernel=kernel, pool_dilation=dilation, **settings))
    pooled = pool(maps)
    assert pooled.shape == maps.shape
    # By hand: a window that sees a pixel gives its largest pixel, and one that sees padding alone gives 0.
    height, width = maps.shape[-2:]
    stride = pool.pool.stride
    span = (kernel - 1) * dilation + 1
    rows, columns = (stride * (n - 1) + span - n for n in (height, width))
    for row, column in ((0, 0), (height // 2, width // 2), (height - 1, 0), (height - 1, width - 1)):
        tops = [row * stride + tap * dilation - rows // 2 for tap in range(kernel)]
        lefts = [column * stride + tap * dilation - columns // 2 for tap in range(kernel)]
        seen = [(y, x) for y in tops for x in lefts if 0 <= y < height and 0 <= x < width]
        expected = torch.stack([maps[..., y, x] for y, x in seen]).amax(0) if seen else torch.zeros(2, 3)
        assert torch.equal(pooled[..., row, column], expected)


@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_a_dilated_halving_pool_halves_and_padding_never_wins(kernel: int) -> None:
    maps = random_maps(8)
    pooled = HalvingPool(knob_of(pool_kernel=kernel, map_size="dilated"))(maps)
    assert pooled.shape[-2:] == (4, 5)
    before, after = (kernel - 1) // 2, kernel - 1 - (kernel - 1) // 2
    padded = F.pad(maps, (before, after, before, after), value=-torch.inf)
    assert torch.equal(pooled, F.max_pool2d(padded, 2, 2, dilation=kernel))


@pytest.mark.parametrize("architecture", sorted(name for name in ARCHITECTURES if name.startswith("rf_")))
@pytest.mark.parametrize("map_size", ["padded", "dilated"])
def test_only_maps_without_negative_values_are_padded(
    tiny_model: Callable[..., nn.Module], architecture: str, map_size: str
) -> None:
    model = tiny_model(architecture, pool_kernel=3, map_size=map_size)
    smallest: list[float] = []
    pools = [module for module in model.modules() if isinstance(module, KnobPool | HalvingPool)]
    for pool in pools:
        pool.register_forward_pre_hook(lambda _module, inputs: smallest.append(float(inputs[0].detach().min())))
    model(torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert len(smallest) == len(pools) > 0
    assert min(smallest) >= 0


def field_by_touch(model: nn.Module, side: int) -> int:
    """Return the field in pixels of the middle unit, by lighting up one row of a dark image at a time."""
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.1)
    features = model.eval().get_submodule("features").double()
    images = torch.zeros(side + 1, 3, side, side, dtype=torch.float64)
    images[torch.arange(side), :, torch.arange(side)] = 1.0  # the last image stays dark
    with torch.no_grad():
        maps = features(images)
    middle = maps[:, 0, maps.shape[2] // 2, maps.shape[3] // 2]
    touched = (middle[:-1] != middle[-1]).nonzero().squeeze(1)
    return int(touched.max() - touched.min()) + 1


@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("map_size", ["shrinking", "dilated", "padded"])
def test_the_field_grows_with_k_by_every_way_of_keeping_the_maps(map_size: str, kernel: int) -> None:
    settings = {"architecture": "rf_vgg19", "pool_kernel": kernel, "map_size": map_size, "width": 0.001}
    model = RfVgg(ModelConfig.checked(settings), convolutions=(2, 1, 1, 0, 0), halved=(1,))
    # 3 for the first convolution; the pool adds k - 1, the convolutions 2 k, 4 k and 4 k, the halving pool k.
    expected = 3 + (kernel - 1) + 2 * kernel + kernel + 4 * kernel + 4 * kernel
    assert field_by_touch(model, side=48) == expected
