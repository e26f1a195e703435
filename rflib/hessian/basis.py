"""Orthonormal vectors in memory, in their own precision or in half of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Columns that a sweep takes at a time. Inner products are summed in float64 between blocks: a float32 sum over
# millions of terms on a CPU keeps only four digits, and the vectors would no longer be orthogonal. Blocks stay in
# the cache there; a GPU sums in a tree, and each block costs it a launch.
COLUMN_BLOCK = {"cpu": 2**13, "cuda": 2**18}


class Basis:
    """Up to `capacity` orthonormal vectors like `like`, stored as `dtype`.

    In float16 the entries are scaled by the square root of the dimension, so that a typical one is near 1 and
    none overflows, and a stored row stands for the unit vector along it. That vector is about 2e-4 away from
    the one that was given, in a random direction, which hardly disturbs orthogonality (two roundings of a
    million numbers have an inner product near 1e-7) nor the values, which depend on its square; but it limits
    how small residuals can become.
    """

    def __init__(self, capacity: int, like: Tensor, dtype: torch.dtype) -> None:
        self._rows = torch.empty(capacity, len(like), dtype=dtype, device=like.device)
        self._scales = torch.ones(capacity, dtype=torch.float64)
        self._like = like.new_empty(0)
        self.size = 0

    @property
    def capacity(self) -> int:
        """Number of vectors that fit."""
        return len(self._rows)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._rows.shape[1]

    @property
    def rows(self) -> Tensor:
        """The stored numbers (size, dimension): a view, which `append` extends and `rotate` overwrites."""
        return self._rows[: self.size]

    def append(self, vector: Tensor) -> Tensor:
        """Add a unit vector and return it as stored."""
        self.append_row(vector * math.sqrt(self.dimension) if self._is_half else vector)
        return self[self.size - 1]

    def append_row(self, row: Tensor) -> None:
        """Add what `rows` of another basis of this kind gave."""
        self._rows[self.size] = row
        self._set_scale(self.size)
        self.size += 1

    def __getitem__(self, index: int) -> Tensor:
        """Return one vector."""
        row = self._rows[index]
        return row.to(self._like.dtype) * self._scales[index].item() if self._is_half else row

    def coefficients(self, vector: Tensor) -> Tensor:
        """Return the inner products (size,) with `vector`, in float64 on the CPU."""
        total = torch.zeros(self.size, dtype=torch.float64, device=vector.device)
        for rows, part in zip(self._column_blocks(), vector.split(self._block), strict=True):
            total += rows.to(part.dtype) @ part
        return total.cpu() * self._scales[: self.size]

    def subtract_(self, vector: Tensor, coefficients: Tensor) -> Tensor:
        """Take the combination with `coefficients` (size,) off `vector`, in place."""
        weights = (coefficients * self._scales[: self.size]).to(vector)
        for rows, part in zip(self._column_blocks(), vector.split(self._block), strict=True):
            part.addmv_(rows.to(part.dtype).T, weights, alpha=-1)
        return vector

    def combine(self, coefficients: Tensor) -> Tensor:
        """Return the combinations (n, dimension) with the columns of `coefficients` (size, n)."""
        weights = (coefficients.T * self._scales[: self.size]).to(self._like)
        return torch.cat([weights @ rows.to(weights.dtype) for rows in self._column_blocks()], dim=1)

    def rotate(self, coefficients: Tensor) -> Tensor:
        """Replace the vectors by their combinations with the columns of `coefficients` (size, n).

        Returns the length (n,) of what each of them lost to rounding, in float64 on the CPU.
        """
        factor = math.sqrt(self.dimension) if self._is_half else 1.0
        weights = (coefficients.T * self._scales[: self.size] * factor).to(self._rows.device)
        lost = weights.new_zeros(len(weights))
        for rows in self._column_blocks():
            exact = weights @ rows.double()
            rows[: len(weights)] = exact.to(rows.dtype)
            lost += (exact - rows[: len(weights)].double()).square().sum(dim=1)
        self.size = len(weights)
        for index in range(self.size):
            self._set_scale(index)
        return lost.sqrt().cpu() / factor

    def _set_scale(self, index: int) -> None:
        if self._is_half:
            self._scales[index] = 1 / torch.linalg.vector_norm(self._rows[index], dtype=torch.float64).cpu()

    @property
    def _block(self) -> int:
        return COLUMN_BLOCK.get(self._rows.device.type, COLUMN_BLOCK["cuda"])

    @property
    def _is_half(self) -> bool:
        return self._rows.dtype != self._like.dtype

    def _column_blocks(self) -> tuple[Tensor, ...]:
        return self.rows.split(self._block, dim=1)
