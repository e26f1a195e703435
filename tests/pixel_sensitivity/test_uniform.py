"""Participation of pixels against windows counted one by one and products of count matrices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rflib import pixel_sensitivity
from rflib.errors import RflibError


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


def test_a_layer_is_the_network_up_to_it():
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
