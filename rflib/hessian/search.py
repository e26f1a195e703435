"""The state of a Lanczos search and its steps: extend the basis, look at the pairs, restart, go on elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rflib.errors import RflibError, UsageError
from rflib.hessian.basis import Basis


@dataclass(frozen=True)
class RitzPairs:
    """Approximate eigenpairs: `values` and `residuals` (k,) float64, largest value first.

    Example:
        >>> diagonal = torch.tensor([5.0, 3.0, 1.0, -2.0])
        >>> pairs = rflib.hessian.largest_eigenpairs(lambda vector: diagonal * vector, torch.ones(4), k=1)
        >>> pairs.converged, pairs.vectors().abs().round(decimals=3).tolist()
        (True, [[1.0, 0.0, 0.0, 0.0]])
    """

    values: Tensor
    residuals: Tensor
    products: int
    restarts: int
    converged: bool
    basis: Basis
    coefficients: Tensor

    def vectors(self) -> Tensor:
        """Return the unit eigenvectors, shape (k, dimension)."""
        return self.basis.combine(self.coefficients)


@dataclass(frozen=True)
class SearchState:
    """Where a search stands between two products; with the same operator it goes on from there bit for bit.

    `rows` yields the vectors of the basis, as stored. Those of a running search are views that its next step
    overwrites, so write or copy them before returning from `on_state`. When resuming they are read once, one
    after the other, so that a generator can give back the memory of each.

    Example:
        >>> states, diagonal = [], torch.tensor([5.0, 3.0, 1.0, -2.0])
        >>> arguments = (lambda vector: diagonal * vector, torch.ones(4), 1)
        >>> pairs = rflib.hessian.largest_eigenpairs(*arguments, max_products=2, on_state=states.append)
        >>> pairs = rflib.hessian.largest_eigenpairs(*arguments, resume=states[-1])
        >>> pairs.products, round(float(pairs.values[0]), 4)
        (4, 5.0)
    """

    rows: Iterable[Tensor]
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, float]


class Search:
    """State of the iteration: an orthonormal basis, the operator projected on it, the next direction.

    `coupling` (size,) is the part of the next image that is known beforehand: the operator is symmetric, so it
    is what earlier images had along the next direction. `lost` (size,) is the length of what the image of each
    vector lost when the direction that it led to was stored.
    """

    _TENSORS = ("next", "projected", "coupling", "lost", "watched", "exhausted_values")
    _NUMBERS = ("k", "capacity", "products", "restarts", "next_norm", "scale", "watched_since")

    def __init__(self, start: Tensor, k: int, basis: Basis, generator: torch.Generator) -> None:
        self.k, self.basis, self.generator = k, basis, generator
        self.capacity = basis.capacity
        self.products = self.restarts = self.watched_since = 0
        self.projected = torch.zeros(0, 0, dtype=torch.float64)
        self.coupling = self.lost = self.watched = self.exhausted_values = torch.zeros(0, dtype=torch.float64)
        self.next = start / _norm(start)
        self.next_norm = self.scale = 0.0
        self.confirmed = False

    def state(self) -> SearchState:
        """Return the state; its tensors are this search's own."""
        tensors = {name: getattr(self, name) for name in self._TENSORS} | {"generator": self.generator.get_state()}
        return SearchState(self.basis.rows, tensors, {name: getattr(self, name) for name in self._NUMBERS})

    def restore(self, state: SearchState) -> None:
        """Take up the state of a search with the same settings."""
        expected = {"k": self.k, "capacity": self.capacity, "dimension": self.basis.dimension}
        complete = {*self._TENSORS, "generator"} <= state.tensors.keys() and {*self._NUMBERS} <= state.numbers.keys()
        found = {**state.numbers, "dimension": len(state.tensors.get("next", ()))}
        if any(found.get(name) != value for name, value in expected.items()) or not complete:
            raise UsageError(
                f"eigenvalues: expected the state of a search with {expected}, found {found}. "
                "Resume with the settings it was begun with, or begin anew."
            )
        for name in self._TENSORS:
            setattr(self, name, state.tensors[name].to(getattr(self, name).device))
        for name in self._NUMBERS:
            setattr(self, name, type(getattr(self, name))(state.numbers[name]))
        self.generator.set_state(state.tensors["generator"])
        for row in state.rows:
            self.basis.append_row(row)

    @property
    def size(self) -> int:
        """Number of vectors in the basis."""
        return self.basis.size

    def step(self, product: Callable[[Tensor], Tensor]) -> None:
        """Add the next direction to the basis, and its image to the projected matrix."""
        vector = self.basis.append(self.next)
        self.lost = torch.cat([self.lost.hypot(self.coupling * _norm(vector - self.next)), self.lost.new_zeros(1)])
        self.products += 1
        self.next, coefficients = self._orthogonalise(product(vector), vector)
        if not torch.isfinite(coefficients).all():
            raise RflibError(
                f"Lanczos: expected finite products, found NaN or infinity in product {self.products}. "
                "Check that the weights and the loss are finite."
            )
        self.next_norm = _norm(self.next)
        self.projected = torch.nn.functional.pad(self.projected, (0, 1, 0, 1))
        self.projected[:, -1] = self.projected[-1] = coefficients
        self.scale = max(self.scale, coefficients.abs().max().item())
        self.coupling = torch.zeros_like(coefficients)
        self.coupling[-1] = self.next_norm

    def check_is_due(self, limit: int) -> bool:
        """Whether to look at the pairs now; at each step that would cost as much as a small product."""
        if self.size < self.k:
            return False
        regular = self.products % max(1, self.k // 10) == 0
        watch_ends = self.watched_since > 0 and self.products >= self.watched_since + self._watch
        return regular or watch_ends or self.products >= limit or self._exhausted or self.complete

    def settled_pairs(self, tolerance: float) -> int:
        """Number of the k pairs that meet the tolerance; also looks whether they have done so for long enough.

        Once the operator maps the basis into itself all residuals vanish, yet copies of repeated values may
        still be missing; a pair then counts if its value is the same as at an earlier such point, before a
        fresh direction.
        """
        values, coefficients = self._decomposition()
        values = values[: self.k]
        bound = max(tolerance * float(values.abs().max()), self._rounding)
        settled = self._residuals(coefficients) <= bound
        if self._exhausted and not self.complete:
            settled &= _same(self.exhausted_values, values, bound)
            self.exhausted_values = values
        if not settled.all():
            self.watched_since = 0
        elif not self.watched_since or not _same(self.watched, values, bound).all():
            self.watched_since, self.watched = self.products, values
        self.confirmed = self.watched_since > 0 and self.products >= self.watched_since + self._watch
        return int(settled.sum())

    def advance(self) -> None:
        """Make the next direction a unit vector, and room for it in the basis."""
        exhausted = self._exhausted
        if self.size == self.capacity:
            self._restart()
        if exhausted:
            fresh = torch.randn(self.basis.dimension, generator=self.generator, dtype=torch.float64)
            self.coupling = torch.zeros_like(self.coupling)
            self.next = self._remove_basis(fresh.to(self.next))[0]
            self.next_norm = _norm(self.next)
        self.next = self.next / self.next_norm

    def result(self, *, converged: bool) -> RitzPairs:
        """Return the pairs as they stand."""
        values, coefficients = self._decomposition()
        residuals, wanted = self._residuals(coefficients), coefficients[:, : self.k]
        return RitzPairs(values[: self.k], residuals, self.products, self.restarts, converged, self.basis, wanted)

    @property
    def complete(self) -> bool:
        """Whether the basis spans the whole space, so that the values are exact."""
        return self.size == self.basis.dimension

    @property
    def _watch(self) -> int:
        """Products for which settled pairs must stay the same."""
        return 5 + self.k // 9

    @property
    def _exhausted(self) -> bool:
        return self.next_norm <= self._rounding

    @property
    def _rounding(self) -> float:
        """Size of what cannot be told from zero beside the largest image seen."""
        return 16 * torch.finfo(self.next.dtype).eps * self.scale

    def _decomposition(self) -> tuple[Tensor, Tensor]:
        """All Ritz values (size,), largest first, and their vectors' coefficients in the basis (size, size)."""
        values, coefficients = torch.linalg.eigh(self.projected)
        return values.flip(0), coefficients.flip(1)

    def _residuals(self, coefficients: Tensor) -> Tensor:
        """Residual norms of the k largest pairs: the last vector's image leaves the basis, roundings add to it."""
        leaving = self.next_norm * coefficients[-1, : self.k].abs()
        return leaving.hypot(self._lost_by(coefficients[:, : self.k]))

    def _lost_by(self, coefficients: Tensor) -> Tensor:
        """Return the length (n,) of what the images of combinations lost, the losses being independent."""
        return (self.lost.square() @ coefficients.square()).sqrt()

    def _orthogonalise(self, image: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
        """Return the part of `image` outside the basis, and the coefficients (size,) in float64 of the rest.

        Nearly all of it is the coupling and the part along the last vector; taken off first, they leave what
        rounding made, so that one sweep over the basis removes it to rounding. Left alone, ghost copies of
        converged eigenvalues grow from there.
        """
        known = torch.cat([self.coupling, torch.zeros(1, dtype=torch.float64)])
        nonzero = known.nonzero().squeeze(1).tolist()
        if len(nonzero) == 1:  # always, but for the step after a restart
            rest = torch.sub(image, self.basis[nonzero[0]], alpha=known[nonzero[0]].item())
        else:
            rest = self.basis.subtract_(image.clone(), known)
        known[-1] = (vector @ rest).item()
        rest, rounding = self._remove_basis(rest.sub_(vector, alpha=known[-1].item()))
        return rest, known + rounding

    def _remove_basis(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """Gram-Schmidt against the whole basis, repeated while it takes off most: cancellation leaves a rest."""
        total = torch.zeros(self.size, dtype=torch.float64)
        for _ in range(3):
            before = _norm(vector)
            coefficients = self.basis.coefficients(vector)
            vector = self.basis.subtract_(vector, coefficients)
            total += coefficients
            if _norm(vector) > before / 2:
                break
        return vector, total

    def _restart(self) -> None:
        """Shrink the basis to the wanted Ritz vectors and half of the spare room."""
        keep = self.k + (self.capacity - self.k) // 2
        values, coefficients = self._decomposition()
        values, coefficients = values[:keep], coefficients[:, :keep]
        rounding = self.basis.rotate(coefficients)
        self.lost = self._lost_by(coefficients).hypot(values * rounding)
        self.coupling = self.next_norm * coefficients[-1]
        self.projected = values.diag()
        self.restarts += 1


def _same(earlier: Tensor, values: Tensor, bound: float) -> Tensor:
    """Whether each value is where it was; nothing is where there was no earlier one."""
    if len(earlier) != len(values):
        return torch.zeros_like(values, dtype=torch.bool)
    return (values - earlier).abs() <= bound


def _norm(vector: Tensor) -> float:
    """Return the length of a vector, summed in float64: in float32, millions of terms leave four digits."""
    return float(torch.linalg.vector_norm(vector, dtype=torch.float64))
