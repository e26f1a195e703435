from __future__ import annotations

import pytest
import torch
from torch import nn

from rflib import models
from rflib.config import ModelConfig
from rflib.errors import UsageError
from rflib.pipeline import networks

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
    assert "truncated_for" not in ModelConfig().model_dump(mode="json")
    assert VGG.replace(truncated_for=32).model_dump(mode="json")["truncated_for"] == 32
