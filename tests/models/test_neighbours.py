"""The networks without a knob: against torchvision where it has them, else against the text they come from."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
import torchvision
from torch import Tensor, nn

from rflib import receptive_field
from rflib.config import FIXED_WIDTH, Architecture, ModelConfig
from rflib.errors import UsageError
from rflib.models import ARCHITECTURES, build
from rflib.models.attention import ChannelAttention, SpatialAttention, SqueezeExcitation

NAMES = sorted(name for name in ARCHITECTURES if not name.startswith("rf_"))


def small(name: str, **settings: Any) -> nn.Module:
    width = 1.0 if name in FIXED_WIDTH else 0.125
    return build(ModelConfig.checked({"architecture": name, "width": width, **settings}), seed=1)


def random_maps(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def with_random_norms(model: nn.Module) -> nn.Module:
    """Give batch norms statistics and weights that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight.data, module.bias.data):
                tensor.uniform_(0.5, 1.5, generator=generator)  # type: ignore[union-attr]
    return model.eval()


def test_every_name_of_the_settings_is_built() -> None:
    assert set(get_args(Architecture)) == set(ARCHITECTURES)


@pytest.mark.parametrize("name", NAMES)
def test_logits_have_their_shape_and_every_parameter_gets_a_gradient(name: str) -> None:
    model = small(name, classes=7)
    logits = model(random_maps(4, 3, 32, 32))
    assert logits.shape == (4, 7)
    logits.square().sum().backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("change", [{"pool_kernel": 2}, {"pool_dilation": 2}, {"map_size": "padded"}])
def test_a_knob_that_is_not_there_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"'resnet18' has no pool that sets its field: expected pool_kernel 1, .* rf_"):
        ModelConfig.checked({"architecture": "resnet18", **change})


@pytest.mark.parametrize("depth", [18, 34])
def test_a_resnet_is_torchvisions(depth: int) -> None:
    theirs = with_random_norms(getattr(torchvision.models, f"resnet{depth}")(num_classes=10))
    ours = build(ModelConfig.checked({"architecture": f"resnet{depth}"})).eval()
    ours.load_state_dict(theirs.state_dict())
    images = random_maps(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_the_features_of_a_vgg_are_torchvisions(depth: int) -> None:
    theirs = with_random_norms(getattr(torchvision.models, f"vgg{depth}_bn")(num_classes=10).features)
    ours = build(ModelConfig.checked({"architecture": f"vgg{depth}"})).get_submodule("features").eval()
    for module in theirs.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    unmatched = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert unmatched.missing_keys == []
    assert all(key.endswith("bias") for key in unmatched.unexpected_keys)
    images = random_maps(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_squeeze_and_excitation_is_torchvisions() -> None:
    ours, theirs = SqueezeExcitation(32), torchvision.ops.SqueezeExcitation(32, 2)
    theirs.fc1.load_state_dict(ours.gate[0].state_dict())
    theirs.fc2.load_state_dict(ours.gate[2].state_dict())
    maps = random_maps(2, 32, 5, 4)
    torch.testing.assert_close(ours(maps), theirs(maps))


def test_channel_attention_by_hand() -> None:
    module, maps = ChannelAttention(16), random_maps(2, 16, 3, 3)
    first, _, second = module.gate
    means, maxima = maps.flatten(2).mean(2), maps.flatten(2).max(2).values
    weights = [layer.weight.flatten(1) for layer in (first, second)]
    gates = [
        torch.relu(summary @ weights[0].T + first.bias) @ weights[1].T + second.bias for summary in (means, maxima)
    ]
    expected = maps * torch.sigmoid(gates[0] + gates[1])[:, :, None, None]
    torch.testing.assert_close(module(maps), expected)


def test_spatial_attention_by_hand() -> None:
    """At the centre of a 7x7 map the window covers the whole map."""
    module, maps = SpatialAttention(), random_maps(1, 4, 7, 7)
    summary = torch.stack((maps[0].mean(0), maps[0].max(0).values))
    gate = torch.sigmoid((module.window.weight[0] * summary).sum())
    torch.testing.assert_close(module(maps)[0, :, 3, 3], maps[0, :, 3, 3] * gate)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("_no_skips")])
def test_without_shortcuts_a_zero_block_lets_nothing_through(name: str) -> None:
    model = small(name).eval()
    block = model.get_submodule("layer2.1")
    nn.init.zeros_(block.bn2.weight)  # type: ignore[arg-type]
    nn.init.zeros_(block.bn2.bias)  # type: ignore[arg-type]
    outputs: list[Tensor] = []
    block.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    model(random_maps(1, 3, 32, 32))
    assert not outputs[0].any()
    assert [key for key, _ in model.named_modules() if "downsample" in key] == []


@pytest.mark.parametrize(("name", "field"), [("vgg11", 150), ("vgg13", 156), ("vgg16", 212), ("vgg19", 268)])
def test_the_field_of_a_vgg_is_the_published_one(name: str, field: int) -> None:
    fields = receptive_field.analyse(small(name), (3, 32, 32))
    assert fields["features"].r_max == (field, field)


def test_a_dilated_vgg_spans_seven_pixels_with_as_many_parameters() -> None:
    fields = receptive_field.analyse(small("vgg19_dilated"), (3, 64, 64))
    assert {layer.kernel for layer in fields.convolutions} == {(7, 7)}
    counts = [sum(p.numel() for p in small(name).parameters()) for name in ("vgg19", "vgg19_dilated")]
    assert counts[0] == counts[1]


def test_a_stem_makes_the_field_grow_four_times_as_fast() -> None:
    with_stem, without = (
        receptive_field.analyse(small(name), (3, 64, 64)).convolutions[-1] for name in ("resnet18", "resnet18_no_stem")
    )
    assert (with_stem.r_max[0], without.r_max[0]) == (435, 109)
    assert (with_stem.stride[0], without.stride[0]) == (32, 8)
    assert with_stem.map_size == (2, 2)


@pytest.mark.parametrize(
    ("name", "convolutions", "blocks", "growth"),
    # A path that carries a stage's stride adds (kernel - 1) before it; strides are 1, 2, 4, 8, then 16.
    [("mpnet18", 17, 2, (1, 1)), ("mpnet36", 49, 4, (1, 2))],
)
def test_the_paths_of_a_multi_path_net(name: str, convolutions: int, blocks: int, growth: tuple[int, int]) -> None:
    fields = receptive_field.analyse(small(name), (3, 64, 64))
    assert len(fields.convolutions) == convolutions

    def by_hand(kernel: int, length: int) -> int:
        """The written-out recurrence along one path."""
        field, jump = 3, 1
        for _ in range(4):
            for layer in range(blocks * length):
                field += (kernel - 1) * jump
                jump *= 2 if layer == 0 else 1
        return field

    last = fields["stages"]
    assert last.r_min[0] == by_hand(3, growth[0])
    assert last.r_max[0] == by_hand(7, growth[1])
    assert last.stride == (16, 16)
