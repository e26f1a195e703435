"""Tiny networks with their data, and dense Hessians as the oracle."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call

from rflib.pruning import Mask


def dense_hessian(model, loss, images, labels):
    """Hessian by torch's nested derivatives, row by row: nothing in common with Lanczos or Hessian products."""
    names = [name for name, _ in model.named_parameters()]
    shapes = [parameter.shape for parameter in model.parameters()]
    sizes = [parameter.numel() for parameter in model.parameters()]

    def mean_loss(flat):
        parts = [part.view(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]
        return loss(functional_call(model, dict(zip(names, parts, strict=True)), (images,)), labels)

    flat = torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
    return torch.autograd.functional.hessian(mean_loss, flat)


def descending(matrix):
    return torch.linalg.eigvalsh(matrix).flip(0)


def network(*, norm=True):
    """About 200 parameters: overlapping pooling, in-place ReLU, dropout, batch norm."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    layers += [
        nn.Conv2d(4, 3, 3),
        nn.BatchNorm2d(3),
        nn.Tanh(),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(3, 3),
    ]
    kept = [layer for layer in layers if norm or not isinstance(layer, nn.BatchNorm2d)]
    return nn.Sequential(*kept).double()


def half_pruned(model):
    """Half of the weights of the convolutions pruned, at random: no rule of pruning is wanted here."""
    generator = torch.Generator().manual_seed(4)
    weights = {name: value for name, value in model.named_parameters() if value.dim() == 4}
    return Mask({name: torch.rand(value.shape, generator=generator) < 0.5 for name, value in weights.items()})


def flat_mask(model, mask):
    """Whether each coordinate survives, parameters end to end."""
    return torch.cat(
        [
            mask.keep[name].reshape(-1) if name in mask.keep else torch.ones(value.numel(), dtype=torch.bool)
            for name, value in model.named_parameters()
        ]
    )


@pytest.fixture(autouse=True)
def one_thread():
    """Threads cost more than they bring on tensors this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def oracle():
    return dense_hessian


@pytest.fixture
def spectrum_of():
    return descending


@pytest.fixture
def build():
    return network


@pytest.fixture
def half_mask():
    return half_pruned


@pytest.fixture
def coordinates():
    return flat_mask


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(14, 2, 6, 6, generator=generator, dtype=torch.float64)
    return images, torch.randint(0, 3, (14,), generator=generator)
