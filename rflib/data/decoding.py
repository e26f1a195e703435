"""Image files and arrays brought to one side length, decoded in parallel."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rflib.data.data_set import Images, Part
from rflib.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg")

# What Pillow raises on damaged files, depending on the format and on where the damage is.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
_CHUNK_BYTES = 2**24
_IMAGES_PER_TASK = 64


def native_side(path: Path) -> int:
    """Return the side in pixels of a square image file; DataError if it is damaged or not square."""
    with _open(path) as image:
        width, height = image.size
    if width != height:
        raise DataError(
            f"{path} is {width}x{height} pixels, expected a square image; set image_size to cut all images "
            "to their centre square and resize them"
        )
    return width


def part_of(files: Mapping[Path, int], side: int, *, resize: bool) -> Part:
    """Return the part of a source whose images are `files`, each with its label; see `decode_files`."""
    return Part(np.array([*files.values()], dtype=np.int64), lambda: decode_files([*files], side, resize=resize))


def decode_files(paths: Sequence[Path], side: int, *, resize: bool) -> Iterator[Images]:
    """Yield the images of PNG and JPEG files in order, as chunks (m, 3, side, side); gray becomes RGB.

    With `resize` every image is cut to its centre square and resized, bilinear. DataError names the first
    file that is damaged or, otherwise, of another size. Threads help: Pillow releases the interpreter's lock.
    """
    chunk = max(1, _CHUNK_BYTES // (3 * side * side))
    with ThreadPool(min(32, os.cpu_count() or 1)) as pool:
        for start in range(0, len(paths), chunk):
            part = paths[start : start + chunk]
            yield np.stack(list(pool.imap(partial(_decode, side=side, resize=resize), part, _IMAGES_PER_TASK)))


def resize_images(images: Images, side: int) -> Images:
    """Return images (n, c, h, w) resized to (n, c, side, side), bilinear as for files."""
    planes = images.reshape(-1, *images.shape[2:])
    resized = [np.asarray(_resize(Image.fromarray(plane), side)) for plane in planes]
    return np.stack(resized).reshape(*images.shape[:2], side, side)


def _decode(path: Path, *, side: int, resize: bool) -> Images:
    with _open(path) as image:
        if not resize and image.size != (side, side):
            raise DataError(
                f"{path} is {image.width}x{image.height} pixels, expected {side}x{side} as in the first "
                "training image; set image_size to resize all images to one side"
            )
        try:
            return np.asarray(_resize(image.convert("RGB"), side)).transpose(2, 0, 1)
        except _DAMAGE as error:
            raise _damaged(path, error) from error


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=("PNG", "JPEG"))
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be decoded, expected an intact PNG or JPEG image ({error}); replace or remove it")


def _resize(image: Image.Image, side: int) -> Image.Image:
    if image.size == (side, side):
        return image
    return ImageOps.fit(image, (side, side), method=Image.Resampling.BILINEAR)
