"""Networks of torchvision: theirs weight by weight, but for what is random or slow in training."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from rflib.config import FIXED_WIDTH, ModelConfig
from rflib.errors import UsageError
from rflib.models import build, without_weights

NAMES = ("mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "efficientnet_b0", "convnext_tiny")
NARROWED = sorted(set(NAMES) - set(FIXED_WIDTH))


def settings(name: str, **changes: Any) -> ModelConfig:
    return ModelConfig.checked({"architecture": name, **changes})


@pytest.mark.parametrize("name", NAMES)
def test_it_computes_what_torchvisions_does(name: str) -> None:
    theirs = torchvision.models.get_model(name, weights=None, num_classes=10).eval()
    ours = build(settings(name)).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize("name", NAMES)
def test_training_draws_nothing(name: str) -> None:
    """Two passes in training mode agree; torch's state, from which dropout would draw, stays where it was."""
    model = build(settings(name, width=1.0 if name in FIXED_WIDTH else 0.125)).train()
    images, before = torch.ones(2, 3, 32, 32), torch.random.get_rng_state()
    with torch.no_grad():
        assert torch.equal(model(images), model(images))
    assert torch.equal(torch.random.get_rng_state(), before)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} <= {0.1}


@pytest.mark.parametrize("name", NARROWED)
def test_weights_come_from_the_seed(name: str) -> None:
    first, second, other = (build(settings(name, width=0.125), seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", NARROWED)
def test_the_width_multiplies_channels(name: str) -> None:
    counts = []
    for width in (0.5, 1.0, 2.0):
        with torch.device("meta"):
            counts.append(sum(parameter.numel() for parameter in build(settings(name, width=width)).parameters()))
    assert counts == sorted(set(counts))


def test_half_an_mnasnet_is_torchvisions_half() -> None:
    with torch.device("meta"):
        ours, theirs = build(settings("mnasnet0_5", width=2.0)), torchvision.models.mnasnet1_0(num_classes=10)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}


@pytest.mark.parametrize("name", FIXED_WIDTH)
def test_a_width_that_torchvision_does_not_offer_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' has a width of its own: expected width 1, found 0.5"):
        settings(name, width=0.5)


@pytest.mark.parametrize("name", ["vgg11", "googlenet", "regnet_y_400mf"])
def test_without_weights_there_are_shapes_alone(name: str) -> None:
    state = torch.random.get_rng_state()
    network = without_weights(name)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(value.is_meta for value in (*network.parameters(), *network.buffers()))
    assert not network.training
    assert network(torch.zeros(2, 3, 64, 64, device="meta")).shape == (2, 1000)


def test_a_network_that_torchvision_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown torchvision network 'resnet5': expected .*resnet50"):
        without_weights("resnet5")
