"""A stratified choice has the exact count, each class in proportion, and never changes."""

from __future__ import annotations

import numpy as np
import pytest

from rflib.data.data_set import stratified_choice

LABELS = np.repeat([0, 1, 2], [50, 30, 21])


@pytest.mark.parametrize("count", [1, 10, 33, 101])
def test_count_and_proportions(count: int) -> None:
    chosen = stratified_choice(LABELS, count, stream="a")
    assert len(np.unique(chosen)) == count
    per_class = np.bincount(LABELS[chosen], minlength=3)
    exact = count * np.array([50, 30, 21]) / 101
    assert np.all(np.abs(per_class - exact) < 1)


def test_the_remainder_goes_to_the_largest_fraction() -> None:
    # 10 of 101: 4.95, 2.97 and 2.08, so the classes with .95 and .97 are rounded up.
    chosen = stratified_choice(LABELS, 10, stream="a")
    assert np.bincount(LABELS[chosen]).tolist() == [5, 3, 2]


def test_the_choice_is_pinned_and_depends_on_the_stream() -> None:
    labels = np.arange(20) % 2
    first, second = (stratified_choice(labels, 6, stream=stream).tolist() for stream in ("a", "b"))
    assert first == [4, 10, 11, 13, 16, 17]
    assert first != second


def test_the_global_state_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()
    stratified_choice(LABELS, 10, stream="a")
    assert np.array_equal(np.random.get_state()[1], before)
