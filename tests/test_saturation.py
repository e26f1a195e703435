"""Saturation against gold values of its rules, `numpy.cov`, and activations pooled by hand."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch
from torch import nn

from rflib import saturation
from rflib.errors import UsageError
from rflib.saturation import Covariance, intrinsic_dimension

# Shares and the dimension by each rule: the first two columns by hand, the third as delve 0.1.50 prints it.
RULES = ("cumulative", "delve", "delve-0.1.50")
GOLD = [
    ((0.5, 0.3, 0.15, 0.05), (4, 4, 3)),
    ((0.9, 0.085, 0.01, 0.005), (3, 2, 2)),
    ((0.98, 0.011, 0.0045, 0.0045), (2, 1, 1)),
    ((0.6, 0.385, 0.01, 0.005), (3, 2, 2)),
    ((1.0, 0.0, 0.0, 0.0), (1, 1, 0)),
    ((0.25, 0.25, 0.25, 0.25), (4, 4, 3)),
]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(5, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5),
        nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 3),
    )  # fmt: skip


@pytest.fixture
def images():
    return torch.randn(13, 2, 5, 5, generator=torch.Generator().manual_seed(1)) + 3


def outputs(model, images, stop):
    with torch.no_grad():
        return model.eval()[:stop](images).double().numpy()


def expected(samples):
    """Descending eigenvalues of `numpy.cov` of samples (n, features)."""
    return np.linalg.eigvalsh(np.cov(samples, rowvar=False))[::-1]


@pytest.mark.parametrize(("shares", "dimensions"), GOLD)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_gold_values_of_every_rule(shares, dimensions, scale):
    variances = scale * np.array(shares)
    assert tuple(intrinsic_dimension(variances, delta=0.99, rule=rule) for rule in RULES) == dimensions


def test_cumulative_rule_is_the_smallest_that_reaches_delta():
    random = np.random.default_rng(0)
    for _ in range(50):
        variances = np.sort(random.exponential(size=9))[::-1] ** 3
        delta = random.uniform(0.3, 1)
        dimension = intrinsic_dimension(variances, delta=delta, rule="cumulative")
        share = [variances[:k].sum() / variances.sum() for k in range(10)]
        assert share[dimension - 1] < delta <= share[dimension] + 1e-12


def test_all_of_the_variance():
    assert intrinsic_dimension(np.array([0.7, 0.2, 0.1]), delta=1.0, rule="cumulative") == 3


def test_a_constant_layer_needs_no_direction():
    assert [intrinsic_dimension(np.zeros(4), rule=rule) for rule in RULES] == [0, 1, 0]


@pytest.mark.parametrize("sizes", [(100,), (1, 99), (7, 50, 2, 41), (1,) * 100])
def test_covariance_equals_numpy(sizes):
    samples = torch.randn(100, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 1e6
    covariance = Covariance()
    for part in samples.split(sizes):
        covariance.update(part)
    assert covariance.samples == 100
    np.testing.assert_allclose(covariance.value(), np.cov(samples.numpy(), rowvar=False), rtol=1e-9, atol=1e-10)


def test_covariance_is_centred():
    """Mean 10, unit noise: the second moment has one large eigenvalue, the covariance has four equal ones."""
    signs = torch.tensor([[1.0 if i & 1 << b else -1.0 for b in range(4)] for i in range(16)])
    covariance = Covariance()
    covariance.update(10 + signs)
    variances = covariance.variances("layer")
    np.testing.assert_allclose(variances, 16 / 15)
    assert intrinsic_dimension(variances, rule="cumulative") == 4
    second_moment = np.linalg.eigvalsh(((10 + signs).T @ (10 + signs) / 16).double().numpy())[::-1]
    np.testing.assert_allclose(second_moment, [401, 1, 1, 1], rtol=1e-6)
    assert intrinsic_dimension(second_moment, rule="cumulative") == 1


def test_dimension_is_at_most_the_rank():
    generator = torch.Generator().manual_seed(3)
    samples = torch.randn(200, 3, generator=generator) @ torch.randn(3, 10, generator=generator)
    covariance = Covariance()
    covariance.update(samples)
    for rule in RULES:
        assert intrinsic_dimension(covariance.variances("layer"), delta=0.999999, rule=rule) <= 3


POOLED = {
    "channelwise": lambda maps: maps.transpose(0, 2, 3, 1).reshape(-1, maps.shape[1]),
    "mean": lambda maps: maps.mean(axis=(2, 3)),
    "max": lambda maps: maps.max(axis=(2, 3)),
    "median": lambda maps: np.sort(maps.reshape(*maps.shape[:2], -1), axis=2)[:, :, (maps[0, 0].size - 1) // 2],
    "flatten": lambda maps: maps.reshape(len(maps), -1),
}


@pytest.mark.parametrize("mode", POOLED)
@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_every_mode_on_a_network(model, images, mode, batch_size):
    found = saturation.measure(model, images, mode=mode, batch_size=batch_size)
    assert list(found) == ["0", "2", "7"]
    for name in ("0", "2"):
        samples = POOLED[mode](outputs(model, images, int(name) + 1))
        assert (found[name].samples, found[name].features) == samples.shape
        np.testing.assert_allclose(found[name].variances, expected(samples).clip(min=0), rtol=1e-5, atol=1e-6)
    assert found["7"].samples == 13
    np.testing.assert_allclose(found["7"].variances, expected(outputs(model, images, 8)), rtol=1e-5)


def test_saturation_is_dimension_over_features(model, images):
    for layer in saturation.measure(model, images, delta=0.9).values():
        for rule in RULES:
            assert layer.saturation(rule) == layer.dimension(rule) / layer.features
            assert layer.dimension(rule) == intrinsic_dimension(layer.variances, delta=0.9, rule=rule)


def test_blocks_of_a_batch_change_nothing(model, images, monkeypatch):
    whole = saturation.measure(model, images)
    monkeypatch.setattr(saturation, "_BLOCK", 1)
    for name, layer in saturation.measure(model, images).items():
        np.testing.assert_allclose(layer.variances, whole[name].variances, rtol=1e-10, atol=1e-12)


def test_linear_layers_on_maps_with_channels_last():
    """As in ConvNeXt: a Linear sees (n, h, w, c), and each position is a sample."""
    linear = nn.Linear(3, 4)
    images = torch.randn(6, 3, 2, 5)
    model = nn.Sequential(nn.Conv2d(3, 3, 1), _ChannelsLast(), linear)
    found = saturation.measure(model, images, layers=["2"])["2"]
    assert (found.samples, found.features) == (60, 4)
    with torch.no_grad():
        samples = model(images).reshape(-1, 4).double().numpy()
    np.testing.assert_allclose(found.variances, expected(samples).clip(min=0), rtol=1e-5, atol=1e-7)


class _ChannelsLast(nn.Module):
    def forward(self, maps):
        return maps.permute(0, 2, 3, 1)


def test_memory_does_not_grow_with_the_number_of_images(model, images):
    """Batches are let go one by one, and the state has the same size after one and after several."""
    alive = []

    def batches():
        for _ in range(5):
            batch = images.clone()
            alive.append(weakref.ref(batch))
            yield batch
            del batch
            assert sum(reference() is not None for reference in alive) <= 1

    assert saturation.measure(model, batches())["0"].samples == 5 * 13 * 25
    covariance, sizes = Covariance(), set()
    for _ in range(3):
        covariance.update(torch.randn(8, 4))
        sizes.add(sum(value.numel() for value in vars(covariance).values() if isinstance(value, torch.Tensor)))
    assert sizes == {4 * 4 + 2 * 4}


def test_leaves_no_trace(model, images):
    model.train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    saturation.measure(model, images)
    with pytest.raises(RuntimeError):
        saturation.measure(model, torch.zeros(4, 3, 5, 5))
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delta": 0.0}, r"expected delta in \(0, 1\], the share of variance to explain, found 0.0"),
        ({"mode": "avg"}, "unknown mode of saturation 'avg': expected one of channelwise"),
        ({"layers": ["conv"]}, "unknown module 'conv'"),
        ({"layers": []}, "expected at least one layer, found none"),
    ],
)
def test_errors_of_the_call(model, images, arguments, message):
    with pytest.raises(UsageError, match=message):
        saturation.measure(model, images, **arguments)


def test_errors_of_the_data(model, images):
    with pytest.raises(UsageError, match="expected at least 2 samples, found 1"):
        saturation.measure(model, images[:1], layers=["7"])
    with pytest.raises(UsageError, match="expected finite outputs of layer '0'"):
        saturation.measure(model, images * float("inf"), layers=["0"])
    with pytest.raises(UsageError, match=r"layer '0' to return maps .* found 3 dimensions"):
        saturation.measure(nn.Sequential(nn.Flatten(2)), images, layers=["0"])
    with pytest.raises(UsageError, match="unknown rule of saturation 'textbook'"):
        intrinsic_dimension(np.ones(3), rule="textbook")
    covariance = Covariance()
    covariance.update(torch.randn(5, 3))
    with pytest.raises(UsageError, match="expected 3 features, found 4"):
        covariance.update(torch.randn(5, 4))
