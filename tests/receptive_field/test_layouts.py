"""Published layouts of residual networks: where the stride sits decides field, stride and padding."""

from typing import Literal

import pytest
import torch
import torchvision
from torch import Tensor, nn

from rflib.receptive_field import Fields, analyse

Layout = Literal["v1", "v1.5", "slim"]


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 beside a shortcut, on one channel; the stride is in the first or in the second of them."""

    def __init__(self, strides: tuple[int, int]) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(1, 1, 1, strides[0]), nn.Conv2d(1, 1, 3, strides[1], 1), nn.ReLU(), nn.Conv2d(1, 1, 1)
        )
        stride = strides[0] * strides[1]
        self.shortcut = nn.Conv2d(1, 1, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return self.path(maps) + self.shortcut(maps)


def strides_of(layout: Layout, stage: int, block: int, blocks: int) -> tuple[int, int]:
    if layout == "slim":
        return (1, 2) if stage < 3 and block == blocks - 1 else (1, 1)
    reduces = stage > 0 and block == 0
    return ((2, 1) if layout == "v1" else (1, 2)) if reduces else (1, 1)


def residual_network(layout: Layout, depths: tuple[int, ...]) -> Fields:
    network = nn.Sequential(nn.Conv2d(1, 1, 7, 2, 3), nn.MaxPool2d(3, 2, 1))
    for stage, blocks in enumerate(depths):
        parts = (Bottleneck(strides_of(layout, stage, block, blocks)) for block in range(blocks))
        network.add_module(f"block{stage + 1}", nn.Sequential(*parts))
    return analyse(network, (1, 321, 321))


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("v1.5", [(35, 4, 17), (91, 8, 45), (267, 16, 133), (427, 32, 213)]),
        ("v1", [(35, 4, 17), (99, 8, 49), (291, 16, 145), (483, 32, 241)]),
        ("slim", [(35, 8, 17), (99, 16, 49), (291, 32, 145), (483, 32, 241)]),
    ],
)
def test_resnet50(layout: Layout, expected: list[tuple[int, int, int]]) -> None:
    """Field, stride and effective padding after each stage; slim's padding is that of 321 pixels."""
    fields = residual_network(layout, (3, 4, 6, 3))
    stages = [fields[f"block{stage}"] for stage in (1, 2, 3, 4)]
    assert [(stage.r_max[0], stage.stride[0], -stage.offset[0]) for stage in stages] == expected
    assert fields.misaligned == ()


@pytest.mark.slow
@pytest.mark.parametrize(("depths", "size"), [((3, 4, 23, 3), 1027), ((3, 8, 36, 3), 1507), ((3, 24, 36, 3), 1763)])
def test_deeper_networks_of_slim(depths: tuple[int, ...], size: int) -> None:
    """resnet_v1_101, 152 and 200 in google-research/receptive_field's table."""
    field = residual_network("slim", depths)["block4"]
    assert (field.r_max[0], field.stride[0]) == (size, 32)


def test_vgg_a() -> None:
    """Field, stride and effective padding layer by layer in google-research/receptive_field's table."""
    with torch.device("meta"):
        layers = [nn.Conv2d(1, 1, 3, padding=1) if kind == "c" else nn.MaxPool2d(2) for kind in "cpcpccpccpccp"]
    fields = analyse(nn.Sequential(*layers), (1, 224, 224))
    assert [(layer.r_max[0], layer.stride[0], -layer.offset[0]) for layer in fields.layers] == [
        *[(3, 1, 1), (4, 2, 1), (8, 2, 3), (10, 4, 3), (18, 4, 7), (26, 4, 11), (30, 8, 11), (46, 8, 19)],
        *[(62, 8, 27), (70, 16, 27), (102, 16, 43), (134, 16, 59), (150, 32, 59)],
    ]


def test_border_layers_of_the_toolboxs_resnet101() -> None:
    """58 in rfa_toolbox without dense layers; one of them is the global pool, which sees everything."""
    fields = residual_network("v1", (3, 4, 23, 3))
    assert len(fields.unproductive(32, rule="toolbox")) == 58 - 1


def test_critical_and_border_layers_of_the_toolboxs_resnet18() -> None:
    """9 critical and 10 border nodes in rfa_toolbox without dense layers, the global pool among the 10."""
    with torch.device("meta"):
        fields = analyse(torchvision.models.resnet18(), (3, 224, 224))
    assert len(fields.critical(32)) == 9
    assert len(fields.unproductive(32, rule="toolbox")) == 10 - 1
