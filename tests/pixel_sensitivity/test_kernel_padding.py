"""Kernel padding: the same shapes and, with zeros, the same function; every pixel read equally often."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from rflib import receptive_field
from rflib.errors import UsageError
from rflib.pixel_sensitivity import (
    PaddedConvolution,
    Sensitivity,
    measure,
    pad_kernels,
    uneven_convolutions,
    uniform,
    window_counts,
)


class _Block(nn.Module):
    """A residual block whose two paths have stride 2."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.shortcut = nn.Sequential(nn.Conv2d(3, 4, 1, stride=2), nn.BatchNorm2d(4))
        self.last = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, maps):
        return self.last(torch.relu(self.norm(self.conv(maps)) + self.shortcut(maps)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return _Block()


def test_what_is_uneven(model):
    assert uneven_convolutions(model) == ("conv", "shortcut.0")
    padded = pad_kernels(model)
    assert uneven_convolutions(padded) == ()
    assert [padded.get_submodule(name).kernel_size for name in ("conv", "shortcut.0", "last")] == [
        (4, 4),
        (2, 2),
        (3, 3),
    ]


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "wanted"),
    [
        (3, 2, 1, 4), (7, 2, 1, 8), (1, 2, 1, 2), (2, 2, 1, 2), (4, 2, 1, 4), (3, 1, 1, 3), (4, 3, 1, 6), (3, 3, 1, 3),
        (3, 2, 3, 4), (3, 2, 2, 3), ((3, 2), (2, 1), 1, (4, 2)), ((3, 3), (1, 2), 1, (3, 4)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [13, 14, 15, 16])
def test_shapes_and_function_stay(kernel, stride, dilation, wanted, size):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, kernel, stride, padding=1, dilation=dilation, groups=2))
    images = torch.randn(2, 2, size, size + 1)
    zeros, random = pad_kernels(model), pad_kernels(model, taps="random")
    assert zeros[0].kernel_size == (wanted if isinstance(wanted, tuple) else (wanted, wanted))
    torch.testing.assert_close(zeros(images), model(images), rtol=1e-5, atol=1e-6)
    assert random(images).shape == model(images).shape
    assert torch.equal(random(images), model(images)) == (zeros[0].kernel_size == model[0].kernel_size)


def test_a_whole_model_keeps_its_function(model):
    images = torch.randn(2, 3, 11, 12, generator=torch.Generator().manual_seed(1))
    padded = pad_kernels(model.eval())
    torch.testing.assert_close(padded(images), model(images))
    assert list(padded.state_dict()) == list(model.state_dict())
    assert isinstance(padded.conv, nn.Conv2d)
    assert "extra=(1, 1)" in repr(padded.conv)


@pytest.mark.parametrize(("kernel", "before"), [(3, 1), (7, 3), (5, 2), (1, 0)])
@pytest.mark.parametrize("size", [31, 32])
def test_every_pixel_is_read_equally_often(kernel, before, size):
    model = nn.Sequential(nn.Conv2d(1, 1, kernel, stride=2, padding=before))
    odd, even = uniform(model, (1, size, size)), uniform(pad_kernels(model), (1, size, size))
    per_axis = window_counts(size, kernel=kernel + 1, stride=2, padding=(before, before + 1))
    np.testing.assert_allclose(even.values * (kernel + 1) ** 2, np.outer(per_axis, per_axis))
    inner = 8  # a multiple of the period, beyond the reach of the border
    assert odd.interior(inner).imbalance() > 0.15
    assert even.interior(inner).imbalance() == pytest.approx(0, abs=1e-12)
    assert even.interior(inner).ratio() == pytest.approx(1)


def test_random_taps_balance_the_measured_sensitivity(model):
    images = torch.randn(40, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    zeros, random, before = (
        measure(network, images, layer="conv").interior(4).imbalance()
        for network in (pad_kernels(model), pad_kernels(model, taps="random"), model)
    )
    assert before > 0.2
    assert zeros == pytest.approx(before, rel=0.1)  # same function; new taps read nothing until they are trained
    assert random < before / 2


def test_new_taps_are_trained(model):
    padded = pad_kernels(model)
    padded(torch.randn(4, 3, 8, 8)).square().sum().backward()
    gradient = padded.conv.weight.grad
    assert (gradient[..., 3, :] != 0).any()
    assert (gradient[..., :, 3] != 0).any()


def test_random_taps_have_the_size_of_the_others():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(64, 64, 3, stride=2))
    weight = pad_kernels(model, taps="random")[0].weight.detach()
    assert torch.equal(weight[..., :3, :3], model[0].weight)
    new = torch.cat([weight[..., 3, :].flatten(), weight[..., :3, 3].flatten()])
    assert float(new.std()) == pytest.approx(float(model[0].weight.detach().std()), rel=0.02)
    assert torch.equal(weight, pad_kernels(model, taps="random")[0].weight)
    assert not torch.equal(weight, pad_kernels(model, taps="random", seed=1)[0].weight)


def test_the_field_grows_by_the_new_taps(model):
    plain, padded = (receptive_field.analyse(each, (3, 16, 16)) for each in (model, pad_kernels(model)))
    assert plain["conv"].r_max == (3, 3)
    assert padded["conv"].r_max == (4, 4)
    measured = receptive_field.measure(pad_kernels(model), (3, 16, 16))
    assert measured["last"].r_max == padded["last"].r_max == (8, 8)


def test_the_model_itself_stays(model):
    model.train()
    model.shortcut.eval()
    model.conv.weight.requires_grad_(False)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    padded = pad_kernels(model, taps="random")
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert type(model.conv) is nn.Conv2d
    assert (padded.conv.training, padded.shortcut[0].training) == (True, False)
    assert (padded.conv.weight.requires_grad, padded.shortcut[0].weight.requires_grad) == (False, True)
    assert all(value.device.type == "cpu" for value in padded.state_dict().values())
    for ours, theirs in itertools.product(padded.parameters(), model.parameters()):
        assert ours.data_ptr() != theirs.data_ptr()


def test_a_shared_and_a_lone_convolution():
    convolution = nn.Conv2d(2, 2, 3, stride=2, padding=1)
    shared = pad_kernels(nn.Sequential(convolution, nn.ReLU(), convolution))
    assert shared[0] is shared[2]
    assert isinstance(pad_kernels(convolution), PaddedConvolution)


def test_errors(model):
    with pytest.raises(UsageError, match="unknown taps 'zero': expected one of random, zeros"):
        pad_kernels(model, taps="zero")
    reflecting = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2, padding=1, padding_mode="reflect"))
    with pytest.raises(
        UsageError, match="expected convolutions padded with zeros, found padding_mode='reflect' in '0'"
    ):
        pad_kernels(reflecting)


def test_interior_of_a_pattern():
    assert Sensitivity(np.arange(36.0).reshape(6, 6)).interior(2).values.tolist() == [[14, 15], [20, 21]]
