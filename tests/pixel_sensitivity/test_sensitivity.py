"""Sensitivity against whole Jacobians, with equal weights against window counts, its measures by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rflib import pixel_sensitivity
from rflib.errors import RflibError, UsageError
from rflib.pixel_sensitivity import Sensitivity


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3),
        nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 4, 5),
    )  # fmt: skip


@pytest.fixture
def images():
    return torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(1))


def tiled(cell, rows=4, columns=4):
    return Sensitivity(np.tile(np.array(cell, dtype=float), (rows, columns)))


def test_measures_of_an_odd_kernel_with_stride_two():
    """Phases 1, 2, 2, 4: mean 9/4, variance 19/16."""
    found = tiled([[1, 2], [2, 4]])
    np.testing.assert_allclose(found.phases(), np.array([[1, 2], [2, 4]]) * 4 / 9)
    assert found.imbalance() == pytest.approx((19 / 16) ** 0.5 / (9 / 4))
    assert found.imbalance() == pytest.approx(((1 + 1 / 9) ** 2 - 1) ** 0.5)  # independent axes, 1/3 each
    assert found.ratio() == 4
    assert found.partially_dead() == 0.25
    assert found.partially_dead(threshold=0.9) == 0.75
    assert found.interior(2).ratio() == 4


def test_measures_of_a_one_by_one_kernel_with_stride_two():
    found = tiled([[1, 0], [0, 0]])
    assert found.imbalance() == pytest.approx(3**0.5)
    assert found.ratio() == float("inf")
    assert found.partially_dead() == 0.75


def test_equal_pixels_are_balanced_whatever_the_period():
    found = Sensitivity(np.full((6, 9), 0.3))
    for period in (1, 2, 3, 4):
        assert found.imbalance(period) == pytest.approx(0, abs=1e-12)
        assert found.ratio(period) == pytest.approx(1)
        assert found.partially_dead(period) == 0


def test_a_smooth_map_counts_as_balanced():
    """A bright centre makes the map uneven but not its phases."""
    bump = np.exp(-((np.arange(32) - 15.5) ** 2) / 50)
    found = Sensitivity(np.outer(bump, bump))
    assert found.values.std() / found.values.mean() > 1
    assert found.imbalance() == pytest.approx(0, abs=1e-6)
    assert tiled([[0, 0], [0, 0]], 1, 1).values.sum() == 0


def test_cells_without_gradient_are_dead():
    values = np.ones((4, 5))
    values[:2, :2] = 0
    assert Sensitivity(values).partially_dead() == 0.25


def test_against_the_whole_jacobian(model, images):
    """The norm over all outputs, from torch's Jacobian; the estimate spreads by sqrt(1 / 2 signals) at most."""
    model.eval()
    jacobians = [torch.autograd.functional.jacobian(model, image[None])[0, :, 0] for image in images]
    norms = torch.stack(jacobians).double().square().sum(dim=1).mean(dim=(0, 1)).sqrt()
    found = pixel_sensitivity.measure(model, images, signals=1500)
    np.testing.assert_allclose(found.values, norms.numpy(), rtol=0.06)


def test_random_weights_show_the_root_of_the_window_counts():
    torch.manual_seed(0)
    convolution = nn.Conv2d(1, 800, 3, stride=2, padding=1, bias=False)
    found = pixel_sensitivity.measure(nn.Sequential(convolution), torch.zeros(1, 1, 8, 8), signals=800)
    counts = pixel_sensitivity.window_counts(8, kernel=3, stride=2, padding=(1, 1))
    squares = found.values**2 / (found.values**2).mean()
    expected = np.outer(counts, counts)
    np.testing.assert_allclose(squares, expected / expected.mean(), rtol=0.25)  # the phases differ by 2


def test_a_layer_is_the_network_up_to_it(model, images):
    whole = pixel_sensitivity.measure(nn.Sequential(*model[:1]), images)
    np.testing.assert_allclose(pixel_sensitivity.measure(model, images, layer="0").values, whole.values, rtol=1e-6)


def test_same_seed_same_map_whatever_the_batches(model, images):
    whole, again, split, other = (
        pixel_sensitivity.measure(model, images, **arguments).values
        for arguments in ({}, {}, {"batch_size": 1}, {"seed": 1})
    )
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_allclose(whole, split, rtol=1e-5)
    assert not np.allclose(whole, other)


def test_leaves_no_trace(model, images):
    model.train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    pixel_sensitivity.measure(model, images, layer="3")
    pixel_sensitivity.uniform(model, (2, 8, 8))
    with pytest.raises(RuntimeError):
        pixel_sensitivity.measure(model, torch.zeros(1, 3, 8, 8), layer="3")
    with pytest.raises(RuntimeError):
        pixel_sensitivity.uniform(model, (3, 8, 8), layer="3")
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


def test_errors(model, images):
    with pytest.raises(UsageError, match="expected at least one image and one signal, found 0 and 1"):
        pixel_sensitivity.measure(model, images[:0])
    with pytest.raises(UsageError, match="expected at least one image and one signal, found 3 and 0"):
        pixel_sensitivity.measure(model, images, signals=0)
    with pytest.raises(UsageError, match="unknown module 'conv1'"):
        pixel_sensitivity.measure(model, images, layer="conv1")
    idle = nn.Sequential(nn.Conv2d(2, 2, 1))
    idle.add_module("idle", nn.Conv2d(2, 2, 1))
    idle.forward = lambda maps: idle[0](maps)
    with pytest.raises(UsageError, match="expected layer 'idle' to run, but the model does not call it"):
        pixel_sensitivity.measure(idle, images, layer="idle")
    with pytest.raises(UsageError, match="expected a period between 1 and 4 pixels, the size of the map, found 5"):
        tiled([[1, 2], [2, 4]], 2, 2).imbalance(5)
    with pytest.raises(UsageError, match="expected a finite map that is not all zero"):
        tiled([[0, 0], [0, 0]]).ratio()
    with pytest.raises(UsageError, match="expected a margin that leaves some of 8 x 8 pixels, found 4"):
        tiled([[1, 2], [2, 4]]).interior(4)


def reads(size, kernel, stride, padding, dilation=1):
    """The matrix (windows, size) of what each window reads, window by window."""
    before, after = padding
    rows = []
    for start in range(-before, size + after - dilation * (kernel - 1), stride):
        rows.append([float(pixel in range(start, start + dilation * kernel, dilation)) for pixel in range(size)])
    return np.array(rows)


@pytest.mark.parametrize(
    ("kernel", "padding", "counts"),
    [
        (3, (1, 1), [1, 2, 1, 2, 1, 2, 1, 1]),
        (4, (1, 2), [1, 2, 2, 2, 2, 2, 2, 1]),
        (7, (3, 3), [2, 3, 3, 4, 3, 3, 2, 2]),
        (1, (0, 0), [1, 0, 1, 0, 1, 0, 1, 0]),
        (2, (0, 0), [1, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_window_counts_with_stride_two(kernel, padding, counts):
    found = pixel_sensitivity.window_counts(8, kernel=kernel, stride=2, padding=padding)
    np.testing.assert_array_equal(found, reads(8, kernel, 2, padding).sum(axis=0))
    np.testing.assert_array_equal(found, counts)


def test_window_counts_of_every_geometry():
    for size, kernel, stride, before, after, dilation in itertools.product(
        (7, 8), (1, 2, 3), (1, 2, 3), (0, 2), (0, 1), (1, 2)
    ):
        found = pixel_sensitivity.window_counts(
            size, kernel=kernel, stride=stride, padding=(before, after), dilation=dilation
        )
        np.testing.assert_array_equal(found, reads(size, kernel, stride, (before, after), dilation).sum(axis=0))


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), [(3, 2, 1, 1), (5, 3, 2, 1), (3, 1, 2, 2)])
def test_one_convolution_counts_its_windows(kernel, stride, padding, dilation):
    model = nn.Conv2d(4, 6, kernel, stride, padding, dilation, groups=2)
    found = pixel_sensitivity.uniform(nn.Sequential(model), (4, 9, 11)).values
    rows, columns = (
        pixel_sensitivity.window_counts(
            size, kernel=kernel, stride=stride, padding=(padding, padding), dilation=dilation
        )
        for size in (9, 11)
    )
    np.testing.assert_allclose(found / found.sum(), np.outer(rows, columns) / np.outer(rows, columns).sum())


class _Net(nn.Module):
    """Residual, functional and gated: what module replacement would miss."""

    def __init__(self, gate):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.conv = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.shortcut = nn.Conv2d(4, 6, 1, stride=2)
        self.squeeze = nn.Conv2d(6, 6, 1)
        self.head = nn.Linear(6, 5)
        self.gate = gate

    def forward(self, image):
        maps = F.max_pool2d(F.relu(self.norm(self.stem(image))), 3, stride=2, padding=1)
        maps = F.silu(self.conv(maps)).add_(self.shortcut(maps))
        if self.gate:
            maps = maps * torch.sigmoid(self.squeeze(F.adaptive_avg_pool2d(maps, 1)))
        return self.head(F.dropout(maps.mean(dim=(2, 3)), 0.5, self.training))


@pytest.mark.parametrize("gate", [False, True])
def test_a_residual_network_against_products_of_matrices(gate):
    torch.manual_seed(0)
    found = pixel_sensitivity.uniform(_Net(gate), (3, 16, 16)).values
    stem, pool = reads(16, 3, 1, (1, 1)) / 3, reads(16, 3, 2, (1, 1)) / 3
    main, side = reads(8, 3, 2, (1, 1)) / 3, reads(8, 1, 2, (0, 0))
    paths = [(branch @ pool @ stem).sum(axis=0) for branch in (main, side)]
    expected = sum(np.outer(path, path) for path in paths)
    np.testing.assert_allclose(found / found.sum(), expected / expected.sum(), rtol=1e-10)


def test_a_layer_with_equal_weights_is_the_network_up_to_it():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, 2), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 3, 2))
    first = pixel_sensitivity.uniform(model[:1], (1, 9, 9)).values
    np.testing.assert_array_equal(pixel_sensitivity.uniform(model, (1, 9, 9), layer="0").values, first)
    assert (pixel_sensitivity.uniform(model, (1, 9, 9)).values != first).any()


def test_max_pools_in_ceil_mode():
    found = pixel_sensitivity.uniform(nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)), (1, 5, 5)).values
    np.testing.assert_allclose(found, np.full((5, 5), 1 / 4))


def test_weights_do_not_matter():
    first, second = (_Net(gate=False), _Net(gate=False))
    values = [pixel_sensitivity.uniform(model, (3, 16, 16)).values for model in (first, second)]
    np.testing.assert_array_equal(*values)


def test_dilated_pools_are_refused():
    with pytest.raises(RflibError, match="expected max pools without dilation, found dilation 2"):
        pixel_sensitivity.uniform(nn.Sequential(nn.MaxPool2d(2, dilation=2)), (1, 8, 8))
