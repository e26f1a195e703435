"""The trace against dense Hessians and the closed form of its variance; its error is as often right as it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from rflib import activations
from rflib.errors import RflibError, UsageError
from rflib.hessian import HessianProduct, trace
from rflib.pruning import Mask, pruned

LOSS = nn.CrossEntropyLoss()
MATRIX = torch.tensor([[2.0, 1, 0], [1, 3, -1], [0, -1, 4]], dtype=torch.float64)
BATCHES = [(torch.zeros(1), torch.zeros(1))]


class Quadratic(nn.Module):
    """Its value is the loss, and its Hessian is `MATRIX`."""

    def __init__(self):
        super().__init__()
        self.p = nn.Parameter(torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))

    def forward(self, images):
        return 0.5 * self.p @ MATRIX @ self.p


def value_itself(outputs, labels):
    return outputs


@pytest.mark.parametrize("statistics", ["batch", "frozen"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_interval_covers_the_dense_trace(build, data, half_mask, coordinates, oracle, statistics, masked):
    model = build()
    mask = half_mask(model) if masked else Mask({})
    found = trace(model, LOSS, [data], probes=150, mask=mask if masked else None, batch_statistics=statistics)
    with pruned(model, mask):
        mode = activations.batch_statistics(model)
        if statistics == "frozen":
            mode = activations.frozen_statistics(model, [data[0]])
        with mode:
            dense = oracle(model, LOSS, *data)
    kept = coordinates(model, mask)
    assert found.dimension == int(kept.sum())
    exact = dense.diagonal()[kept].sum().item()
    off_diagonal = (dense - dense.diagonal().diag())[kept][:, kept]
    assert abs(found.value - exact) < 1.96 * found.standard_error
    expected_error = (2 * off_diagonal.square().sum().item() / 150) ** 0.5
    assert found.standard_error == pytest.approx(expected_error, rel=0.2)
    assert (found.images, found.batch_statistics, len(found.samples)) == (14, statistics, 150)


def test_all_signs_give_the_trace_and_the_variance_in_closed_form():
    """Trace 9, variance 8: what the samples can be and how often, here by going through all signs."""
    product = HessianProduct(Quadratic(), value_itself, BATCHES)
    signs = [torch.tensor(z, dtype=torch.float64) for z in itertools.product((-1, 1), repeat=3)]
    forms = np.array([float(z @ product(z)) for z in signs])
    np.testing.assert_allclose([forms.mean(), forms.var()], [9, 8], rtol=1e-12)
    samples = trace(Quadratic(), value_itself, BATCHES, probes=2000).samples
    np.testing.assert_allclose(np.unique(samples.round(9)), np.unique(forms.round(9)), rtol=1e-9)
    assert samples.mean() == pytest.approx(9, abs=4 * (8 / 2000) ** 0.5)
    assert samples.var(ddof=1) == pytest.approx(8, rel=0.1)


def test_the_error_covers_the_trace_as_often_as_it_says():
    found = [trace(Quadratic(), value_itself, BATCHES, probes=50, seed=seed) for seed in range(200)]
    covered = np.mean([abs(estimate.value - 9) < 1.96 * estimate.standard_error for estimate in found])
    assert 0.89 <= covered <= 0.99


def test_each_probe_gives_the_trace_of_a_diagonal_hessian():
    model = nn.Linear(1, 3).double()
    with torch.no_grad():
        model.weight.zero_(), model.bias.zero_()
    mask = Mask({"bias": torch.zeros(3, dtype=torch.bool)})
    batch = (torch.ones(1, 1, dtype=torch.float64), torch.ones(1, 3, dtype=torch.float64))
    found = trace(model, nn.MSELoss(), [batch], mask=mask, probes=5)
    np.testing.assert_allclose(found.samples, 2.0, rtol=1e-12)
    assert (found.dimension, found.standard_error) == (3, 0.0)


def test_more_probes_continue_fewer_and_seeds_differ(build, data):
    few, more, other = (trace(build(), LOSS, [data], probes=n, seed=seed) for n, seed in ((3, 0), (5, 0), (3, 1)))
    assert np.array_equal(more.samples[:3], few.samples)
    assert not np.array_equal(other.samples, few.samples)
    assert (few.gradient_equivalents, more.gradient_equivalents) == (1 + 3 * 2.0, 1 + 5 * 2.0)


def test_a_relative_error_ends_it_as_soon_as_it_is_reached():
    told = []
    found = trace(
        Quadratic(),
        value_itself,
        BATCHES,
        probes=1000,
        relative_error=0.05,
        on_progress=lambda probes, value: told.append((probes, value)),
    )
    errors = [found.samples[:n].std(ddof=1) / n**0.5 / abs(found.samples[:n].mean()) for n in range(10, len(told) + 1)]
    assert 10 < len(found.samples) < 1000
    assert errors[-1] <= 0.05 < min(errors[:-1])
    assert [probes for probes, _ in told] == list(range(1, len(found.samples) + 1))
    assert told[-1][1] == found.value


def test_leaves_the_weights_bit_for_bit_after_an_exception(build, data, half_mask):
    model = build()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def interrupt(probes, value):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace(model, LOSS, [data], mask=half_mask(model), batch_statistics="frozen", on_progress=interrupt)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training


def test_requests_that_cannot_be_right_are_refused(build, data):
    with pytest.raises(UsageError, match="trace: expected at least 2 probes, found 1"):
        trace(build(), LOSS, [data], probes=1)
    with pytest.raises(UsageError, match="trace: expected a relative error above 0, found 0"):
        trace(build(), LOSS, [data], relative_error=0)
    with pytest.raises(UsageError, match=r"mask of 'x': expected shape \(1,\), found no such parameter"):
        trace(build(), LOSS, [data], mask=Mask({"x": torch.ones(1, dtype=torch.bool)}))
    with pytest.raises(UsageError, match="unknown batch statistics 'running'"):
        trace(build(), LOSS, [data], batch_statistics="running")
    model = build()
    nn.init.constant_(model[-1].weight, float("nan"))
    with pytest.raises(RflibError, match="expected finite products, found NaN or infinity for probe 1"):
        trace(model, LOSS, [data])
