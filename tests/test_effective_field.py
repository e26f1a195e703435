"""The effective field against Luo's closed form, brute-force perturbation and an ideal Gaussian."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from rflib import effective_field
from rflib.effective_field import gaussian_width, smallest_area, square_side, uniform_width
from rflib.errors import UsageError


def uniform_stack(geometry, channels=2):
    """Convolutions (kernel, stride) without padding or bias, all weights equal."""
    layers = [nn.Conv2d(channels, channels, kernel, stride, bias=False) for kernel, stride in geometry]
    for layer in layers:
        nn.init.constant_(layer.weight, 0.1)
    return nn.Sequential(*layers)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3, 2, padding=1),
        nn.Dropout(0.5), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5),
    )  # fmt: skip


@pytest.fixture
def images():
    return torch.randn(6, 2, 9, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def gaussian():
    """Standard deviation 8 on both axes, as tried beside RepLKNet's analysis."""
    x = np.exp(-((np.arange(201) - 100) ** 2) / (2 * 8**2))
    return np.outer(x, x)


@pytest.mark.parametrize(
    ("count", "kernel", "profile", "width"),
    [
        (2, 3, [1, 2, 3, 2, 1], 1.154701),
        (3, 3, [1, 3, 6, 7, 6, 3, 1], 1.414214),
        (10, 3, None, 2.581989),
        (5, 5, None, 3.162278),
    ],
)
def test_uniform_stacks_have_the_closed_form(count, kernel, profile, width):
    side = count * (kernel - 1) + 1
    found = effective_field.measure(uniform_stack([(kernel, 1)] * count), torch.zeros(2, 2, side, side))
    box = [1.0]
    for _ in range(count):
        box = np.convolve(box, np.ones(kernel) / kernel)
    np.testing.assert_allclose(found.mass / found.mass.sum(), np.outer(box, box), rtol=1e-5, atol=1e-12)
    if profile:
        np.testing.assert_allclose(box * kernel**count, profile)
    assert found.width() == pytest.approx((width, width), abs=1e-5)
    assert uniform_width(count, kernel) == pytest.approx(width, abs=1e-6)
    assert found.layer == str(count - 1)


@pytest.mark.parametrize(
    ("geometry", "side", "variance"), [([(3, 2), (3, 1)], 7, 10 / 3), ([(3, 1), (2, 2), (3, 1)], 8, 43 / 12)]
)
def test_strides_multiply_what_follows(geometry, side, variance):
    found = effective_field.measure(uniform_stack(geometry), torch.zeros(1, 2, side, side))
    assert found.width() == pytest.approx((variance**0.5,) * 2, rel=1e-6)
    assert (found.mass > 0).all()


def test_the_square_of_random_weights_has_the_closed_form():
    """Luo's result: for random weights, without activations, the expected square spreads like the uniform stack."""
    torch.manual_seed(0)
    total = np.zeros((9, 9))
    for _ in range(30):
        random = nn.Sequential(*[nn.Conv2d(8, 8, 3, bias=False) for _ in range(4)])
        total += effective_field.measure(random, torch.zeros(1, 8, 9, 9), mass="squared").mass
    assert gaussian_width(total) == pytest.approx((uniform_width(4, 3),) * 2, rel=0.03)


@pytest.mark.parametrize("layer", ["0", "3"])
def test_against_perturbation_of_every_pixel(model, images, layer):
    """Central differences of the unit's sum over channels, in float64."""
    model, images = model.double(), images.double()
    found = effective_field.measure(model, images, layer=layer, batch_size=4)
    model.eval()

    def unit(batch):
        maps = model[: int(layer) + 1](batch)
        return maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2].sum(dim=1)

    by_hand = np.zeros(images.shape[2:])
    with torch.no_grad():
        for channel, row, column in itertools.product(*map(range, images.shape[1:])):
            step = torch.zeros_like(images)
            step[:, channel, row, column] = 1e-6
            by_hand[row, column] += float(((unit(images + step) - unit(images - step)) / 2e-6).abs().sum())
    np.testing.assert_allclose(found.mass, by_hand, rtol=1e-6, atol=1e-8)


def test_signals(model, images):
    ones = effective_field.measure(model, images)
    given = effective_field.measure(model, images, signal=torch.ones(4))
    np.testing.assert_array_equal(ones.mass, given.mass)
    first = effective_field.measure(model, images, signal=torch.eye(4)[0], layer="3")
    alone = nn.Sequential(*model[:3], nn.Conv2d(3, 1, 3, 2, padding=1))
    with torch.no_grad():
        alone[3].weight.copy_(model[3].weight[:1])
    np.testing.assert_allclose(first.mass, effective_field.measure(alone, images).mass, rtol=1e-6)
    random = [effective_field.measure(model, images, signal="random", seed=seed).mass for seed in (0, 0, 1)]
    np.testing.assert_array_equal(random[0], random[1])
    assert not np.allclose(random[0], random[2])


def test_the_last_convolution_is_the_last_to_run(model, images):
    swapped = nn.Sequential()
    swapped.add_module("late", nn.Conv2d(3, 2, 1))
    swapped.add_module("early", nn.Conv2d(2, 3, 1))
    swapped.forward = lambda maps: swapped.late(swapped.early(maps))
    assert effective_field.measure(swapped, images).layer == "late"


def test_batches_and_scale_change_nothing(model, images):
    for signal in ("ones", "random"):
        whole, split = (effective_field.measure(model, images, signal=signal, batch_size=size) for size in (100, 1))
        np.testing.assert_allclose(whole.mass, split.mass, rtol=1e-5, atol=1e-9)
    for factor in (1e-3, 1e3):
        assert square_side(factor * whole.mass, 0.4) == whole.side(0.4)
        assert smallest_area(factor * whole.mass, 0.4) == whole.area(0.4)
        assert gaussian_width(factor * whole.mass) == pytest.approx(whole.width())


def test_measures_of_a_gaussian(gaussian):
    assert [square_side(gaussian, share) for share in (0.2, 0.3, 0.5, 0.99)] == [11, 13, 17, 45]
    assert gaussian_width(gaussian) == pytest.approx((8, 8), rel=1e-6)
    for share in (0.2, 0.5, 0.9):  # a disc of radius r holds 1 - exp(-r² / 2 sigma²)
        assert smallest_area(gaussian, share) == pytest.approx(-2 * np.pi * 64 * np.log(1 - share), rel=0.02)


def test_measures_by_hand():
    mass = np.zeros((5, 7))
    mass[2, 1], mass[2, 3] = 3, 1
    assert gaussian_width(mass) == pytest.approx((0, (3 / 4) ** 0.5))
    assert [smallest_area(mass, share) for share in (0.5, 0.75, 0.76, 1.0)] == [1, 1, 2, 2]
    # Centre of gravity in column 1.5, so the square is centred on column 2.
    assert [square_side(mass, share) for share in (0.5, 1.0)] == [3, 3]
    assert square_side(np.ones((4, 9)), 1.0) == 9


def test_leaves_no_trace(model, images):
    model.train()
    model[0].weight.requires_grad_(False)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    effective_field.measure(model, images, signal="random")
    with pytest.raises(RuntimeError):
        effective_field.measure(model, torch.zeros(1, 3, 9, 9), layer="3")
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [parameter.requires_grad for parameter in model.parameters()].count(False) == 1
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    assert not images.requires_grad


def test_errors(model, images):
    def measure(**arguments):
        return effective_field.measure(model, images, **arguments)

    with pytest.raises(UsageError, match="unknown mass 'signed': expected one of absolute, squared"):
        measure(mass="signed")
    with pytest.raises(UsageError, match=r"unknown signal 'one'.*Did you mean 'ones'"):
        measure(signal="one")
    with pytest.raises(UsageError, match=r"expected a signal of shape \(4,\), one number a channel, found \(3,\)"):
        measure(signal=torch.ones(3))
    with pytest.raises(UsageError, match="unknown module 'conv9'"):
        measure(layer="conv9")
    with pytest.raises(UsageError, match=r"expected layer '8' to return maps .* found 2 dimensions"):
        measure(layer="8")
    with pytest.raises(UsageError, match="expected at least one image, found none"):
        effective_field.measure(model, images[:0])
    with pytest.raises(UsageError, match="expected a network with a convolution, found none"):
        effective_field.measure(nn.ReLU(), images)
    twice = nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU())
    with pytest.raises(UsageError, match="expected layer '0' to run once in a forward pass, found 2 times"):
        effective_field.measure(nn.Sequential(*twice, twice[0]), images, layer="0")
    with pytest.raises(UsageError, match=r"expected a map of positive mass, found the sum 0"):
        square_side(np.zeros((3, 3)))
    with pytest.raises(UsageError, match=r"expected a share in \(0, 1\], found 50"):
        smallest_area(np.ones((3, 3)), 50)
