"""A tiny network with batch norm in float64, two unequal batches, a mask, and what must not change."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rflib.pruning import Mask


def network(*, norm=True):
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Conv2d(3, 2, 2), nn.ReLU()]
    layers += [nn.Flatten(), nn.Dropout(0.5), nn.Linear(2, 3)]
    model = nn.Sequential(*(layer for layer in layers if norm or not isinstance(layer, nn.BatchNorm2d))).double()
    if norm:
        nn.init.normal_(model[1].bias)  # a channel that is pruned whole is constant, and at 0 ReLU has no derivative
    return model


def state(model):
    return (
        {name: value.clone() for name, value in model.state_dict().items()},
        [module.training for module in model.modules()],
        [parameter.grad for parameter in model.parameters()],
        torch.get_rng_state(),
    )


def assert_same(before, after):
    assert all(torch.equal(value, after[0][name]) for name, value in before[0].items())
    assert all(torch.equal(value.signbit(), after[0][name].signbit()) for name, value in before[0].items())
    assert (before[1], before[2]) == (after[1], after[2])
    assert torch.equal(before[3], after[3])


@pytest.fixture(autouse=True)
def one_thread():
    """Threads cost more than they bring on tensors this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def build():
    return network


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(8, 2, 4, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (8,), generator=generator)
    return list(zip(images.split(5), labels.split(5), strict=True))


@pytest.fixture
def mask():
    """About half of the second convolution's weights and of the first's; the first filter goes whole."""
    generator = torch.Generator().manual_seed(4)
    keep = {"0.weight": torch.rand(3, 2, 3, 3, generator=generator) < 0.5, "3.weight": torch.ones(2, 3, 2, 2) > 0}
    keep["0.weight"][0] = False
    keep["3.weight"][1, :, 0] = False
    return Mask(keep)


@pytest.fixture
def untouched():
    """Call it before with the model; call what it returns afterwards."""

    def begin(model):
        before = state(model)
        return lambda: assert_same(before, state(model))

    return begin
