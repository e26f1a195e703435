"""The fingerprint sees every byte, shape and label; statistics agree with numpy's own; a choice is stratified."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from rflib.data import data_set
from rflib.data.data_set import channel_statistics, fingerprint_of, stratified_choice


def halves(seed: int = 0) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (10, 3, 4, 4), dtype=np.uint8)
    labels = np.arange(10)
    return (images[:7], labels[:7]), (images[7:], labels[7:])


def test_fingerprint_is_the_written_out_hash() -> None:
    train, test = halves()
    text = b""
    for images, labels in (train, test):
        text += str(images.shape).encode() + labels.astype("<i8").tobytes() + images.tobytes()
    assert fingerprint_of(train, test) == hashlib.sha256(text).hexdigest()[:16]


def test_fingerprint_sees_pixel_label_order_and_split() -> None:
    train, test = halves()
    pixel = train[0].copy()
    pixel[3, 1, 2, 2] ^= 1
    label = train[1].copy()
    label[6] = 0
    others = [
        ((pixel, train[1]), test),
        ((train[0], label), test),
        ((train[0][::-1], train[1][::-1]), test),
        (test, train),
        ((train[0].reshape(7, 3, 2, 8), train[1]), test),
    ]
    found = {fingerprint_of(train, test), *(fingerprint_of(*other) for other in others)}
    assert len(found) == 1 + len(others)


def test_fingerprint_does_not_depend_on_type_or_memory_layout() -> None:
    train, test = halves()
    others = [(np.asfortranarray(images), labels.astype(np.int32)) for images, labels in (train, test)]
    assert fingerprint_of(*others) == fingerprint_of(train, test)


@pytest.mark.parametrize("low", [0, 250])
def test_statistics_are_numpys(low: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_set, "CHUNK", 20)
    images = np.random.default_rng(1).integers(low, 256, (50, 3, 9, 9), dtype=np.uint8)
    mean, deviation = channel_statistics(images)
    pixels = images.astype(np.float64) / 255
    np.testing.assert_allclose(mean, pixels.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(deviation, pixels.std((0, 2, 3)), rtol=1e-10)


def test_a_constant_channel_has_spread_zero() -> None:
    assert channel_statistics(np.full((5, 3, 4, 4), 77, dtype=np.uint8))[1] == (0.0, 0.0, 0.0)


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
