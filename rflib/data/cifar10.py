"""CIFAR-10 in the layout its authors publish: Python pickles, read without trusting them."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rflib.config.runs import NATIVE_SIDES
from rflib.data.data_set import Images, Labels, Part, Source
from rflib.data.decoding import resize_images
from rflib.errors import DataError

FOLDER = "cifar-10-batches-py"
SIDE = NATIVE_SIDES["cifar10"]
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# The checksums that torchvision publishes for these files.
TRAIN_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
TEST_MD5 = {"test_batch": "40351d587109b95175f43aff81a1287e"}

# All that a pickled array names; the old module path is the one in the published files.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that can build containers, numbers, strings and numpy arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the three allowed objects; anything else could run code."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def read_cifar10(folder: Path, image_size: int | None) -> Source:
    """Return CIFAR-10 from `folder`, resized from 32 pixels where `image_size` says so.

    The published MD5 sum of every file is checked before it is unpickled; DataError names a file that fails.
    """
    side = image_size or SIDE
    return Source(CLASS_NAMES, side, _part(folder, TRAIN_MD5, side), _part(folder, TEST_MD5, side))


def _part(folder: Path, checksums: dict[str, str], side: int) -> Part:
    batches = [_read_batch(folder / name, checksum) for name, checksum in checksums.items()]

    def chunks() -> Iterator[Images]:
        for images, _ in batches:
            yield images if side == SIDE else resize_images(images, side)

    return Part(np.concatenate([labels for _, labels in batches]), chunks)


def _read_batch(path: Path, checksum: str) -> tuple[Images, Labels]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}); unpack the CIFAR-10 Python archive again") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != checksum:
        raise DataError(
            f"{path} is not the published CIFAR-10 file: expected MD5 {checksum}, found {found}; it was not "
            "unpickled. Remove it and unpack the archive again"
        )
    return _arrays(path, content)


def _arrays(path: Path, content: bytes) -> tuple[Images, Labels]:
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
        pixels, labels = batch["data"], np.asarray(batch["labels"], dtype=np.int64)
        if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3 * SIDE * SIDE):
            raise ValueError(f"its pixels are {pixels.dtype} {pixels.shape} for {len(labels)} labels")
    # Whatever a malformed pickle provokes, it is the file that is at fault.
    except Exception as error:
        raise DataError(
            f"{path} does not hold a CIFAR-10 batch (uint8 pixels (n, 3072) and n labels): {error}; unpack "
            "the archive again"
        ) from error
    return pixels.reshape(-1, 3, SIDE, SIDE), labels
