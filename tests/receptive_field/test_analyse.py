"""`analyse` against published tables, other tools' test values and closed forms."""

import copy
import math
from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from rflib.config import ModelConfig
from rflib.errors import RflibError, UsageError
from rflib.models import build
from rflib.receptive_field import Fields, analyse

INFINITE = (math.inf, math.inf)


class Branched(nn.Module):
    def __init__(self, *paths: nn.Module, join: Callable[[Tensor, Tensor], Tensor] = torch.add) -> None:
        super().__init__()
        self.paths, self.join = nn.ModuleList(paths), join

    def forward(self, maps: Tensor) -> Tensor:
        merged = self.paths[0](maps)
        for path in self.paths[1:]:
            merged = self.join(merged, path(maps))
        return merged


def conv(kernel: int | tuple[int, int], stride: int | tuple[int, int] = 1, padding: int = 0, **other: int) -> nn.Conv2d:
    return nn.Conv2d(3, 3, kernel, stride, padding, **other)


def same(kernel: tuple[int, int], stride: int | tuple[int, int] = 1) -> nn.Conv2d:
    """A convolution padded so that branches of different kernels end at the same size."""
    return nn.Conv2d(3, 3, kernel, stride, padding=(kernel[0] // 2, kernel[1] // 2))


def sizes(fields: Fields, operations: tuple[str, ...] = ("conv2d", "max_pool2d", "linear")) -> list[float]:
    return [layer.r_min[0] for layer in fields.layers if layer.operation in operations]


def torchvision_model(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None, **options)


@pytest.mark.parametrize(
    ("architecture", "expected"), [("rf_vgg19", (180, 358, 536, 714)), ("rf_resnet50", (107, 212, 317, 422))]
)
def test_paper_networks(architecture: str, expected: tuple[int, ...]) -> None:
    for kernel, size in enumerate(expected, start=1):
        model = build(ModelConfig(architecture=architecture, pool_kernel=kernel, width=0.05))
        field = analyse(model, (3, 64, 64)).last_convolution
        assert field.r_max == (size, size)
        assert field.stride == (8 * kernel, 8 * kernel)


@pytest.mark.parametrize("kernel", [18, 30])
def test_paper_network_with_a_very_large_pool(kernel: int) -> None:
    model = build(ModelConfig(architecture="rf_resnet50", pool_kernel=kernel, width=0.05))
    assert analyse(model, (3, 32, 32)).last_convolution.r_max[1] == 105 * kernel + 2


def test_resnet50_of_torchvision() -> None:
    fields = analyse(torchvision_model("resnet50"), (3, 224, 224))
    stages = [fields[f"layer{stage}"] for stage in (1, 2, 3, 4)]
    assert [(s.r_max[0], s.stride[0], -s.offset[0]) for s in stages] == [
        (35, 4, 17),
        (91, 8, 45),
        (267, 16, 133),
        (427, 32, 213),
    ]
    assert [stage.r_min for stage in stages] == [(11, 11)] * 4
    assert [stage.map_size for stage in stages] == [(56, 56), (28, 28), (14, 14), (7, 7)]
    assert fields["fc"].r_min == INFINITE
    assert fields.misaligned == ()


def test_dilated_resnet50() -> None:
    model = torchvision_model("resnet50", replace_stride_with_dilation=[False, True, True])
    fields = analyse(model, (3, 224, 224))
    assert [(fields[name].r_max, fields[name].stride) for name in ("layer3", "layer4")] == [
        ((267, 267), (8, 8)),
        ((427, 427), (8, 8)),
    ]


@pytest.mark.parametrize("kernel", [2, 5, *(pytest.param(kernel, marks=pytest.mark.slow) for kernel in (3, 4, 12))])
def test_pool_kernel_of_a_standard_stem(kernel: int) -> None:
    model = torchvision_model("resnet50")
    model.maxpool = nn.MaxPool2d(kernel, stride=2)
    assert analyse(model, (3, 224, 224)).last_convolution.r_max == (421 + 2 * kernel,) * 2
    model.maxpool = nn.MaxPool2d(kernel)
    field = analyse(model, (3, 224, 224)).last_convolution
    assert (field.r_max[0], field.stride[0]) == (210 * kernel + 5, 16 * kernel)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vgg11", [3, 4, 8, 10, 18, 26, 30, 46, 62, 70, 102, 134, 150]),
        ("vgg16", [3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212]),
    ],
)
def test_vgg_layer_by_layer(name: str, expected: list[float]) -> None:
    fields = analyse(torchvision_model(name), (3, 224, 224))
    assert sizes(fields) == [*expected, math.inf, math.inf, math.inf]


def test_vgg_positions() -> None:
    """Effective padding of vgg_16 in google-research/receptive_field's table."""
    fields = analyse(torchvision_model("vgg16"), (3, 224, 224))
    layers = [layer for layer in fields.layers if layer.operation in ("conv2d", "max_pool2d")]
    assert [-layer.offset[0] for layer in layers][:8] == [1, 2, 2, 4, 6, 6, 10, 14]
    assert (layers[-1].stride[0], -layers[-1].offset[0]) == (32, 90)


def test_alexnet_positions() -> None:
    """alexnet_v2 there has no padding in conv1, torchvision's has 2: the padding grows by 2, the sizes are equal."""
    fields = analyse(torchvision_model("alexnet"), (3, 224, 224))
    layers = [layer for layer in fields.layers if layer.operation in ("conv2d", "max_pool2d")]
    assert [layer.r_max[0] for layer in layers] == [11, 19, 51, 67, 99, 131, 163, 195]
    assert [-layer.offset[0] for layer in layers] == [2, 2, 18, 18, 34, 50, 66, 66]


@pytest.mark.parametrize(
    ("strides", "kernels", "expected"),
    [((1, 2, 1, 2, 1), (3, 3, 3, 3, 3), [3, 5, 9, 13, 21]), ((1, 2, 1, 2, 1), (1, 1, 1, 3, 1), [1, 1, 1, 5, 5])],
)
def test_sequences(strides: tuple[int, ...], kernels: tuple[int, ...], expected: list[float]) -> None:
    model = nn.Sequential(*(conv(kernel, stride) for kernel, stride in zip(kernels, strides, strict=True)))
    assert sizes(analyse(model, (3, 64, 64))) == expected


def test_fork() -> None:
    fork = Branched(same((3, 3), 2), same((5, 5), 2))
    for tail, r_min, r_max in (([conv(3)], 9, 11), ([conv(3), conv(3)], 13, 15)):
        field = analyse(nn.Sequential(conv(3), fork, *tail), (3, 64, 64)).last_convolution
        assert (field.r_min, field.r_max) == ((r_min, r_min), (r_max, r_max))


def test_fork_with_a_stride_per_axis() -> None:
    fork = Branched(same((3, 3)), same((5, 5)))
    model = nn.Sequential(conv(3, (1, 2)), fork, conv(3), nn.Flatten(), nn.LazyLinear(2))
    model(torch.zeros(1, 3, 32, 32))
    fields = analyse(model, (3, 32, 32))
    assert (fields["2"].r_min, fields["2"].r_max) == ((7, 11), (9, 15))
    assert fields["4"].r_min == fields["4"].r_max == INFINITE


@pytest.mark.parametrize("side", ["convolutions", "pools", "dropout", "assertion"])
def test_asymmetric_padding_aligns_branches(side: str) -> None:
    """Graphs 1, 2, 6 and 7 of google-research/receptive_field: field 3, stride 4, padding 1."""

    class Asserting(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            torch._check(maps.shape[0] > 0)
            return maps

    left: list[nn.Module] = [conv(1, 4)]
    right: list[nn.Module] = [nn.ZeroPad2d((1, 0, 1, 0)), conv(3, 2), conv(1, 2)]
    if side == "pools":
        right[1:] = [nn.MaxPool2d(3, 2), nn.MaxPool2d(1, 2)]
    if side == "dropout":
        right.insert(2, nn.Dropout(0.5))
    if side == "assertion":
        left.append(Asserting())
    fields = analyse(Branched(nn.Sequential(*left), nn.Sequential(*right)), (3, 40, 40))
    merged = fields.layers[-1]
    assert (merged.r_max, merged.stride, merged.offset) == ((3, 3), (4, 4), (-1, -1))
    assert fields.misaligned == ()


def test_branches_of_unequal_stride_are_refused() -> None:
    """Graph 3 there; at 8 pixels both branches have four units."""
    left = nn.Sequential(nn.ZeroPad2d((2, 1, 2, 1)), conv(5, 2))
    with pytest.raises(RflibError, match=r"node 'add' \(add, .*test_analyse\.py:\d+\): .*equal stride, found 2 and 1"):
        analyse(Branched(left, nn.Sequential(conv(3), conv(3))), (3, 8, 8))


def test_branches_off_centre_are_reported() -> None:
    fields = analyse(Branched(nn.Sequential(nn.ZeroPad2d((2, 0, 2, 0)), conv(3)), conv(3, 1, 1)), (3, 16, 16))
    assert fields.misaligned == ("add",)
    assert fields["add"].r_max == (4, 4)
    assert fields["add"].r_min == (3, 3)
    assert fields["add"].offset == (-2, -2)


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_one_convolution_with_different_axes(kernel: int, stride: int) -> None:
    for padding in (1, 2, 3, 5):
        layer = nn.Conv2d(3, 1, (kernel, kernel + 1), (stride, stride + 1), (padding, padding + 1))
        field = analyse(nn.Sequential(layer), (3, 32, 32))["0"]
        assert field.r_max == field.r_min == (kernel, kernel + 1)
        assert field.stride == (stride, stride + 1)
        assert field.offset == (-padding, -padding - 1)


def test_small_cases() -> None:
    block = [conv(3), conv(3), nn.AvgPool2d(2, 2)]
    fields = analyse(nn.Sequential(*copy.deepcopy(block * 3)), (3, 64, 64))
    assert [(fields[name].r_max[0], fields[name].stride[0]) for name in ("2", "5", "8")] == [(6, 2), (16, 4), (36, 8)]
    fields = analyse(nn.Sequential(conv(7, 2, 3), nn.MaxPool2d(3, 2, 1)), (3, 64, 64))
    assert [fields[name].r_max[0] for name in ("0", "1")] == [7, 11]
    assert [fields[name].centre((0, 0)) for name in ("0", "1")] == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("layers", "size"),
    [
        ([conv(3, dilation=2)], 5),
        ([conv(3, 2), conv(3, dilation=2)], 11),
        ([conv(3, dilation=d) for d in (1, 2, 4)], 15),
        ([nn.MaxPool2d(2, 1, dilation=3)], 4),
        ([conv(3, 2, 1, groups=3), nn.PixelUnshuffle(2)], 5),
    ],
)
def test_dilation_groups_and_unshuffling(layers: list[nn.Module], size: int) -> None:
    fields = analyse(nn.Sequential(*layers), (3, 32, 32))
    assert fields.layers[-1].r_max == (size, size)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
def test_padding_given_as_a_word() -> None:
    """torch puts the odd pixel of "same" at the end."""
    fields = analyse(nn.Sequential(nn.Conv2d(3, 3, (4, 5), padding="same", dilation=3)), (3, 32, 32))
    assert fields["0"].offset == (-4, -6)
    assert fields["0"].map_size == (32, 32)
    assert analyse(nn.Sequential(nn.Conv2d(3, 3, 4, padding="valid")), (3, 32, 32))["0"].offset == (0, 0)


@pytest.mark.parametrize("how", ["reflect", "replicate", "circular"])
def test_padding_modes_keep_the_module_name(how: str) -> None:
    fields = analyse(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode=how)), (3, 16, 16))
    assert fields["0"].operation == "conv2d"
    assert (fields["0"].r_max, fields["0"].offset) == ((3, 3), (-1, -1))


def test_an_unknown_operation_is_refused_by_name_and_line() -> None:
    class Folding(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            return F.unfold(maps, 3)

    with pytest.raises(RflibError, match=r"node 'im2col' \(im2col, .*test_analyse\.py:\d+\): .*not understood"):
        analyse(nn.Sequential(conv(3), Folding()), (3, 16, 16))


class Functional(nn.Module):
    """Functional pooling, slicing, splitting, reduction over channels, channels last, in-place addition."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch, self.mix = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(2, 2, 5, padding=2), nn.Linear(4, 4)
        self.weight = nn.Parameter(torch.ones(4, 4, 3, 1))
        self.classify = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        maps = F.max_pool2d(F.relu(self.stem(images)), 2)  # 4, stride 2
        kept, changed = maps.chunk(2, dim=1)
        maps = torch.cat([kept, self.branch(changed)], 1)  # 4 to 12
        batch, channels, height, width = maps.shape
        maps = maps.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)
        maps = self.mix(F.layer_norm(maps.permute(0, 2, 3, 1), (4,))).permute(0, 3, 1, 2)
        maps = maps * torch.sigmoid(maps.mean(1, keepdim=True))
        maps.add_(F.conv2d(maps, self.weight, padding=(1, 0)))  # 4 to 16 along the height
        maps = maps[:, :, ::2, 1::2]  # stride 4
        return self.classify(maps.mean((2, 3)))


def test_functional_network() -> None:
    fields = analyse(Functional(), (3, 32, 32))
    assert fields["stem"].r_max == (3, 3)
    assert fields["max_pool2d"].r_max == (4, 4)
    assert (fields["cat"].r_min, fields["cat"].r_max) == ((4, 4), (12, 12))
    assert fields["mix"].r_max == (12, 12)
    assert (fields["add_"].r_min, fields["add_"].r_max) == ((4, 4), (16, 12))
    last = [layer for layer in fields.layers if layer.is_finite][-1]
    assert last.stride == (4, 4)
    assert last.offset == (fields["add_"].offset[0], fields["add_"].offset[1] + 2)
    assert fields["classify"].r_max == INFINITE
    assert fields.context == ()


def test_repeated_modules_are_counted() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv(3)

        def forward(self, maps: Tensor) -> Tensor:
            return self.conv(self.conv(maps))

    fields = analyse(Twice(), (3, 16, 16))
    assert list(fields) == ["conv", "conv@1"]
    assert fields["conv@1"].r_max == (5, 5)


def test_gates_are_left_out_unless_asked_for() -> None:
    model = torchvision_model("efficientnet_b0")
    fields = analyse(model, (3, 64, 64))
    assert len(fields.context) == 16
    assert fields.last_convolution.name == "features.8.0"
    assert fields.last_convolution.r_max == (851, 851)
    whole = analyse(model, (3, 64, 64), include_context=True)
    assert whole["features.8.0"].r_max == INFINITE
    assert whole["features.8.0"].r_min == fields["features.8.0"].r_min


def test_attention_is_refused_by_name_and_line() -> None:
    class Attention(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            tokens = maps.flatten(2).transpose(1, 2)
            return F.scaled_dot_product_attention(tokens, tokens, tokens)

    with pytest.raises(
        RflibError, match=r"node 'scaled_dot_product_attention' \(.*test_analyse\.py:\d+\): attention and"
    ):
        analyse(nn.Sequential(conv(3), Attention()), (3, 16, 16))


def test_local_response_normalisation_runs_over_channels() -> None:
    fields = analyse(nn.Sequential(conv(3), nn.LocalResponseNorm(2), conv(3)), (3, 16, 16))
    assert (fields["2"].r_min, fields["2"].r_max, fields.misaligned) == ((5, 5), (5, 5), ())


class ChangesPart(nn.Module):
    """Adds a wider map to half of the channels, in place; `aliased` reads the whole tensor afterwards."""

    def __init__(self, *, aliased: bool) -> None:
        super().__init__()
        self.stem, self.branch, self.tail = nn.Conv2d(3, 4, 1), nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.aliased = aliased

    def forward(self, images: Tensor) -> Tensor:
        maps = self.stem(images)
        if self.aliased:
            maps[:, :2].add_(self.branch(maps[:, 2:]))
            return self.tail(maps)
        first, second = maps.chunk(2, 1)
        first.add_(self.branch(second))
        return self.tail(torch.cat([first, second], 1))


def test_in_place_changes_of_a_part() -> None:
    fields = analyse(ChangesPart(aliased=False), (3, 16, 16))
    assert (fields["tail"].r_min, fields["tail"].r_max) == ((1, 1), (3, 3))
    with pytest.raises(RflibError, match=r"\(add, .*test_analyse\.py:\d+\): expected an in-place change of a whole"):
        analyse(ChangesPart(aliased=True), (3, 16, 16))


def test_a_reshape_that_cuts_the_map_is_refused() -> None:
    class Patches(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            return maps.reshape(-1, 3, 4, 4, 16)

    with pytest.raises(RflibError, match="cuts them up"):
        analyse(Patches(), (3, 16, 16))


def test_a_convolution_after_a_flatten_is_refused() -> None:
    class Tokens(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            return F.max_pool2d(maps.flatten(2).unsqueeze(1), 2)

    with pytest.raises(RflibError, match="last two dimensions, found them moved or merged"):
        analyse(Tokens(), (3, 16, 16))


def test_bad_inputs() -> None:
    with pytest.raises(UsageError, match=r"expected \(channels, height, width\)"):
        analyse(conv(3), (32, 32))  # type: ignore[arg-type]
    with pytest.raises(RflibError, match="cannot be traced on an input of"):
        analyse(nn.Sequential(conv(9)), (3, 4, 4))
    with pytest.raises(UsageError, match=r"unknown layer 'frist': .* Did you mean 'first'"):
        analyse(nn.Sequential(OrderedDict(first=conv(3))), (3, 8, 8))["frist"]


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 2, 2)])
def test_leaves_no_trace(shape: tuple[int, int, int]) -> None:
    """Also after an exception: on 2 x 2 pixels the convolution fails."""
    model = nn.Sequential(conv(3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Dropout())
    model.train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    if shape[1] == 32:
        analyse(model, shape)
    else:
        with pytest.raises(RflibError):
            analyse(model, shape)
    assert [module.training for module in model] == [True, False, True, True]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert all(type(parameter) is nn.Parameter for parameter in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.equal(random_state, torch.get_rng_state())
