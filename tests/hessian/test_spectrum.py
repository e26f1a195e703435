"""The top of a network's spectrum against dense Hessians and scipy; nothing left behind."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from rflib import activations
from rflib.errors import UsageError
from rflib.hessian import SearchState, top_eigenvalues
from rflib.pruning import Mask, pruned

LOSS = nn.CrossEntropyLoss()


def batches_of(data, size):
    return list(zip(*(part.split(size) for part in data), strict=True))


def test_batch_statistics_give_the_mean_of_the_dense_hessians(build, data, oracle, spectrum_of):
    model = build()
    batches = batches_of(data, 8)
    spectrum = top_eigenvalues(model, LOSS, batches, 12, tolerance=1e-8)
    with activations.batch_statistics(model):
        dense = sum(len(labels) / 14 * oracle(model, LOSS, images, labels) for images, labels in batches)
    np.testing.assert_allclose(spectrum.values, spectrum_of(dense)[:12].numpy(), rtol=1e-7, atol=1e-9)
    assert (spectrum.residuals <= 1e-8 * spectrum.values[0]).all()
    assert (spectrum.converged, spectrum.images, spectrum.dimension) == (True, 14, len(dense))


def test_frozen_statistics_are_those_of_all_batches(build, data, oracle, spectrum_of):
    model = build()
    batches = batches_of(data, 7)
    spectrum = top_eigenvalues(model, LOSS, batches, 6, tolerance=1e-8, batch_statistics="frozen")
    with activations.frozen_statistics(model, [images for images, _ in batches]):
        dense = oracle(model, LOSS, *data)
    np.testing.assert_allclose(spectrum.values, spectrum_of(dense)[:6].numpy(), rtol=1e-7)
    other = top_eigenvalues(model, LOSS, batches, 6, batch_statistics="batch")
    assert abs(other.values[0] / spectrum.values[0] - 1) > 0.01


def test_the_default_tolerance_in_float32_gets_the_neighbours_right(build, data, oracle, spectrum_of):
    model = build()
    with activations.batch_statistics(model):
        dense = spectrum_of(oracle(model, LOSS, *data))[:10]
    images, labels = data
    spectrum = top_eigenvalues(model.float(), LOSS, [(images.float(), labels)], 10)
    assert spectrum.values.dtype == np.float64
    np.testing.assert_allclose(spectrum.values, dense.numpy(), rtol=0, atol=1e-3 * dense[0].item())


def test_agrees_with_eigsh_on_curvlinops(build, data):
    curvlinops = pytest.importorskip("curvlinops")
    linalg = pytest.importorskip("scipy.sparse.linalg")
    model = build()
    with warnings.catch_warnings(), activations.frozen_statistics(model, [data[0]]):
        warnings.simplefilter("ignore")
        parameters = list(model.parameters())
        operator = curvlinops.HessianLinearOperator(model, LOSS, parameters, [data], check_deterministic=False)
        start = np.ones(operator.shape[0])
        expected = linalg.eigsh(operator.to_scipy(), k=4, which="LA", v0=start)[0][::-1]
    spectrum = top_eigenvalues(model, LOSS, [data], 4, tolerance=1e-7, batch_statistics="frozen")
    np.testing.assert_allclose(spectrum.values, expected, rtol=1e-5)


@pytest.mark.parametrize("budget", [{"graph_bytes": 0}, {"basis_bytes": 15 * 8 * 250}])
def test_memory_budgets_do_not_change_the_values(build, data, budget):
    model = build()
    batches = batches_of(data, 7)
    free = top_eigenvalues(model, LOSS, batches, 8, tolerance=1e-7)
    tight = top_eigenvalues(model, LOSS, batches, 8, tolerance=1e-7, **budget)
    np.testing.assert_allclose(tight.values, free.values, rtol=1e-6)
    assert (tight.restarts > 0) == ("basis_bytes" in budget)
    assert tight.gradient_equivalents > free.gradient_equivalents


def test_batches_are_one_batch_where_there_is_no_batch_norm(build, data):
    model = build(norm=False)
    whole = top_eigenvalues(model, LOSS, [data], 5, tolerance=1e-8)
    split = top_eigenvalues(model, LOSS, batches_of(data, 5), 5, tolerance=1e-8)
    np.testing.assert_allclose(split.values, whole.values, rtol=1e-8)


@pytest.mark.parametrize("statistics", ["batch", "frozen"])
def test_a_mask_gives_the_hessian_of_the_pruned_network_over_its_survivors(
    build, data, half_mask, coordinates, oracle, spectrum_of, statistics
):
    """P H P has the same values, and a zero for each pruned weight on top."""
    model = build()
    mask = half_mask(model)
    kept = coordinates(model, mask)
    spectrum = top_eigenvalues(model, LOSS, [data], 8, mask=mask, tolerance=1e-8, batch_statistics=statistics)

    reference = build()
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            parameter[~mask.keep.get(name, torch.ones_like(parameter, dtype=torch.bool))] = 0
    mode = activations.batch_statistics(reference)
    if statistics == "frozen":
        mode = activations.frozen_statistics(reference, [data[0]])
    with mode:
        dense = oracle(reference, LOSS, *data)
    np.testing.assert_allclose(spectrum.values, spectrum_of(dense[kept][:, kept])[:8].numpy(), rtol=1e-7)
    projected = spectrum_of(dense * torch.outer(kept, kept))
    np.testing.assert_allclose(spectrum.values, projected[:8].numpy(), rtol=1e-7)
    assert (spectrum.dimension, len(projected) - int(kept.sum())) == (int(kept.sum()), mask.pruned)
    assert (projected.abs() < 1e-14).sum() >= mask.pruned


def test_a_mask_that_keeps_everything_changes_no_bit(build, data):
    model = build()
    everything = Mask({name: torch.ones_like(value, dtype=torch.bool) for name, value in model.named_parameters()})
    whole, masked = (top_eigenvalues(model, LOSS, [data], 4, mask=mask) for mask in (None, everything))
    assert np.array_equal(masked.values, whole.values)
    assert np.array_equal(masked.residuals, whole.residuals)
    assert masked.gradient_equivalents == whole.gradient_equivalents


def test_a_mask_goes_with_chosen_parameters(build, data, half_mask, oracle, spectrum_of):
    """Masked parameters that were not chosen are pruned all the same."""
    model = build(norm=False)
    mask = half_mask(model)
    last = list(model[-1].parameters())
    spectrum = top_eigenvalues(model, LOSS, [data], 3, mask=mask, parameters=last, tolerance=1e-9)
    with pruned(model, mask), activations.evaluation_mode(model):
        dense = oracle(model, LOSS, *data)[-12:, -12:]
    np.testing.assert_allclose(spectrum.values, spectrum_of(dense)[:3].numpy(), rtol=1e-7)
    assert spectrum.dimension == 12


def test_vectors_are_eigenvectors_by_parameter(build, data, half_mask, coordinates, oracle):
    model = build()
    mask = half_mask(model)
    spectrum = top_eigenvalues(model, LOSS, [data], 3, mask=mask, tolerance=1e-8, vectors=True)
    with pruned(model, mask), activations.batch_statistics(model):
        dense = oracle(model, LOSS, *data)
    kept = coordinates(model, mask)
    for value, vector in zip(spectrum.values, spectrum.vectors, strict=True):
        assert [*vector] == [name for name, _ in model.named_parameters()]
        flat = torch.cat([part.reshape(-1) for part in vector.values()])
        assert not flat[~kept].any()
        torch.testing.assert_close(flat.norm().item(), 1.0)
        torch.testing.assert_close((dense @ flat)[kept], value * flat[kept], rtol=0, atol=1e-6 * value)
    assert top_eigenvalues(model, LOSS, [data], 3).vectors == ()


def test_softmax_regression_has_a_double_value():
    model = nn.Linear(2, 3, bias=False).double()
    nn.init.zeros_(model.weight)
    batch = (torch.tensor([[1.0, 2.0]], dtype=torch.float64), torch.tensor([1]))
    values = top_eigenvalues(model, LOSS, [batch], 6).values
    np.testing.assert_allclose(values, [5 / 3, 5 / 3, 0, 0, 0, 0], atol=1e-12)


def test_repeats_bit_for_bit_and_depends_on_the_seed_only_within_tolerance(build, data):
    first, second, other = (top_eigenvalues(build(), LOSS, [data], 6, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.values, second.values)
    assert np.array_equal(first.residuals, second.residuals)
    assert not np.array_equal(first.values, other.values)
    np.testing.assert_allclose(other.values, first.values, atol=2e-3 * first.values[0])


def state(model):
    return (
        {name: value.clone() for name, value in model.state_dict().items()},
        [module.training for module in model.modules()],
        [parameter.requires_grad for parameter in model.parameters()],
        [parameter.grad for parameter in model.parameters()],
        torch.get_rng_state(),
    )


def assert_untouched(before, after):
    assert all(torch.equal(value, after[0][name]) for name, value in before[0].items())
    assert before[1:3] == after[1:3]
    assert all(a is b for a, b in zip(before[3], after[3], strict=True))
    assert torch.equal(before[4], after[4])


@pytest.mark.parametrize("statistics", ["batch", "frozen"])
@pytest.mark.parametrize("masked", [False, True])
def test_leaves_no_trace(build, data, half_mask, statistics, masked):
    model = build()
    model[0].weight.grad = torch.ones_like(model[0].weight)
    before = state(model)
    mask = half_mask(model) if masked else None
    top_eigenvalues(model, LOSS, batches_of(data, 7), 3, mask=mask, batch_statistics=statistics)
    assert_untouched(before, state(model))


@pytest.mark.parametrize("statistics", ["batch", "frozen"])
@pytest.mark.parametrize("masked", [False, True])
def test_leaves_no_trace_after_an_exception(build, data, half_mask, statistics, masked):
    model = build()
    mask = half_mask(model) if masked else None
    before = state(model)

    def interrupt(products, settled):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        top_eigenvalues(model, LOSS, [data], 3, mask=mask, batch_statistics=statistics, on_progress=interrupt)
    assert_untouched(before, state(model))


@pytest.mark.parametrize(("statistics", "masked"), [("batch", False), ("frozen", False), ("batch", True)])
def test_a_search_that_was_stopped_goes_on_to_the_same_spectrum(build, data, half_mask, statistics, masked):
    """From a copy of the state, on a network built anew; also what it cost is that of one search."""
    arguments = {"k": 6, "batch_statistics": statistics, "basis_bytes": 14 * 8 * 250, "graph_bytes": 20_000}
    arguments["mask"] = half_mask(build()) if masked else None
    batches = batches_of(data, 7)
    whole = top_eigenvalues(build(), LOSS, batches, **arguments)
    states = []

    def stop(found):
        if found.numbers["products"] == 20:
            tensors = {name: tensor.clone() for name, tensor in found.tensors.items()}
            states.append(SearchState(found.rows.clone(), tensors, found.numbers))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        top_eigenvalues(build(), LOSS, batches, **arguments, on_state=stop)
    resumed = top_eigenvalues(build(), LOSS, batches, **arguments, resume=states[0])
    assert np.array_equal(resumed.values, whole.values)
    assert np.array_equal(resumed.residuals, whole.residuals)
    assert whole.restarts > 0
    names = ("products", "restarts", "gradient_equivalents", "converged")
    assert [getattr(resumed, name) for name in names] == [getattr(whole, name) for name in names]


def test_unknown_statistics_are_refused(build, data):
    with pytest.raises(UsageError, match="unknown batch statistics 'running': expected one of batch, frozen"):
        top_eigenvalues(build(), LOSS, [data], 3, batch_statistics="running")
