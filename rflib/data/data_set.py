"""The value that every data set becomes, and the source that every layout is read into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rflib.config import DataFacts

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
PerChannel = tuple[float, float, float]


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
class Decoded:
    """A source decoded: images (n, 3, s, s) and labels (n,) of both halves, and what describes them."""

    class_names: tuple[str, ...]
    train: tuple[Images, Labels]
    test: tuple[Images, Labels]
    fingerprint: str
    mean: PerChannel
    std: PerChannel


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
