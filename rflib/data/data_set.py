"""The value that every data set becomes, what describes its content, and the source that every layout is read into."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rflib.config import DataFacts
from rflib.seeding import stream_seed

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
PerChannel = tuple[float, float, float]
# Images summed at a time, so that the sums of a memory-mapped part need little memory.
CHUNK = 2**12


@dataclass(frozen=True)
class Part:
    """The training or the test half of a source.

    `labels` has shape (n,); `chunks` starts a pass over the n images in order, as arrays (m, 3, s, s).
    """

    labels: Labels
    chunks: Callable[[], Iterator[Images]]


@dataclass(frozen=True)
class Source:
    """A data set as its layout holds it: images of side `image_size` pixels, not yet decoded."""

    class_names: tuple[str, ...]
    image_size: int
    train: Part
    test: Part


@dataclass(frozen=True, eq=False)
class DataSet:
    """Decoded images (n, 3, s, s) with labels (n,), and what describes their content.

    The validation images are a stratified part taken out of the training images; there are none unless a
    share was asked for. `mean` and `std` (population) describe both together, with pixels in [0, 1],
    `fingerprint` the whole content: neither depends on the validation share.
    """

    name: str
    class_names: tuple[str, ...]
    train_images: Images
    train_labels: Labels
    validation_images: Images
    validation_labels: Labels
    test_images: Images
    test_labels: Labels
    fingerprint: str
    mean: PerChannel
    std: PerChannel

    @property
    def image_size(self) -> int:
        """The side of the images in pixels."""
        return int(self.train_images.shape[-1])

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    def facts(self) -> DataFacts:
        """Return what describes this data set without its images; a validation part counts as training images."""
        return DataFacts(
            name=self.name,
            fingerprint=self.fingerprint,
            train_images=len(self.train_labels) + len(self.validation_labels),
            test_images=len(self.test_labels),
            classes=self.classes,
            side_pixels=self.image_size,
            mean=self.mean,
            deviation=self.std,
        )


def fingerprint_of(train: tuple[Images, Labels], test: tuple[Images, Labels]) -> str:
    """Return 16 hexadecimal digits of two halves, each given as images (n, 3, s, s) and labels (n,).

    They are the first of SHA-256 over the shapes, labels and pixel bytes.
    """
    digest = hashlib.sha256()
    for images, labels in (train, test):
        digest.update(repr(images.shape).encode())
        digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
        digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()[:16]


def channel_statistics(images: Images) -> tuple[PerChannel, PerChannel]:
    """Return mean and population standard deviation of each channel, pixels in [0, 1], from exact integer sums."""
    sums, squares = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        sums += chunk.sum(axis=(0, 2, 3), dtype=np.int64)
        squares += np.square(chunk, dtype=np.uint16).sum(axis=(0, 2, 3), dtype=np.int64)  # 255^2 fits 16 bits
    pixels = images[:, 0].size
    red, green, blue = (
        # Python's integers: the difference of two large numbers is taken without rounding.
        (total / pixels / 255, math.sqrt(pixels * square - total**2) / pixels / 255)
        for total, square in zip(sums.tolist(), squares.tolist(), strict=True)
    )
    return (red[0], green[0], blue[0]), (red[1], green[1], blue[1])


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
