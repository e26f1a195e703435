"""Lanczos with full reorthogonalisation and thick restart: largest eigenvalues of a symmetric operator.

Wu and Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM J. Matrix Anal.
Appl. 22 (2000). The projected matrix is kept whole, in float64, from the reorthogonalisation's own
coefficients, so that the steps before and after a restart are the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rflib.errors import RflibError, UsageError

Progress = Callable[[int, int], None]

SPARE_VECTORS = 5
COLUMN_BLOCK = 2**16


@dataclass(frozen=True)
class RitzPairs:
    """Approximate eigenpairs: `values` and `residuals` (k,) float64, largest value first."""

    values: Tensor
    residuals: Tensor
    products: int
    restarts: int
    converged: bool
    basis: Tensor
    coefficients: Tensor

    def vectors(self) -> Tensor:
        """Return the unit eigenvectors, shape (k, dimension)."""
        return self.coefficients.T.to(self.basis) @ self.basis


def largest_eigenpairs(
    product: Callable[[Tensor], Tensor],
    start: Tensor,
    k: int,
    *,
    tolerance: float = 1e-3,
    basis_bytes: int = 12 * 2**30,
    max_products: int | None = None,
    generator: torch.Generator | None = None,
    on_progress: Progress | None = None,
) -> RitzPairs:
    """Return the k largest algebraic eigenvalues of the symmetric operator `product` on vectors like `start`.

    Stops when every residual |A v - λ v| is at most `tolerance` times the largest absolute value among the k
    wanted (not the spectral norm: a far larger negative end would hide an unsettled top), or no larger than
    rounding, or after `max_products` (default 20 k + 1000) with `converged` false.
    Residuals come from the recurrence; they equal the recomputed ones up to rounding. At most `basis_bytes`
    hold the basis; when it is full, its best part is kept (thick restart). An exactly repeated eigenvalue may
    be found fewer times than it occurs unless the Krylov space is exhausted. `generator` (CPU) supplies
    directions where that happens. `on_progress(products, settled)` is told how many of the k pairs have
    settled. UsageError: k outside 1 to the dimension, or a budget below k + 5 vectors.
    """
    generator = generator or torch.Generator().manual_seed(0)
    search = _Search(start, k, _capacity(start, k, basis_bytes), generator)
    limit = 20 * k + 1000 if max_products is None else max(max_products, k)
    while True:
        search.step(product)
        if search.check_is_due(limit):
            settled = search.settled_pairs(tolerance)
            if on_progress is not None:
                on_progress(search.products, settled)
            if settled == k or search.products >= limit or search.complete:
                return search.result(converged=settled == k or search.complete)
        search.advance()


class _Search:
    """State of the iteration: an orthonormal basis, the operator projected on it, the next direction."""

    def __init__(self, start: Tensor, k: int, capacity: int, generator: torch.Generator) -> None:
        self.k, self.generator = k, generator
        self.products = self.restarts = self.size = 0
        self.basis = torch.empty(capacity, len(start), dtype=start.dtype, device=start.device)
        self.projected = torch.zeros(capacity, capacity, dtype=torch.float64)
        self.next = start / start.norm()
        self.next_norm = 0.0
        self.scale = 0.0
        self.exhausted_values: Tensor | None = None

    def step(self, product: Callable[[Tensor], Tensor]) -> None:
        """Add the next direction to the basis, and its image to the projected matrix."""
        self.basis[self.size] = self.next
        self.size += 1
        self.products += 1
        self.next, coefficients = self._orthogonalise(product(self.next))
        if not torch.isfinite(coefficients).all():
            raise RflibError(
                f"Lanczos: expected finite products, found NaN or infinity in product {self.products}. "
                "Check that the weights and the loss are finite."
            )
        self.next_norm = self.next.norm().item()
        self.projected[: self.size, self.size - 1] = coefficients
        self.scale = max(self.scale, coefficients.abs().max().item())

    def check_is_due(self, limit: int) -> bool:
        """Whether to look at the pairs now; at each step that would cost as much as a small product."""
        regular = self.size >= self.k and (self.size - self.k) % max(1, self.k // 10) == 0
        return regular or self.products >= limit or (self.size >= self.k and self._exhausted) or self.complete

    def settled_pairs(self, tolerance: float) -> int:
        """Number of the k pairs that meet the tolerance.

        Once the operator maps the basis into itself all residuals vanish, yet copies of repeated values may
        still be missing; a pair then counts if its value is the same as at an earlier such point, before a
        fresh direction.
        """
        values, coefficients = self._decomposition()
        bound = max(tolerance * float(values[: self.k].abs().max()), self._rounding)
        settled = self._residuals(coefficients) <= bound
        if self._exhausted and not self.complete:
            earlier, self.exhausted_values = self.exhausted_values, values[: self.k]
            settled &= earlier is not None and (values[: self.k] - earlier).abs() <= bound
        return int(settled.sum())

    def advance(self) -> None:
        """Make the next direction a unit vector, and room for it in the basis."""
        exhausted = self._exhausted
        if self.size == len(self.basis):
            self._restart()
        if exhausted:
            fresh = torch.randn(self.basis.shape[1], generator=self.generator, dtype=torch.float64)
            self.next = self._orthogonalise(fresh.to(self.basis))[0]
            self.next_norm = self.next.norm().item()
        self.next = self.next / self.next_norm

    def result(self, *, converged: bool) -> RitzPairs:
        """Return the pairs as they stand."""
        values, coefficients = self._decomposition()
        values, residuals, coefficients = (
            values[: self.k],
            self._residuals(coefficients),
            coefficients[:, : self.k],
        )
        basis = self.basis[: self.size]
        return RitzPairs(values, residuals, self.products, self.restarts, converged, basis, coefficients)

    @property
    def complete(self) -> bool:
        """Whether the basis spans the whole space, so that the values are exact."""
        return self.size == self.basis.shape[1]

    @property
    def _exhausted(self) -> bool:
        return self.next_norm <= self._rounding

    @property
    def _rounding(self) -> float:
        """Size of what cannot be told from zero beside the largest image seen."""
        return 16 * torch.finfo(self.basis.dtype).eps * self.scale

    def _decomposition(self) -> tuple[Tensor, Tensor]:
        """All Ritz values (size,), largest first, and their vectors' coefficients in the basis (size, size)."""
        values, coefficients = torch.linalg.eigh(self.projected[: self.size, : self.size], UPLO="U")
        return values.flip(0), coefficients.flip(1)

    def _residuals(self, coefficients: Tensor) -> Tensor:
        """Residual norms of the k largest pairs: only the last basis vector's image leaves the basis."""
        return self.next_norm * coefficients[-1, : self.k].abs()

    def _orthogonalise(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """Return `vector` without its part in the basis, and that part's coefficients (size,) in float64.

        Twice, because after one pass of classical Gram-Schmidt rounding leaves a part as large as
        cancellation made it, and ghost copies of converged eigenvalues grow from there.
        """
        basis = self.basis[: self.size]
        total = torch.zeros(self.size, dtype=torch.float64)
        for _ in range(2):
            coefficients = basis @ vector
            vector = torch.addmv(vector, basis.T, coefficients, alpha=-1)
            total += coefficients.cpu()
        return vector, total

    def _restart(self) -> None:
        """Shrink the basis to the wanted Ritz vectors and half of the spare room."""
        keep = self.k + (len(self.basis) - self.k) // 2
        values, coefficients = self._decomposition()
        rotation = coefficients[:, :keep].T.to(self.basis.device)
        for block in self.basis.split(COLUMN_BLOCK, dim=1):
            block[:keep] = (rotation @ block.double()).to(block.dtype)
        self.projected.zero_()
        self.projected[:keep, :keep] = values[:keep].diag()
        self.size = keep
        self.restarts += 1


def _capacity(start: Tensor, k: int, basis_bytes: int) -> int:
    """Number of basis vectors: as many as fit, but no more than the search can use well."""
    dimension = len(start)
    if not 1 <= k <= dimension:
        raise UsageError(f"eigenvalues: expected k from 1 to the {dimension} coordinates, found {k}.")
    fitting = basis_bytes // (dimension * start.element_size())
    needed = min(k + SPARE_VECTORS, dimension)
    if fitting < needed:
        raise UsageError(
            f"eigenvalues: expected room for at least {needed} vectors of {dimension} numbers "
            f"({needed * dimension * start.element_size()} bytes), found basis_bytes={basis_bytes}. "
            "Raise it or ask for fewer eigenvalues."
        )
    return min(dimension, fitting, 5 * k + 100)
