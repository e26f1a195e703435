from __future__ import annotations

import pytest
import torch
from torch import nn

from rflib import models, networks
from rflib.config import DataConfig, ModelConfig
from rflib.errors import UsageError
from rflib.pixel_sensitivity import uneven_convolutions
from rflib.receptive_field import analyse, refine
from rflib.study.costs import image_cost

VGG = ModelConfig(architecture="vgg16", width=0.03)


def convolutions(model: nn.Module) -> int:
    return sum(isinstance(module, nn.Conv2d) for module in model.modules())


def test_without_a_cut_it_is_the_network_of_the_settings() -> None:
    ours, theirs = networks.build(VGG, seed=3).state_dict(), models.build(VGG, seed=3).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_vgg16_is_cut_before_its_eighth_convolution() -> None:
    """Conv8 is the first layer of the tail in the paper's Figure 2."""
    cut = networks.build(VGG.replace(truncated_for=32))
    assert convolutions(cut) == 7
    assert cut(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_the_same_seed_gives_the_same_cut_network_and_leaves_torch_alone() -> None:
    config = VGG.replace(truncated_for=32)
    before = torch.random.get_rng_state()
    first, second, other = (networks.build(config, seed=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_a_network_without_a_tail_is_refused() -> None:
    config = ModelConfig(architecture="resnet18_no_stem", width=0.03, truncated_for=32)
    with pytest.raises(UsageError, match="truncate: expected a network with an unproductive tail at 32 pixels"):
        networks.build(config)


def test_runs_from_before_the_setting_keep_their_identity() -> None:
    plain = ModelConfig().model_dump(mode="json") | DataConfig(name="digits").model_dump(mode="json")
    assert not {"truncated_for", "kernel_padding", "cardinality", "task"} & plain.keys()
    assert VGG.replace(truncated_for=32).model_dump(mode="json")["truncated_for"] == 32


def test_a_refined_network_has_the_cheapest_changes_and_the_same_weights() -> None:
    config = ModelConfig(architecture="resnet18", width=0.03)
    whole, refined = (networks.build(each, seed=3) for each in (config, config.replace(refined_for=64)))
    before, after = whole.state_dict(), refined.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert analyse(whole, (3, 64, 64)).resolution_range()[0] == (139, 139)
    assert analyse(refined, (3, 64, 64)).resolution_range()[0] == (43, 43)
    assert str(refine(whole, 64, changes=2)[0]).startswith("stride 2 to 1 in layer3.0.conv1, layer3.0.downsample.0; ")
    assert [refined.get_submodule(name).stride for name in ("conv1", "layer3.0.conv1", "layer4.0.conv1")] == [
        (2, 2),
        (1, 1),
        (1, 1),
    ]


def test_a_network_without_a_refinement_is_refused() -> None:
    with pytest.raises(
        UsageError,
        match="refined_for 32: expected up to 4 changes that bring the smallest feasible resolution of 'vgg16', 212 "
        "pixels, below the image's, found none; refine it for larger images",
    ):
        networks.build(VGG.replace(refined_for=32))


def test_a_network_that_needs_no_refinement_is_refused() -> None:
    with pytest.raises(
        UsageError, match="refined_for 224: 'vgg16' needs no refinement, its smallest feasible resolution"
    ):
        networks.build(VGG.replace(refined_for=224))


def test_a_network_is_truncated_or_refined() -> None:
    with pytest.raises(UsageError, match="give truncated_for or refined_for, found 32 and 64"):
        VGG.replace(truncated_for=32, refined_for=64)


def test_refined_for_is_part_of_the_identity_where_it_is_given() -> None:
    assert "refined_for" not in ModelConfig().model_dump(mode="json")
    assert VGG.replace(refined_for=32).model_dump(mode="json")["refined_for"] == 32


def test_padded_kernels_read_every_pixel_equally_often() -> None:
    config = ModelConfig(architecture="resnet18", width=0.06)
    plain, padded = networks.build(config, seed=3), networks.build(config.replace(kernel_padding=True), seed=3)
    assert uneven_convolutions(padded) == ()
    names = uneven_convolutions(plain)
    assert len(names) == 7, "the stem, and in three stages the first convolution and the projection"
    for name in names:
        old, new = plain.get_submodule(name).weight, padded.get_submodule(name).weight
        height, width = old.shape[2:]  # type: ignore[union-attr]
        assert torch.equal(new[:, :, :height, :width], old)  # type: ignore[index]
        assert new[:, :, height:].abs().min() > 0  # type: ignore[index,union-attr]
    assert padded(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_new_taps_follow_from_the_seed() -> None:
    config = ModelConfig(architecture="resnet18", width=0.03, kernel_padding=True)
    first, second, other = (networks.build(config, seed=seed).get_submodule("conv1").weight for seed in (0, 0, 1))
    assert torch.equal(first, second)  # type: ignore[arg-type]
    assert not torch.equal(first[:, :, 7:], other[:, :, 7:])  # type: ignore[index,arg-type]


def test_a_padded_network_is_costed_on_shapes_alone() -> None:
    """The extended stem has 64 taps instead of 49, on as many positions."""
    config = ModelConfig(architecture="resnet18", width=0.125)
    plain, padded = image_cost(config, 32), image_cost(config.replace(kernel_padding=True), 32)
    stem = 2 * 3 * 8 * (64 - 49) * 16 * 16
    sides, channels = (4, 2, 1), (8, 16, 32)
    later = sum(2 * c * 2 * c * ((16 - 9) + (4 - 1)) * s * s for s, c in zip(sides, channels, strict=True))
    assert padded.forward - plain.forward == stem + later
