"""Contracts of every network at every setting of the knob."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.config.runs import DOWNSAMPLINGS
from rflib.errors import UsageError
from rflib.models import ARCHITECTURES, build
from rflib.models.knob import scaled

# The networks with the knob; the others have tests of their own.
ARCHITECTURE_NAMES = sorted(name for name in ARCHITECTURES if name.startswith("rf_"))
MAP_SIZES = ["shrinking", "padded", "dilated"]
# Weights and biases at full width and ten classes.
PARAMETERS = {"rf_vgg16": 14_724_042, "rf_vgg19": 20_035_018, "rf_resnet26": 13_958_986, "rf_resnet50": 23_520_842}
VGG_CHANNELS = (64, 128, 256, 512, 512)

Make = Callable[..., nn.Module]


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def without_memory(**settings: Any) -> nn.Module:
    with torch.device("meta"):
        return ARCHITECTURES[settings["architecture"]](ModelConfig.checked(settings))


def outputs_of(model: nn.Module, names: list[str], images: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name in names:
        model.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: found.update({name: output})
        )
    model(images)
    return found


def convolutions_of(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize("map_size", MAP_SIZES)
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
def test_logits_have_their_shape_and_every_parameter_gets_a_gradient(
    tiny_model: Make, architecture: str, kernel: int, map_size: str
) -> None:
    model = tiny_model(architecture, pool_kernel=kernel, map_size=map_size, classes=7)
    images = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    logits = model(images)
    assert logits.shape == (6, 7)
    logits.square().sum().backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
def test_the_parameter_count_is_pinned_and_independent_of_the_knob(architecture: str) -> None:
    counts = {
        parameter_count(without_memory(architecture=architecture, pool_kernel=kernel, **change))
        for kernel, change in itertools.product(
            [1, 2, 3, 4, 13, 30],
            [
                {},
                {"pool_stride": 1},
                {"pool_dilation": 2},
                {"ceil_mode": True},
                {"ceil_mode": False},
                {"map_size": "padded"},
                {"map_size": "dilated"},
                *({"omitted_downsamplings": omitted} for omitted in range(1, DOWNSAMPLINGS[architecture] + 1)),
            ],
        )
    }
    assert counts == {PARAMETERS[architecture]}


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
def test_every_downsampling_that_is_omitted_doubles_the_last_map(
    tiny_model: Make, architecture: str, kernel: int
) -> None:
    sizes = []
    for omitted in range(DOWNSAMPLINGS[architecture] + 1):
        model = tiny_model(architecture, pool_kernel=kernel, omitted_downsamplings=omitted).eval()
        last = convolutions_of(model)[-1]
        sizes.append(outputs_of(model, [last], torch.zeros(1, 3, 48 * kernel, 48 * kernel))[last].shape[-1])
    assert sizes == [48 >> halvings for halvings in range(DOWNSAMPLINGS[architecture], -1, -1)]


@pytest.mark.parametrize(("architecture", "counts"), [("rf_vgg16", (2, 2, 3, 3, 3)), ("rf_vgg19", (2, 2, 4, 4, 4))])
@pytest.mark.parametrize("width", [0.03, 0.125, 1.0, 2.0])
def test_vgg_parameters_counted_by_hand(architecture: str, counts: tuple[int, ...], width: float) -> None:
    total, before = 0, 3
    for count, full in zip(counts, VGG_CHANNELS, strict=True):
        for _ in range(count):
            channels = round(full * width)
            total += 9 * before * channels + 2 * channels  # a 3x3 convolution without bias, and its batch norm
            before = channels
    total += before * 10 + 10
    assert parameter_count(without_memory(architecture=architecture, width=width)) == total


def test_resnet_parameters_are_torchvisions_but_for_the_stem() -> None:
    with torch.device("meta"):
        reference = torchvision.models.resnet50(num_classes=10)
    stem = 64 * 3 * (7 * 7 - 3 * 3)
    assert parameter_count(without_memory(architecture="rf_resnet50")) == parameter_count(reference) - stem


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(64, 0.125, 8), (64, 1 / 3, 21), (512, 1.5, 768), (64, 0.001, 1), (64, 3, 192)]
)
def test_the_width_multiplies_channels(channels: int, width: float, expected: int) -> None:
    assert scaled(channels, width) == expected


def test_resnet_names_and_shapes_are_torchvisions() -> None:
    with torch.device("meta"):
        reference = torchvision.models.resnet50(num_classes=10)
    model = without_memory(architecture="rf_resnet50")
    assert [n for n, _ in model.named_modules() if n != "maxpool.pool"] == [n for n, _ in reference.named_modules()]
    ours, theirs = ({n: tuple(t.shape) for n, t in m.state_dict().items()} for m in (model, reference))
    assert list(ours) == list(theirs)
    assert {name for name in ours if ours[name] != theirs[name]} == {"conv1.weight"}
    strides = {n: m.stride for n, m in reference.named_modules() if isinstance(m, nn.Conv2d) and n != "conv1"}
    assert {n: model.get_submodule(n).stride for n in strides} == strides


def test_resnet26_has_two_blocks_a_stage() -> None:
    model = without_memory(architecture="rf_resnet26")
    assert [len(model.get_submodule(f"layer{stage}")) for stage in (1, 2, 3, 4)] == [2, 2, 2, 2]  # type: ignore[arg-type]
    assert len(convolutions_of(model)) == 1 + 3 * 8 + 4


@pytest.mark.parametrize("width", [0.125, 0.5])
def test_cardinality_divides_the_middle_convolutions_alone(width: float) -> None:
    plain, grouped = (
        build(ModelConfig(architecture="rf_resnet26", width=width, cardinality=groups)) for groups in (1, 4)
    )
    pairs = zip(plain.named_modules(), grouped.named_modules(), strict=True)
    for (name, one), (_, other) in ((a, b) for a, b in pairs if isinstance(a[1], nn.Conv2d)):
        middle = name.endswith("conv2")
        assert isinstance(one, nn.Conv2d)
        assert isinstance(other, nn.Conv2d)
        assert (one.groups, other.groups) == (1, 4 if middle else 1)
        assert other.weight.numel() * (4 if middle else 1) == one.weight.numel()
    assert grouped(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_grouped_bottlenecks_have_the_parameters_of_torchvisions() -> None:
    """ResNeXt50 32x4d: bottlenecks of twice the channels in 32 groups, whose 1x1 convolutions ours expand further."""
    ours = build(ModelConfig(architecture="rf_resnet50", cardinality=32, width=2.0)).get_submodule("layer1.1.conv2")
    theirs = torchvision.models.resnext50_32x4d().get_submodule("layer1.1.conv2")
    assert ours.weight.shape == theirs.weight.shape  # type: ignore[union-attr]


def test_a_cardinality_that_does_not_divide_the_channels_is_refused() -> None:
    config = ModelConfig(architecture="rf_resnet26", width=0.0625, cardinality=3)
    with pytest.raises(UsageError, match="cardinality 3: expected a divisor of the channels of every stage, found 4"):
        build(config)


@pytest.mark.parametrize(("ours", "theirs"), [("rf_vgg16", "vgg16_bn"), ("rf_vgg19", "vgg19_bn")])
def test_vgg_names_are_torchvisions(ours: str, theirs: str) -> None:
    with torch.device("meta"):
        reference = torchvision.models.get_model(theirs).features
    model = without_memory(architecture=ours)
    leaves = [name for name, module in model.named_children()]
    assert leaves == ["features", "avgpool", "classifier"]
    features = model.get_submodule("features")
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU)
    assert [str(m).replace(", bias=False", "") for m in features.children() if isinstance(m, kinds)] == [
        str(m) for m in reference if isinstance(m, kinds)
    ]
    assert isinstance(model.get_submodule("classifier"), nn.Linear)


def test_the_pools_stand_where_the_design_puts_them() -> None:
    for architecture, expected in {"rf_vgg16": [3, 7, 14, 24, 34], "rf_vgg19": [3, 7, 14, 27]}.items():
        features = without_memory(architecture=architecture).get_submodule("features")
        assert [i for i, m in enumerate(features.children()) if type(m).__name__.endswith("Pool")] == expected


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("map_size", ["padded", "dilated"])
@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
def test_maps_keep_their_size(tiny_model: Make, architecture: str, map_size: str, kernel: int) -> None:
    plain = tiny_model(architecture, pool_kernel=1)
    kept = tiny_model(architecture, pool_kernel=kernel, map_size=map_size)
    names, images = convolutions_of(plain), torch.zeros(2, 3, 32, 32)
    sizes = [{n: o.shape for n, o in outputs_of(m, names, images).items()} for m in (plain, kept)]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("map_size", ["padded", "dilated"])
@pytest.mark.parametrize("architecture", ARCHITECTURE_NAMES)
def test_without_a_pool_maps_of_constant_size_are_those_of_the_paper(
    tiny_model: Make, architecture: str, map_size: str
) -> None:
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    plain, kept = (tiny_model(architecture, pool_kernel=1, map_size=size) for size in ("shrinking", map_size))
    assert torch.equal(plain(images), kept(images))


@pytest.mark.parametrize(("kernel", "side"), [(1, 32), (2, 16), (3, 10), (4, 8)])
def test_shrinking_maps_shrink(tiny_model: Make, kernel: int, side: int) -> None:
    model = tiny_model("rf_resnet50", pool_kernel=kernel)
    assert outputs_of(model, ["maxpool"], torch.zeros(2, 3, 32, 32))["maxpool"].shape[-2:] == (side, side)


@pytest.mark.parametrize("kernel", [3, 4])
def test_rf_vgg16_takes_32_pixels_in_ceil_mode_only(tiny_model: Make, kernel: int) -> None:
    images = torch.zeros(2, 3, 32, 32)
    assert tiny_model("rf_vgg16", pool_kernel=kernel)(images).shape == (2, 4)
    with pytest.raises(RuntimeError, match="too small"):
        tiny_model("rf_vgg16", pool_kernel=kernel, ceil_mode=False)(images)


def test_building_repeats_and_leaves_the_generator_alone(tiny_model: Make) -> None:
    before = torch.get_rng_state()
    first = tiny_model(seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    again, other = tiny_model(seed=3).state_dict(), tiny_model(seed=4).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first if "conv" in name)


@pytest.mark.parametrize(("scheme", "linear"), [("torch", 2048**-0.5 / 3**0.5), ("he", 0.01)])
def test_initial_weights_have_the_stated_deviation(scheme: str, linear: float) -> None:
    model = build(ModelConfig.checked({"architecture": "rf_resnet26", "initialisation": scheme}))
    for name in convolutions_of(model)[1:]:
        convolution = model.get_submodule(name)
        weight = convolution.weight.detach()
        fan_in, fan_out = weight[0].numel(), weight[:, 0].numel()
        expected = (3 * fan_in) ** -0.5 if scheme == "torch" else (2 / fan_out) ** 0.5
        assert float(weight.std()) == pytest.approx(expected, rel=0.03)
        assert abs(float(weight.mean())) < 0.03 * expected
    assert float(model.get_submodule("fc").weight.detach().std()) == pytest.approx(linear, rel=0.03)
    assert bool(model.get_submodule("fc").bias.detach().any()) == (scheme == "torch")
    norm = model.get_submodule("bn1")
    assert norm.weight.detach().eq(1).all()
    assert norm.bias.detach().eq(0).all()
