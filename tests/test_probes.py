"""Probes against a gradient of their own objective, pooling by hand, and data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rflib import probes
from rflib.errors import UsageError


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3, stride=4),
        nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 4, 5),
    )  # fmt: skip


def quadrants(count, seed):
    """Noise with a bright quadrant, which is the label."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    images = 0.3 * torch.randn(count, 1, 8, 8, generator=generator)
    for image, label in zip(images, labels.tolist(), strict=True):
        rows, columns = 4 * (label // 2), 4 * (label % 2)
        image[0, rows : rows + 4, columns : columns + 4] += 1
    return images, labels


@pytest.fixture
def train():
    return quadrants(80, seed=1)


@pytest.fixture
def test():
    return quadrants(40, seed=2)


def by_newton(features, labels, penalty, steps=50):
    """Two-class logistic regression with an unpenalised intercept, by Newton's method in float64."""
    x = np.c_[features, np.ones(len(features))]
    ridge = penalty * np.diag([1.0] * features.shape[1] + [0.0])
    w = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-x @ w))
        w -= np.linalg.solve((x.T * (p * (1 - p))) @ x + ridge, x.T @ (p - labels) + ridge @ w)
    return w


@pytest.mark.parametrize("penalty", [0.1, 1.0, 10.0])
def test_two_classes_against_newtons_method(penalty):
    random = np.random.default_rng(0)
    x, unseen = random.normal(2, 3, (60, 4)), random.normal(2, 3, (500, 4))
    direction = np.array([1.0, -1.0, 0.5, 0.0])

    def labels_of(z):
        return ((z - 2) @ direction + random.normal(0, 2, len(z)) > 0).astype(np.int64)

    y, unseen_y = labels_of(x), labels_of(unseen)
    weights = by_newton((x - x.mean(0)) / x.std(0), y, penalty)
    decided = np.c_[(unseen - x.mean(0)) / x.std(0), np.ones(500)] @ weights
    found = probes.fit((x.astype(np.float32), y), (unseen.astype(np.float32), unseen_y), penalty=penalty)
    sure = np.abs(decided) > 0.01  # the solver's tolerance decides the others
    assert found.accuracy == pytest.approx(((decided > 0) == unseen_y).mean(), abs=(~sure).mean() + 1e-9)
    assert found.converged
    assert found.features == 4


def test_constant_features_are_ignored():
    random = np.random.default_rng(1)
    y = np.arange(30) % 2
    x = random.normal(size=(30, 2)) + y[:, None]
    with_constant = np.c_[x, np.full(30, 1e4)]
    plain, widened = (probes.fit((f.astype(np.float32), y), (f.astype(np.float32), y)) for f in (x, with_constant))
    assert plain.accuracy == widened.accuracy
    assert plain.train_accuracy == plain.accuracy


def test_pooling_by_hand():
    maps = torch.arange(2 * 3 * 8 * 12, dtype=torch.float32).view(2, 3, 8, 12)
    by_hand = maps.view(2, 3, 4, 2, 4, 3).mean(dim=(3, 5)).flatten(1)
    torch.testing.assert_close(probes.pooled(maps), by_hand)
    small = maps[:, :, :3, :2]
    assert torch.equal(probes.pooled(small), small.flatten(1))
    assert probes.pooled(maps[:, :, :2]).shape == (2, 3 * 2 * 4)
    assert torch.equal(probes.pooled(maps[:, 0, 0]), maps[:, 0, 0])


class _ChannelsLast(nn.Module):
    def forward(self, maps):
        return maps.permute(0, 2, 3, 1)


def test_linear_layers_on_maps_with_channels_last(train, test):
    """As in ConvNeXt: the same weights as a 1x1 convolution give the same probe."""
    torch.manual_seed(0)
    linear, convolution = nn.Linear(1, 3), nn.Conv2d(1, 3, 1)
    with torch.no_grad():
        convolution.weight.copy_(linear.weight[:, :, None, None])
        convolution.bias.copy_(linear.bias)
    found = probes.measure(nn.Sequential(_ChannelsLast(), linear), train, test)["1"]
    expected = probes.measure(nn.Sequential(convolution), train, test)["0"]
    assert (found.features, found.accuracy) == (expected.features, pytest.approx(expected.accuracy, abs=0.03))


def test_layers_that_hold_the_answer(model, train, test):
    found = probes.measure(model, train, test)
    assert list(found) == ["0", "3", "6"]
    assert [probe.features for probe in found.values()] == [3 * 16, 4 * 4, 5]
    assert found["0"].accuracy == found["0"].train_accuracy == 1
    assert all(probe.seconds > 0 for probe in found.values())


def test_the_first_layer_equals_a_probe_of_its_output(model, train, test):
    with torch.no_grad():
        conv = model[0]
        features = [(probes.pooled(conv(images)).numpy(), labels.numpy()) for images, labels in (train, test)]
    assert probes.measure(model, train, test, layers=["0"])["0"] == probes.fit(*features)


def test_labels_without_relation_are_guessed(model, train):
    images, labels = quadrants(200, seed=3)
    shuffled = labels[torch.randperm(200, generator=torch.Generator().manual_seed(0))]
    assert probes.measure(model, train, (images, shuffled), layers=["0"])["0"].accuracy < 0.4


def test_the_same_whatever_the_groups_and_batches(model, train, test):
    whole = probes.measure(model, train, test)
    assert probes.measure(model, train, test) == whole
    split = probes.measure(model, train, test, activation_bytes=1, batch_size=7)
    for name, probe in split.items():
        assert probe.accuracy == pytest.approx(whole[name].accuracy, abs=0.03)
        assert probe.features == whole[name].features


def test_says_when_the_solver_was_stopped(model, train, test):
    probe = probes.measure(model, train, test, layers=["0"], iterations=2)["0"]
    assert (probe.iterations, probe.converged) == (2, False)


def test_leaves_no_trace(model, train, test):
    model.train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    probes.measure(model, train, test)
    with pytest.raises(RuntimeError):
        probes.measure(model, (torch.zeros(4, 3, 8, 8), torch.arange(4)), test)
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


def test_errors(model, train, test):
    images, labels = train
    with pytest.raises(UsageError, match=r"expected training images with one label each, found 80 images .* \(3,\)"):
        probes.measure(model, (images, labels[:3]), test)
    with pytest.raises(UsageError, match="expected test images with one label each, found 0 images"):
        probes.measure(model, train, (images[:0], labels[:0]))
    with pytest.raises(UsageError, match="expected at least two classes in the training labels, found one"):
        probes.measure(model, (images, torch.zeros_like(labels)), test)
    with pytest.raises(UsageError, match="unknown module 'conv1'"):
        probes.measure(model, train, test, layers=["conv1"])
    with pytest.raises(UsageError, match="expected at least one layer, found none"):
        probes.measure(model, train, test, layers=[])
    twice = nn.Sequential(model[0], nn.Conv2d(3, 1, 1), model[0])
    with pytest.raises(UsageError, match="expected layer '0' to run once in a forward pass, found 2 times"):
        probes.measure(twice, train, test, layers=["0"])
    with pytest.raises(UsageError, match=r"layer '0' to return maps .* found the shape \(1, 1, 64\) for one image"):
        probes.measure(nn.Sequential(nn.Flatten(2)), train, test, layers=["0"])
