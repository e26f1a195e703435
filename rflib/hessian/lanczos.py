"""Lanczos with full reorthogonalisation and thick restart: largest eigenvalues of a symmetric operator.

Wu and Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM J. Matrix Anal.
Appl. 22 (2000). The projected matrix is kept whole, in float64, from the orthogonalisation's own
coefficients, so that the steps before and after a restart are the same code.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rflib.errors import UsageError
from rflib.hessian.basis import Basis
from rflib.hessian.search import RitzPairs, Search, SearchState

Progress = Callable[[int, int], None]

SPARE_VECTORS = 5
# A vector in half precision loses 2e-4 of its length, so the tolerance must be well above; and only in many
# dimensions do the losses hardly meet (see `Basis`).
HALF_TOLERANCE = 1e-3
HALF_DIMENSION = 2**20


def largest_eigenpairs(
    product: Callable[[Tensor], Tensor],
    start: Tensor,
    k: int,
    *,
    tolerance: float = 1e-3,
    basis_bytes: int = 6 * 2**30,
    max_products: int | None = None,
    generator: torch.Generator | None = None,
    on_progress: Progress | None = None,
    resume: SearchState | None = None,
    on_state: Callable[[SearchState], None] | None = None,
) -> RitzPairs:
    """Return the k largest algebraic eigenvalues of the symmetric operator `product` on vectors like `start`.

    A pair is settled when its residual `|A v - λ v|` is at most `tolerance` times the largest absolute value
    among the k wanted (not the spectral norm: a far larger negative end would hide an unsettled top), or no
    larger than rounding. The search stops once all k have been settled, and the same, for 5 + k/9 products
    in a row: an eigenvector that the start happened to lack comes late, and settled neighbours do not show that one
    is missing. It also stops after `max_products` (default 20 k + 1000), with `converged` false if pairs are
    unsettled.

    Residuals come from the recurrence; they equal the recomputed ones up to rounding. At most `basis_bytes`
    hold the basis. Where it would fill them, vectors of more than a million numbers are kept in half
    precision at tolerances of 1e-3 and above (see `Basis`; the residuals count what that loses); when it is
    full, its best part is kept (thick restart).
    An exactly repeated eigenvalue may be found fewer times than it occurs unless the Krylov space is exhausted.
    `generator` (CPU) supplies directions where that happens. `on_progress(products, settled)` is told how many
    of the k pairs have settled. `on_state(state)` is given the state after each product, `resume` takes one up;
    the other arguments must then be the same. UsageError: k outside 1 to the dimension, a budget below k + 5
    vectors, or a state of another search.

    Example:
        >>> diagonal = torch.tensor([5.0, 3.0, 1.0, -2.0])
        >>> pairs = rflib.hessian.largest_eigenpairs(lambda vector: diagonal * vector, torch.ones(4), k=2)
        >>> [round(float(value), 4) for value in pairs.values]
        [5.0, 3.0]
    """
    generator = generator or torch.Generator().manual_seed(0)
    search = Search(start, k, _empty_basis(start, k, basis_bytes, tolerance), generator)
    if resume is not None:
        search.restore(resume)
    limit = 20 * k + 1000 if max_products is None else max(max_products, k)
    while True:
        search.step(product)
        if search.check_is_due(limit):
            settled = search.settled_pairs(tolerance)
            if on_progress is not None:
                on_progress(search.products, settled)
            if search.products >= limit or search.complete or search.confirmed:
                return search.result(converged=settled == k or search.complete)
        search.advance()
        if on_state is not None:
            on_state(search.state())


def _empty_basis(start: Tensor, k: int, basis_bytes: int, tolerance: float) -> Basis:
    """Room for as many vectors as fit, but no more than the search can use well."""
    dimension = len(start)
    if not 1 <= k <= dimension:
        raise UsageError(f"eigenvalues: expected k from 1 to the {dimension} coordinates, found {k}.")
    useful = min(dimension, 5 * k + 100)
    halves = (
        useful * dimension * start.element_size() > basis_bytes
        and tolerance >= HALF_TOLERANCE
        and dimension >= HALF_DIMENSION
    )
    dtype = torch.float16 if halves else start.dtype
    fitting = basis_bytes // (dimension * dtype.itemsize)
    needed = min(k + SPARE_VECTORS, dimension)
    if fitting < needed:
        raise UsageError(
            f"eigenvalues: expected room for at least {needed} vectors of {dimension} numbers "
            f"({needed * dimension * dtype.itemsize} bytes), found basis_bytes={basis_bytes}. "
            "Raise it or ask for fewer eigenvalues."
        )
    return Basis(min(useful, fitting), start, dtype)
