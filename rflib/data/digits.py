"""The handwritten digits that scikit-learn ships: real images, nothing to download."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import numpy as np

from rflib.config.runs import NATIVE_SIDES
from rflib.data.data_set import Part, Source, stratified_choice
from rflib.data.decoding import resize_images
from rflib.errors import DataError

SIDE = NATIVE_SIDES["digits"]
TEST_IMAGES = 360


def digits_stamp() -> str:
    """Return what the images come from: the packages that ship and resize them."""
    try:
        return ", ".join(f"{package} {version(package)}" for package in ("scikit-learn", "pillow"))
    except PackageNotFoundError as error:
        raise DataError(
            f"data set 'digits' comes with scikit-learn and is resized by pillow, but {error.name} is not "
            f"installed; install it with: pip install {error.name}"
        ) from error


def read_digits(side: int = SIDE) -> Source:
    """Return the 1,797 digits, 8x8 pixels resized to `side`, in three equal channels.

    360 of them, chosen once and stratified, are the test images.
    """
    # Imported here: it takes a second, which is paid only when the cache is built.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    labels = np.asarray(bunch.target, dtype=np.int64)
    gray = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = resize_images(gray[:, None], side).repeat(3, axis=1)
    is_test = np.zeros(len(labels), dtype=bool)
    is_test[stratified_choice(labels, TEST_IMAGES, stream="digits/test")] = True

    def part(chosen: np.ndarray) -> Part:
        return Part(labels[chosen], lambda: iter([images[chosen]]))

    return Source(tuple("0123456789"), side, part(~is_test), part(is_test))
