"""Lanczos against numpy, scipy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rflib.errors import RflibError, UsageError
from rflib.hessian import SearchState, lanczos, largest_eigenpairs


def start(dimension, dtype=torch.float64):
    return torch.randn(dimension, generator=torch.Generator().manual_seed(5), dtype=torch.float64).to(dtype)


def search(matrix, k, **options):
    return largest_eigenpairs(lambda v: matrix @ v, start(len(matrix), matrix.dtype), k, **options)


@pytest.fixture
def wishart():
    factor = torch.randn(40, 60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return factor @ factor.T / 60


def bytes_for(vectors, matrix):
    return vectors * len(matrix) * matrix.element_size()


@pytest.mark.parametrize("room", [40, 15])
def test_wishart_values_vectors_and_residuals(wishart, room):
    pairs = search(wishart, 5, tolerance=1e-8, basis_bytes=bytes_for(room, wishart))
    expected = np.linalg.eigvalsh(wishart.numpy())[::-1][:5]
    np.testing.assert_allclose(pairs.values.numpy(), expected, rtol=1e-10)
    vectors = pairs.vectors()
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(5, dtype=torch.float64), rtol=0, atol=1e-12)
    recomputed = (vectors @ wishart - pairs.values[:, None] * vectors).norm(dim=1)
    torch.testing.assert_close(pairs.residuals, recomputed, rtol=1e-5, atol=1e-12)
    assert pairs.converged
    assert (pairs.restarts > 0) == (room < 40)


def test_agrees_with_scipy_on_a_matrix_with_negative_values():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    matrix = torch.randn(150, 150, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    matrix = matrix + matrix.T
    expected = linalg.eigsh(matrix.numpy(), k=8, which="LA", tol=1e-10, v0=np.ones(150))[0][::-1]
    pairs = search(matrix, 8, tolerance=1e-8)
    np.testing.assert_allclose(pairs.values.numpy(), expected, rtol=1e-8)


def test_each_residual_bounds_the_error_at_a_loose_tolerance(wishart):
    pairs = search(wishart, 5, tolerance=1e-2)
    expected = torch.linalg.eigvalsh(wishart).flip(0)[:5]
    assert (pairs.residuals <= 1e-2 * pairs.values[0]).all()
    assert ((pairs.values - expected).abs() <= pairs.residuals + 1e-12).all()
    assert pairs.products < 40


@pytest.mark.parametrize("room", [60, 12])
def test_float32_gives_no_ghost_copies(room):
    diagonal = torch.cat([torch.linspace(0, 1, 200), torch.tensor([10.0, 100.0, 1000.0])])
    pairs = largest_eigenpairs(
        lambda v: diagonal * v,
        start(203, torch.float32),
        4,
        tolerance=1e-9,
        max_products=60,
        basis_bytes=room * 203 * 4,
    )
    # Far past the steps after which the largest values have settled to rounding and ghosts would come.
    assert 50 <= pairs.products <= 60
    np.testing.assert_allclose(pairs.values[:3].numpy(), [1000, 100, 10], rtol=1e-5)
    assert pairs.values[3] < 1.001
    vectors = pairs.vectors()
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(4), rtol=0, atol=1e-5)


def test_restarts_find_the_same_values_and_take_more_products():
    matrix = torch.diag(torch.linspace(0, 1, 300, dtype=torch.float64) ** 4)
    free = search(matrix, 10, tolerance=1e-6)
    tight = search(matrix, 10, tolerance=1e-6, basis_bytes=bytes_for(15, matrix))
    assert free.restarts == 0 < tight.restarts
    assert tight.basis.size <= 15 < free.basis.size
    assert tight.products > free.products
    assert tight.converged
    torch.testing.assert_close(tight.values, free.values, rtol=0, atol=1e-9)


def test_spiked_wishart_outliers_stand_where_theory_puts_them():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2000, 2000, generator=generator)
    spikes = torch.zeros(2000)
    spikes[:3] = torch.tensor([5.0, 4.0, 3.0])
    pairs = largest_eigenpairs(lambda v: spikes * v + noise @ (noise.T @ v) / 2000, start(2000).float(), 4)
    np.testing.assert_allclose(pairs.values[:3].numpy(), [6.25, 16 / 3, 4.5], rtol=0.02)
    assert pairs.values[3] < 4.1


def test_repeated_values_are_found_where_the_krylov_space_ends():
    matrix = torch.diag(torch.tensor([5.0, 5.0, 5.0, 2.0, 1.0, 1.0], dtype=torch.float64))
    assert search(matrix, 2).values.tolist() == pytest.approx([5, 5])
    assert search(matrix, 6).values.tolist() == pytest.approx([5, 5, 5, 2, 1, 1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_low_rank_operator_ends_early(dtype):
    diagonal = torch.zeros(500, dtype=dtype)
    diagonal[:3] = torch.tensor([3.0, 2.0, 1.0])
    pairs = largest_eigenpairs(lambda v: diagonal * v, start(500, dtype), 5)
    assert pairs.values.tolist() == pytest.approx([3, 2, 1, 0, 0], abs=1e-5)
    assert pairs.converged
    assert pairs.products < 15


def test_zero_operator():
    assert search(torch.zeros(9, 9), 3).values.tolist() == [0, 0, 0]


def test_largest_means_algebraic_not_absolute():
    matrix = torch.diag(torch.tensor([-9.0, -1.0, 2.0, 1.0], dtype=torch.float64))
    assert search(matrix, 2).values.tolist() == pytest.approx([2, 1])


def test_running_out_of_products_is_reported():
    matrix = torch.diag(torch.linspace(0, 1, 100, dtype=torch.float64))
    pairs = search(matrix, 3, max_products=7)
    assert (pairs.products, pairs.converged) == (7, False)


def test_progress_rises_to_all_pairs(wishart):
    seen = []
    search(wishart, 4, on_progress=lambda products, settled: seen.append((products, settled)))
    assert seen[-1][1] == 4
    assert [products for products, _ in seen] == sorted({products for products, _ in seen})


def test_requests_that_cannot_be_right_are_refused(wishart):
    with pytest.raises(UsageError, match="expected k from 1 to the 40 coordinates, found 41"):
        search(wishart, 41)
    with pytest.raises(UsageError, match=r"room for at least 9 vectors of 40 numbers \(2880 bytes\).*=2879"):
        search(wishart, 4, basis_bytes=2879)
    with pytest.raises(RflibError, match="NaN or infinity in product 1"):
        search(wishart * float("nan"), 2)


def outliers(dimension=3000):
    """Forty separate values on top of a bulk, shuffled."""
    values = torch.cat([torch.linspace(1, 4, 40), torch.linspace(-0.2, 0.5, dimension - 40)]).double()
    return values[torch.randperm(dimension, generator=torch.Generator().manual_seed(0))]


def test_an_eigenvector_that_the_start_nearly_lacks_is_waited_for():
    """Settled pairs do not show that one among them is missing; only more products bring it up."""
    values = outliers()
    lacking = start(len(values))
    lacking[values.argsort(descending=True)[12]] *= 1e-5
    pairs = largest_eigenpairs(lambda v: values * v, lacking, 20)
    np.testing.assert_allclose(pairs.values.numpy(), values.sort(descending=True).values[:20].numpy(), rtol=1e-3)


@pytest.mark.parametrize("room", [400, 26])
@pytest.mark.parametrize("stop", [5, 27, 60])
def test_a_resumed_search_ends_bit_for_bit_where_an_uninterrupted_one_ends(room, stop):
    values = outliers()
    first = start(len(values)).float()
    options = {"basis_bytes": room * len(values) * 4}

    def product(vector):
        return values.float() * vector

    whole = largest_eigenpairs(product, first, 20, **options)
    kept = {}

    def copy(state):
        if state.numbers["products"] == stop:
            tensors = {name: tensor.clone() for name, tensor in state.tensors.items()}
            kept["state"] = SearchState(state.rows.clone(), tensors, dict(state.numbers))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        largest_eigenpairs(product, first, 20, on_state=copy, **options)
    calls = []
    resumed = largest_eigenpairs(lambda v: calls.append(1) or product(v), first, 20, resume=kept["state"], **options)
    assert torch.equal(resumed.values, whole.values)
    assert torch.equal(resumed.residuals, whole.residuals)
    assert torch.equal(resumed.vectors(), whole.vectors())
    assert (resumed.products, resumed.restarts) == (whole.products, whole.restarts)
    assert len(calls) == whole.products - stop
    assert (whole.restarts > 0) == (room == 26)


def test_a_resumed_search_draws_the_directions_that_were_to_come():
    matrix = torch.diag(torch.tensor([5.0, 5, 5, 2, 1, 1], dtype=torch.float64))
    states = []

    def collect(state):
        tensors = {name: tensor.clone() for name, tensor in state.tensors.items()}
        states.append(SearchState(state.rows.clone(), tensors, dict(state.numbers)))

    whole = search(matrix, 6, on_state=collect)
    for state in states:
        resumed = search(matrix, 6, resume=state)
        assert torch.equal(resumed.values, whole.values)
        assert resumed.products == whole.products


def test_a_state_of_another_search_is_refused(wishart):
    states = []
    search(wishart, 4, on_state=states.append)
    expected = r"expected the state of a search with \{'k': 5, 'capacity': 40, 'dimension': 40\}, found \{'k': 4"
    with pytest.raises(UsageError, match=expected):
        search(wishart, 5, resume=states[0])
    with pytest.raises(UsageError, match="or begin anew"):
        search(wishart, 4, resume=SearchState((), {}, states[0].numbers))


@pytest.fixture
def half(monkeypatch):
    """Let half precision begin at vectors that a test can afford."""
    monkeypatch.setattr(lanczos, "HALF_DIMENSION", 50_000)


def test_half_precision_finds_the_same_values_and_owns_to_its_roundings(half):
    values = torch.zeros(60_000, dtype=torch.float64)
    values[::20] = outliers()
    single = values.float()

    def found(room, tolerance):
        budget = room * len(values) * 4
        return largest_eigenpairs(
            lambda v: single * v, start(len(values)).float(), 20, tolerance=tolerance, basis_bytes=budget
        )

    expected = values.sort(descending=True).values[:20]
    for room in (30, 60):
        pairs = found(room, 1e-3)
        assert pairs.basis.rows.dtype == torch.float16
        assert (pairs.converged, pairs.restarts > 0) == (True, room == 30)
        np.testing.assert_allclose(pairs.values.numpy(), expected.numpy(), rtol=5e-5)
        vectors = pairs.vectors().double()
        true = (vectors * values - pairs.values[:, None] * vectors).norm(dim=1)
        assert (true <= 3 * pairs.residuals).all()
        assert (pairs.residuals <= 1e-3 * pairs.values[0]).all()
    assert found(30, 9e-4).basis.rows.dtype == torch.float32, "a finer tolerance asks for the full precision"
    assert found(300, 1e-3).basis.rows.dtype == torch.float32, "and so it is where there is room"


@pytest.mark.parametrize("spare", [5, 6, 8])
def test_the_smallest_basis_is_looked_at(spare):
    """With k / 10 = 9 products between two looks, and fewer than that between two restarts."""
    values = torch.cat([torch.linspace(10, 100, 91), torch.linspace(0, 1, 300)]).double()
    pairs = search(values.diag(), 90, basis_bytes=(90 + spare) * len(values) * 8, tolerance=1e-2)
    np.testing.assert_allclose(pairs.values.numpy(), values.sort(descending=True).values[:90].numpy(), rtol=1e-2)
    assert pairs.converged
    assert pairs.products < 1500
