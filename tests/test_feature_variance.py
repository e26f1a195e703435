"""Feature variances against `numpy.var` of recorded outputs; discrepancies by hand and written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rflib import feature_variance
from rflib.errors import UsageError
from rflib.feature_variance import discrepancy, dispersion, layer_variances
from rflib.noise_pruning import Recipe, pruned_copy
from rflib.pruning import magnitude_mask, prunable_weights, pruned, replaced


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.Conv2d(5, 4, 3), nn.Dropout(0.5),
        nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 3),
    )  # fmt: skip


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(13, 2, 5, 5, generator=torch.Generator().manual_seed(1)) + 3


def expected(model: nn.Sequential, images: torch.Tensor, stop: int) -> Any:
    with torch.no_grad():
        outputs = model.eval()[:stop](images).double().numpy()
    return outputs.var(axis=(0, 2, 3) if outputs.ndim == 4 else 0)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_variances_are_numpys(model: nn.Sequential, images: torch.Tensor, batch_size: int) -> None:
    found = feature_variance.measure(model.train(), images, batch_size=batch_size)
    assert model.training
    assert list(found) == ["0", "3"]
    np.testing.assert_allclose(found["0"], expected(model, images, 1), rtol=1e-6)
    np.testing.assert_allclose(found["3"], expected(model, images, 4), rtol=1e-5)
    assert layer_variances(found)["0"] == pytest.approx(expected(model, images, 1).mean(), rel=1e-6)


def test_batches_of_any_size_and_vectors(model: nn.Sequential, images: torch.Tensor) -> None:
    found = feature_variance.measure(model, images.split([3, 9, 1]), layers=["7", "2"])
    np.testing.assert_allclose(found["7"], expected(model, images, 8), rtol=1e-5)
    np.testing.assert_allclose(found["2"], expected(model, images, 3), rtol=1e-5)


def test_a_large_common_offset_does_not_cancel(model: nn.Sequential, images: torch.Tensor) -> None:
    model, images = model.double(), images.double()
    variances = expected(model, images, 1)
    with torch.no_grad():
        model[0].bias.add_(1e6)
    found = feature_variance.measure(model, images, layers=["0"], batch_size=5)
    np.testing.assert_allclose(found["0"], variances, rtol=1e-7)


def test_a_constant_layer_has_variance_zero(model: nn.Sequential, images: torch.Tensor) -> None:
    with torch.no_grad():
        model[3].weight.zero_()
    found = feature_variance.measure(model, images, batch_size=5)
    assert found["3"].tolist() == [0.0] * 4
    assert (found["0"] > 0).all()


def of(*layers: float) -> dict[str, Any]:
    """Return two channels a layer whose mean is the value given."""
    return {str(index): np.array([0.5, 1.5]) * value for index, value in enumerate(layers)}


def test_discrepancy_by_hand() -> None:
    dense = of(1.0, 4.0, 2.0)
    assert discrepancy(dense, dense) == 0
    assert discrepancy(of(2.0, 2.0, 2.0), dense) == pytest.approx(2 / 3 * math.log(2))
    assert discrepancy(of(0.5, 8.0, 4.0), dense) == pytest.approx(math.log(2))
    assert discrepancy(of(0.5, 8.0, 4.0), dense) == pytest.approx(discrepancy(dense, of(0.5, 8.0, 4.0)))


def test_silent_layers_count_as_the_smallest_ratio() -> None:
    silent = 12 * math.log(10)
    assert discrepancy(of(0.0, 4.0), of(1.0, 4.0)) == pytest.approx(silent / 2)
    assert discrepancy(of(1e-30, 4.0), of(1.0, 4.0)) == pytest.approx(silent / 2)
    assert discrepancy(of(1.0, 4.0), of(0.0, 4.0)) == pytest.approx(silent / 2)
    assert discrepancy(of(0.0, 4.0), of(0.0, 4.0)) == 0


def test_dispersion_by_hand() -> None:
    assert dispersion(of(1.0, 1.0, 1.0)) == 0
    assert dispersion(of(1.0, math.e**2)) == pytest.approx(1)
    assert dispersion(of(3.0, 0.0)) == pytest.approx(6 * math.log(10))
    assert dispersion(of(0.0, 0.0)) == 0
    values = [0.3, 2.0, 7.0, 1.1]
    assert dispersion(of(*values)) == pytest.approx(float(np.std(np.log(values))))


def test_dense_against_pruned_and_against_noisy_then_pruned(model: nn.Sequential, images: torch.Tensor) -> None:
    dense = feature_variance.measure(model, images)
    with pruned(model, magnitude_mask(model, 0.8)):
        plain = feature_variance.measure(model, images)
    copy, _ = pruned_copy(model, Recipe("additive", 0.5, 0.8), 0)
    before = prunable_weights(model)["3.weight"].clone()
    with replaced(model, copy):
        noisy = feature_variance.measure(model, images)
        np.testing.assert_allclose(noisy["3"], expected(model, images, 4), rtol=1e-5)
    assert torch.equal(prunable_weights(model)["3.weight"], before)
    for other in (plain, noisy):
        logs = [abs(math.log(other[name].mean() / dense[name].mean())) for name in dense]
        assert discrepancy(other, dense) == pytest.approx(sum(logs) / 2)
        assert logs[0] == 0 < logs[1]


def test_errors(model: nn.Sequential, images: torch.Tensor) -> None:
    with pytest.raises(UsageError, match="unknown module 'conv': expected one of 0, 1"):
        feature_variance.measure(model, images, layers=["conv"])
    with pytest.raises(UsageError, match=r"expected at least one layer, found none\. Name the layers of this model"):
        feature_variance.measure(nn.Sequential(nn.Linear(2, 2)), images)
    with pytest.raises(UsageError, match=r"expected layer '0' to run, found no output\. Pass images or leave it out"):
        feature_variance.measure(model, [])
    with pytest.raises(UsageError, match=r"expected layer '0' to return maps .* found 3 dimensions"):
        feature_variance.measure(nn.Sequential(nn.Flatten(2)), images, layers=["0"])
    with pytest.raises(UsageError, match="expected finite outputs of layer '0', found infinite ones or NaN"):
        feature_variance.measure(model, images * math.inf)
    with pytest.raises(UsageError, match="expected two networks with the same layers, found only in one: 1"):
        discrepancy(of(1.0), of(1.0, 2.0))
    with pytest.raises(UsageError, match="found only in one: no layer at all"):
        discrepancy({}, {})
