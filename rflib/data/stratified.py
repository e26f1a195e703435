"""A stratified choice of images that is the same for ever."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rflib.data.data_set import Labels
from rflib.seeding import stream_seed


def stratified_choice(labels: Labels, count: int, *, stream: str) -> NDArray[np.int64]:
    """Return the sorted indices of `count` of the labels (n,), each class in proportion (largest remainder).

    The choice is a pure function of its arguments; `stream` names the random numbers it draws on.
    """
    # RandomState and not Generator: numpy froze its streams for all versions to come.
    random = np.random.RandomState(stream_seed(0, "stratified", stream) % 2**32)
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    quotas = _proportional([len(group) for group in groups], count)
    chosen = [random.permutation(group)[:quota] for group, quota in zip(groups, quotas, strict=True)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def _proportional(sizes: list[int], count: int) -> list[int]:
    """Share `count` out in proportion to `sizes`; what rounding leaves goes to the largest remainders."""
    total = sum(sizes)
    quotas = [size * count // total for size in sizes]
    by_remainder = sorted(range(len(sizes)), key=lambda index: (-(sizes[index] * count % total), index))
    for index in by_remainder[: count - sum(quotas)]:
        quotas[index] += 1
    return quotas
