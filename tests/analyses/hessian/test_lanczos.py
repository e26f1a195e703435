"""Lanczos against numpy, scipy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rflib.analyses.hessian import largest_eigenpairs
from rflib.errors import RflibError, UsageError


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
    assert len(tight.basis) <= 15 < len(free.basis)
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
