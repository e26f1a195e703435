"""What is computed from the content of a data set: its fingerprint and its channel statistics."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from rflib.data.data_set import Images, Labels, PerChannel


class ContentDigest:
    """SHA-256 over the shapes, labels and pixel bytes of both halves, training first, fed piece by piece."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._digest = hashlib.sha256()

    def begin_part(self, shape: tuple[int, ...], labels: Labels) -> None:
        """Start a half of `shape` (n, 3, s, s) with its labels."""
        self._digest.update(repr(tuple(map(int, shape))).encode())
        self._digest.update(np.ascontiguousarray(labels, dtype="<i8").data)

    def add_pixels(self, images: Images) -> None:
        """Add the next images (m, 3, s, s)."""
        self._digest.update(np.ascontiguousarray(images).data)

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits."""
        return self._digest.hexdigest()[:16]


class ChannelStatistics:
    """Mean and population standard deviation of each channel, from exact integer sums."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._pixels = 0
        self._sums = np.zeros(3, dtype=np.int64)
        self._squares = np.zeros(3, dtype=np.int64)

    def add_pixels(self, images: Images) -> None:
        """Add the next images (m, 3, s, s)."""
        axes = (0, 2, 3)
        self._pixels += images[:, 0].size
        self._sums += images.sum(axis=axes, dtype=np.int64)
        self._squares += np.square(images, dtype=np.uint16).sum(axis=axes, dtype=np.int64)  # 255^2 fits 16 bits

    @property
    def mean(self) -> PerChannel:
        """The mean of each channel, pixels in [0, 1]."""
        red, green, blue = (total / self._pixels / 255 for total in self._sums.tolist())
        return red, green, blue

    @property
    def std(self) -> PerChannel:
        """The population standard deviation of each channel, pixels in [0, 1]."""
        # Python's integers: the difference of two large numbers is taken without rounding.
        pairs = zip(self._sums.tolist(), self._squares.tolist(), strict=True)
        spreads = (self._pixels * square - total**2 for total, square in pairs)
        red, green, blue = (math.sqrt(spread) / self._pixels / 255 for spread in spreads)
        return red, green, blue


def fingerprint_of(train: tuple[Images, Labels], test: tuple[Images, Labels]) -> str:
    """Return the fingerprint of two halves, each given as images (n, 3, s, s) and labels (n,)."""
    digest = ContentDigest()
    for images, labels in (train, test):
        digest.begin_part(images.shape, labels)
        digest.add_pixels(images)
    return digest.fingerprint
