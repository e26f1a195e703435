"""Tiny data sets of real files in the layouts that rflib.data reads."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rflib.data import cifar10


def random_image(seed: int, side: int | tuple[int, int] = 8) -> Image.Image:
    height, width = (side, side) if isinstance(side, int) else side
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def save_image() -> Callable[..., Path]:
    """Write a random image of a side, or (height, width), to a path; the suffix decides the format."""

    def save(path: Path, seed: int = 0, side: int | tuple[int, int] = 8) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        random_image(seed, side).save(path)
        return path

    return save


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    return root


@pytest.fixture
def cache_root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def pets(data_root: Path, save_image: Callable[..., Path]) -> Path:
    """`folder:pets`: two classes, 10 + 5 training and 2 + 2 test images of 8x8 pixels, PNG and JPEG."""
    folder = data_root / "pets"
    for name, train, suffix in (("cat", 10, "png"), ("dog", 5, "JPG")):
        for index in range(train + 2):
            half = "train" if index < train else "test"
            save_image(folder / half / name / f"{index:02}.{suffix}", seed=index + 100 * (name == "dog"))
    return folder


@pytest.fixture
def tiny_imagenet(data_root: Path, save_image: Callable[..., Path]) -> Path:
    """Two classes, out of alphabetical order, with 3 training images each and 3 test images of 64 pixels."""
    folder = data_root / "tiny-imagenet-200"
    classes = ["n02", "n01"]
    for name in classes:
        for index in range(3):
            save_image(folder / "train" / name / "images" / f"{name}_{index}.JPEG", seed=index, side=64)
    for index in range(3):
        save_image(folder / "val" / "images" / f"val_{index}.JPEG", seed=10 + index, side=64)
    (folder / "wnids.txt").write_text("\n".join(classes) + "\n")
    lines = [f"val_{index}.JPEG\t{name}\t0\t0\t9\t9" for index, name in enumerate(("n01", "n02", "n01"))]
    (folder / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def write_batch() -> Callable[[Path, object], str]:
    """Pickle an object under the module names of the published files; return the MD5 sum of the file."""

    def write(path: Path, batch: object) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = pickle.dumps(batch, protocol=3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        path.write_bytes(content)
        return hashlib.md5(content).hexdigest()

    return write


@pytest.fixture
def cifar_batches(
    data_root: Path, write_batch: Callable[[Path, object], str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, dict[str, object]]:
    """CIFAR-10's six files with 4 images each, whose checksums count as published; return what they hold."""
    random = np.random.default_rng(0)
    contents: dict[str, dict[str, object]] = {}
    for table in (cifar10.TRAIN_MD5, cifar10.TEST_MD5):
        for name in table:
            pixels = random.integers(0, 256, (4, 3072), dtype=np.uint8)
            contents[name] = {"data": pixels, "labels": random.integers(0, 10, 4).tolist()}
            checksum = write_batch(data_root / cifar10.FOLDER / name, contents[name])
            monkeypatch.setitem(table, name, checksum)
    return contents
