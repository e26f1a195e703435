"""The basis in full and in half precision, against plain matrix algebra in float64."""

from __future__ import annotations

import pytest
import torch

from rflib.hessian import basis as module
from rflib.hessian.basis import Basis

DIMENSION = 4000


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch):
    monkeypatch.setitem(module.COLUMN_BLOCK, "cpu", 1500)


def orthonormal(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(DIMENSION, count, generator=generator, dtype=torch.float64))[0].T


def filled(vectors, dtype):
    basis = Basis(10, torch.empty(DIMENSION), dtype)
    for vector in vectors:
        basis.append(vector.float())
    return basis


# Rounding to float16 moves an entry by up to 2^-11 of its size, an inner product by far less than that.
PRECISIONS = pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-6), (torch.float16, 2e-4)])


@PRECISIONS
def test_vectors_come_back(dtype, close):
    vectors = orthonormal(4)
    basis = filled(vectors, dtype)
    assert (basis.size, basis.capacity, basis.dimension) == (4, 10, DIMENSION)
    assert basis.rows.dtype == dtype
    for index, vector in enumerate(vectors):
        assert (basis[index].double() - vector).norm() < 2 * close
        assert basis[index].dtype == torch.float32


def test_half_precision_loses_what_is_said():
    vector = orthonormal(1)[0]
    basis = Basis(1, torch.empty(DIMENSION), torch.float16)
    assert (basis.append(vector.float()).double() - vector).norm() == pytest.approx(2e-4, rel=0.3)
    largest = torch.zeros(DIMENSION)
    largest[7] = 1
    assert filled([largest], torch.float16)[0][7] == pytest.approx(1, rel=1e-3), "the largest entry there can be"


@PRECISIONS
def test_coefficients_combinations_and_differences(dtype, close):
    vectors, other = orthonormal(4), orthonormal(1, seed=1)[0]
    basis = filled(vectors, dtype)
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    vector = weights @ vectors + other
    torch.testing.assert_close(basis.coefficients(vector.float()), vectors @ vector, rtol=0, atol=10 * close)
    rest = basis.subtract_(vector.float(), weights)
    torch.testing.assert_close(rest.double(), vector - weights @ vectors, rtol=0, atol=close)
    columns = torch.stack([weights, weights.flip(0)], dim=1)
    torch.testing.assert_close(basis.combine(columns).double(), columns.T @ vectors, rtol=0, atol=close)


@PRECISIONS
def test_rotation_keeps_the_span_and_says_what_it_lost(dtype, close):
    vectors = orthonormal(5)
    rotation = torch.linalg.qr(torch.randn(5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64))[0]
    basis = filled(vectors, dtype)
    before = basis.combine(rotation).double()
    lost = basis.rotate(rotation)
    assert basis.size == 3
    found = torch.stack([basis[index] for index in range(3)]).double()
    torch.testing.assert_close(found, rotation.T @ vectors, rtol=0, atol=2 * close)
    torch.testing.assert_close((found - before).norm(dim=1), lost, rtol=0.05, atol=2e-7)


@PRECISIONS
def test_rows_carry_a_basis_over(dtype, close):
    basis = filled(orthonormal(4), dtype)
    copy = Basis(10, torch.empty(DIMENSION), dtype)
    for row in basis.rows:
        copy.append_row(row)
    assert torch.equal(copy.rows, basis.rows)


def test_inner_products_of_millions_of_numbers_keep_their_digits(monkeypatch):
    monkeypatch.undo()
    generator = torch.Generator().manual_seed(0)
    row, vector = torch.rand(2, 2**22, generator=generator)
    basis = Basis(1, row, torch.float32)
    basis.append(row)
    assert basis.coefficients(vector).item() == pytest.approx((row.double() @ vector.double()).item(), rel=2e-5)
