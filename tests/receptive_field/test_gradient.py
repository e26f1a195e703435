"""`measure` on closed forms, and against `analyse` on real networks."""

import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.errors import RflibError, UsageError
from rflib.models import build
from rflib.receptive_field import analyse, measure

INFINITE = (math.inf, math.inf)


def small(architecture: str, **settings: object) -> nn.Module:
    return build(ModelConfig(architecture=architecture, width=0.02, **settings))


@pytest.mark.parametrize(
    ("architecture", "kernel", "size"),
    [
        *(("rf_resnet50", kernel, 105 * kernel + 2) for kernel in (1, 2, 3, 4, 13, 30)),
        *(("rf_vgg19", kernel, 178 * kernel + 2) for kernel in (1, 2, 3, 4)),
    ],
)
def test_paper_networks(architecture: str, kernel: int, size: int) -> None:
    (field,) = measure(small(architecture, pool_kernel=kernel), (3, 32, 32)).values()
    assert field.r_max == (size, size)
    assert field.stride == (8 * kernel, 8 * kernel)


@pytest.mark.parametrize(
    ("architecture", "sizes"),
    [
        ("rf_vgg16", (196, 140, 88, 50, 27)),
        ("rf_vgg19", (180, 112, 62, 33)),
        ("rf_resnet26", (49, 41, 29, 19)),
        ("rf_resnet50", (107, 91, 59, 35)),
    ],
)
def test_fields_below_those_of_the_pool(architecture: str, sizes: tuple[int, ...]) -> None:
    """By hand, by the graph and by the gradient; without any downsampling a stride of 1 is left."""
    strides = [2 ** (len(sizes) - 1 - omitted) for omitted in range(len(sizes))]
    for omitted, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        model = small(architecture, omitted_downsamplings=omitted)
        (measured,) = measure(model, (3, 32, 32)).values()
        for field in (measured, analyse(model, (3, 32, 32)).last_convolution):
            assert (field.r_max, field.stride) == ((size, size), (stride, stride))


@pytest.mark.parametrize(
    "settings", [{"map_size": "padded"}, {"map_size": "dilated"}, {"pool_dilation": 2}, {"ceil_mode": True}]
)
@pytest.mark.parametrize("architecture", ["rf_vgg19", "rf_resnet26"])
def test_variants_of_the_knob(architecture: str, settings: dict[str, object]) -> None:
    """The padded variant sizes its padding by its input; every size has another graph."""
    model = small(architecture, pool_kernel=2, **settings)
    fields = analyse(model, (3, 64, 64))
    for name, field in measure(model, (3, 64, 64), layers="all").items():
        assert (field.r_max, field.stride) == (fields[name].r_max, fields[name].stride)


NETWORKS = [
    "resnet18",
    "resnet50",
    "vgg11_bn",
    "alexnet",
    "googlenet",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "squeezenet1_1",
]
LARGE_NETWORKS = ["densenet121", "inception_v3", "shufflenet_v2_x0_5", "efficientnet_b0", "convnext_tiny", "mnasnet0_5",
                  "regnet_y_400mf", "resnext50_32x4d"]  # fmt: skip


@pytest.mark.parametrize("name", [*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE_NETWORKS)])
def test_every_convolution_of_torchvision(name: str) -> None:
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    # RegNet cannot be built on the meta device.
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        model = torchvision.models.get_model(name, weights=None, **options)
    shape = (3, 299, 299) if name == "inception_v3" else (3, 224, 224)
    fields = analyse(model, shape)
    found = measure(model, shape, layers="all")
    assert list(found) == [layer for layer in fields if fields[layer].operation == "conv2d"]
    for layer, field in found.items():
        expected = fields[layer]
        assert (field.r_max, field.stride, field.offset) == (expected.r_max, expected.stride, expected.offset), layer


def test_dilated_resnet50() -> None:
    """A tool that ignores dilation returns 235."""
    with torch.device("meta"):
        model = torchvision.models.resnet50(replace_stride_with_dilation=[False, True, True])
    (field,) = measure(model, (3, 224, 224)).values()
    assert (field.r_max, field.stride) == ((427, 427), (8, 8))


def test_every_convolution_has_the_field_that_it_has_alone() -> None:
    """Fields shrink and grow along this network, and one of its convolutions sees everything."""

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.gate = nn.Conv2d(1, 1, 3, dilation=200, padding=200), nn.Conv2d(1, 1, 1)
            self.narrow, self.tail = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 5)

        def forward(self, images: Tensor) -> Tensor:
            maps = self.wide(images)
            maps = maps * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(maps, 1))) + self.narrow(images)
            return self.tail(maps)

    found = measure(Gated(), (1, 16, 16), layers="all")
    assert {name: field.r_max[0] for name, field in found.items()} == {
        "wide": 401,
        "gate": math.inf,
        "narrow": 3,
        "tail": 405,
    }


def test_axes_differ() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 1, (3, 5), (2, 1), (1, 0)), nn.MaxPool2d((1, 2), (3, 1)), nn.Conv2d(1, 1, (2, 1))
    )
    (field,) = measure(model, (1, 24, 40)).values()
    assert field.r_max == (9, 6)
    assert field.stride == (6, 1)
    assert field.offset == (-1, 0)


def test_a_convolution_behind_global_pooling_sees_everything() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Conv2d(4, 4, 1))
    assert list(measure(model, (3, 32, 32))) == ["0"]
    found = measure(model, (3, 32, 32), layers="all")
    assert found["0"].r_max == (3, 3)
    assert found["2"].r_max == INFINITE


def test_a_classifier_of_fixed_size_is_no_obstacle() -> None:
    class Classic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
            self.out = nn.Linear(16 * 5 * 5, 10)

        def forward(self, images: Tensor) -> Tensor:
            maps = F.max_pool2d(torch.tanh(self.one(images)), 2)
            maps = F.max_pool2d(torch.tanh(self.two(maps)), 2)
            return self.out(maps.view(-1, 16 * 5 * 5))

    assert measure(Classic(), (1, 32, 32))["two"].r_max == (14, 14)
    assert analyse(Classic(), (1, 32, 32)).last_convolution.r_max == (14, 14)


def test_bad_requests() -> None:
    class Accumulated(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            return maps.cumprod(1)

    with pytest.raises(UsageError, match="expected 'last' or 'all', found 'first'"):
        measure(nn.Conv2d(1, 1, 1), (1, 8, 8), layers="first")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a network with a convolution, found none in Flatten"):
        measure(nn.Flatten(), (1, 8, 8))
    with pytest.raises(RflibError, match="does not run on an image of 4x4 pixels"):
        measure(nn.Sequential(nn.Conv2d(1, 1, 9)), (1, 4, 4))
    with pytest.raises(RflibError, match="'cumprod' has no linear form"):
        measure(nn.Sequential(nn.Conv2d(1, 1, 3), Accumulated()), (1, 8, 8))


@pytest.mark.parametrize("size", [16, 2])
def test_leaves_no_trace(size: int) -> None:
    """Also after an exception: on 2 x 2 pixels the convolution fails."""
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Dropout())
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state, threads = torch.get_rng_state(), torch.get_num_threads()
    if size == 16:
        measure(model, (3, size, size))
    else:
        with pytest.raises(RflibError):
            measure(model, (3, size, size))
    assert all(module.training for module in model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert torch.equal(random_state, torch.get_rng_state())
    assert torch.get_num_threads() == threads
