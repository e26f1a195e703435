"""Border layers of the networks of "Should You Go Deeper?" by both rules, against recurrences written down here."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
import torchvision

from rflib import models, networks
from rflib.config import ModelConfig
from rflib.receptive_field import Fields, analyse

SIDE = 32
# Kernel and stride of every convolution and pool.
Layers = list[tuple[int, int]]
POOL = (2, 2)


def vgg(*convolutions: int, kernel: int = 3) -> Layers:
    return [layer for count in convolutions for layer in (*[(kernel, 1)] * count, POOL)]


def plain_resnet(*blocks: int) -> Layers:
    """A stem of a 7×7 convolution and a 3×3 pool, then blocks of two 3×3 convolutions one after the other."""
    strides = [2 if stage and not block else 1 for stage, count in enumerate(blocks) for block in range(count)]
    return [(7, 2), (3, 2), *(layer for stride in strides for layer in ((3, stride), (3, 1)))]


# Layers, the number of the border convolution by the paper (VGG16: Conv8, its Figure 2), and its name.
SEQUENTIAL = {
    "vgg11": (vgg(1, 1, 2, 2, 2), 6, "features.18"),
    "vgg13": (vgg(2, 2, 2, 2, 2), 7, "features.21"),
    "vgg16": (vgg(2, 2, 3, 3, 3), 8, "features.24"),
    "vgg19": (vgg(2, 2, 4, 4, 4), 8, "features.23"),
    "vgg19_dilated": (vgg(2, 2, 4, 4, 4, kernel=7), 5, "features.14"),
    "resnet18_no_skips": (plain_resnet(2, 2, 2, 2), 5, "layer1.1.conv2"),
    "resnet34_no_skips": (plain_resnet(3, 4, 6, 3), 5, "layer1.1.conv2"),
}


def fields_of(name: str) -> Fields:
    return analyse(networks.build(ModelConfig(architecture=name, width=0.03)), (3, SIDE, SIDE))  # type: ignore[arg-type]


def walk(layers: Layers) -> Iterator[tuple[int, float, int, int]]:
    """Yield kernel, field of the input, own field and side of the input's map, layer by layer."""
    field, jump, side = 1, 1, SIDE
    for kernel, stride in layers:
        yield kernel, field, field + (kernel - 1) * jump, side
        field, jump, side = field + (kernel - 1) * jump, jump * stride, math.ceil(side / stride)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_sequential_networks_by_the_papers_rule(name: str) -> None:
    """The first convolution whose input sees more than the image; a pool is no layer in this count."""
    layers, number, border = SEQUENTIAL[name]
    stem_pool = 1 if name.startswith("resnet") else None
    idle = [
        before > SIDE
        for index, ((kernel, _, _, _), (_, before, _, _)) in enumerate(zip(walk(layers), walk(layers), strict=True))
        if kernel != POOL[0] and index != stem_pool
    ]
    fields = fields_of(name)
    assert idle.index(True) + 1 == number
    assert fields.border_layer(SIDE) == border
    assert [layer.name for layer in fields.convolutions][number - 1] == border
    assert fields.tail(SIDE) == [layer.name for layer in fields.convolutions][number - 1 :]
    assert len(fields.unproductive(SIDE)) == sum(idle)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_sequential_networks_by_the_toolboxs_rule(name: str) -> None:
    """An input that sees the image already, or a window as large as its map; pools are counted."""
    layers, _, _ = SEQUENTIAL[name]
    found = [(before >= SIDE and own > SIDE) or (side <= kernel) for kernel, before, own, side in walk(layers)].index(
        True
    )
    fields = fields_of(name)
    counted = [layer.name for layer in fields.layers if layer.operation in ("conv2d", "max_pool2d")]
    assert fields.border_layer(SIDE, rule="toolbox") == counted[found]


@pytest.mark.parametrize(("name", "blocks"), [("resnet18", (2, 2, 2, 2)), ("resnet34", (3, 4, 6, 3))])
def test_residual_networks(name: str, blocks: tuple[int, ...]) -> None:
    """Every block begins at the stem's 11 pixels; its second convolution has an input of 11 + 2 jumps."""
    idle = []
    for stage, count in enumerate(blocks, start=1):
        for block in range(count):
            jump = 4 * 2 ** (stage - 1 - (block == 0 and stage > 1))
            idle += [f"layer{stage}.{block}.conv2"] * (11 + 2 * jump > SIDE)
    fields = fields_of(name)
    assert fields.unproductive(SIDE) == idle
    assert fields.border_layer(SIDE) == idle[0] == "layer3.1.conv2"
    # The maps of the third stage have 2 pixels, fewer than its windows.
    assert fields.border_layer(SIDE, rule="toolbox") == "layer3.0.conv2"
    assert fields.border_layer(SIDE, field="largest") == "layer1.1.conv2"


@pytest.mark.parametrize("name", ["resnet18_no_stem", "resnet34_no_stem"])
def test_without_a_stem_there_is_no_border(name: str) -> None:
    """The largest input is that of the last convolution: 3 pixels, and 2 jumps of 8."""
    fields = fields_of(name)
    assert max(layer.input_r_min[0] for layer in fields.convolutions) == 3 + 2 * 8
    assert fields.border_layer(SIDE) is None
    assert fields.border_layer(18) == "layer4.1.conv2"
    assert fields.tail(SIDE) == []


@pytest.mark.parametrize("kind", ["spatial", "squeeze_excitation", "cbam"])
@pytest.mark.parametrize("ending", ["", "_no_skips"])
def test_attention_leaves_the_border_where_it_is(kind: str, ending: str) -> None:
    model = networks.build(ModelConfig.checked({"architecture": f"resnet18_{kind}{ending}", "width": 0.03}))
    gates = models.inside_attention(model)
    found = [name for name in analyse(model, (3, SIDE, SIDE)).unproductive(SIDE) if name not in gates]
    assert found == fields_of(f"resnet18{ending}").unproductive(SIDE)


@pytest.mark.parametrize(
    ("name", "border", "largest"),
    [("mpnet18", "stages.3.0.small.0", "stages.1.1.small.0"), ("mpnet36", "stages.1.1.large.3", "stages.0.1.large.3")],
)
def test_multi_path_networks(name: str, border: str, largest: str) -> None:
    """The shortest way into a block takes 3×3 convolutions alone, one a block; inside, a path is its own."""
    blocks = 2 if name == "mpnet18" else 4
    field, jump, idle = 3, 1, []
    for stage in range(4):
        for block in range(blocks):
            where, stride = f"stages.{stage}.{block}", 2 if block == 0 else 1
            inputs = {"small.0": field, "large.0": field}
            if name == "mpnet36":
                inputs["large.3"] = field + 6 * jump
            idle += [f"{where}.{layer}" for layer, seen in inputs.items() if seen > SIDE]
            field, jump = field + 2 * jump, jump * stride
    fields = fields_of(name)
    assert fields.unproductive(SIDE) == idle
    assert fields.border_layer(SIDE) == idle[0] == border
    assert fields.border_layer(SIDE, field="largest") == largest


def test_dense_layers_are_counted_by_the_toolbox_where_asked() -> None:
    """13 critical nodes of VGG16 with its three dense ones, and 2 border nodes on 42,000 pixels: dense behind dense."""
    with torch.device("meta"):
        fields = analyse(torchvision.models.vgg16(), (3, 224, 224))
    dense = [layer for layer in fields.layers if layer.operation == "linear"]
    assert len(fields.critical(32)) + len(dense) == 13
    assert sum(layer.input_r_min[0] >= 42_000 and layer.r_min[0] > 42_000 for layer in dense) == 2
