"""Opening a data set by its settings: found, decoded once, described; no torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

import rflib
from rflib.config.runs import DataConfig
from rflib.data import cifar10, digits, folders, tiny_imagenet
from rflib.data.cache import cached, cached_fingerprint, source_stamp
from rflib.data.data_set import DataSet, Source, stratified_choice
from rflib.errors import DataError, UsageError, unknown

VARIABLE = "RFLIB_DATA"


@dataclass(frozen=True)
class Extent:
    """How much there is to compute on: images to train and to test on, and their side in pixels."""

    train_images: int
    test_images: int
    side_pixels: int


@dataclass(frozen=True)
class _Layout:
    """A data set on disk: its folder under the data root, what belongs there, its extent if that is known."""

    folder: str
    expected: str
    remedy: str
    native: Extent | None
    read: Callable[[Path, int | None], Source]


_LAYOUTS = {
    "cifar10": _Layout(
        cifar10.FOLDER,
        "the files data_batch_1 to data_batch_5 and test_batch of the Python archive",
        "`rflib download cifar10` fetches it; a copy with one folder per class is read as folder:NAME",
        Extent(train_images=50_000, test_images=10_000, side_pixels=cifar10.SIDE),
        cifar10.read_cifar10,
    ),
    "tiny-imagenet": _Layout(
        tiny_imagenet.FOLDER,
        "wnids.txt, train/WNID/images/*.JPEG, val/val_annotations.txt and val/images/*.JPEG",
        "`rflib download tiny-imagenet` fetches it",
        Extent(tiny_imagenet.TRAIN_IMAGES, tiny_imagenet.TEST_IMAGES, tiny_imagenet.SIDE),
        tiny_imagenet.read_tiny_imagenet,
    ),
}


@dataclass(frozen=True)
class _Found:
    """A data set that is there: how to read it, a stamp that changes with it, the folder that it is decoded into."""

    read: Callable[[], Source]
    stamp: str
    cache: Path

    def decoded(self, *, verify: bool = False) -> DataSet:
        return cached(self.cache, self.read, stamp=self.stamp, verify=verify)


def default_data_root() -> Path:
    """Return the folder of the data sets: RFLIB_DATA, or `data` beside the package."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else Path(rflib.__file__).parents[1] / "data"


def open_data_set(
    config: DataConfig, *, cache_root: Path, data_root: Path | None = None, verify: bool = False
) -> DataSet:
    """Return the data set that `config` names, decoded into `cache_root`/NAME-SIZE if that was not done yet.

    All but `digits` are looked for under `data_root` (None: RFLIB_DATA, or `data` beside the package). With
    `verify` the cached bytes are compared with the fingerprint. UsageError for an unknown name, DataError
    when the data set is missing, damaged, or has another fingerprint than `config` asks for.
    """
    decoded = _found(config, cache_root, data_root).decoded(verify=verify)
    if config.fingerprint not in ("", decoded.fingerprint):
        raise DataError(
            f"data set '{config.name}' has fingerprint {decoded.fingerprint}, expected {config.fingerprint}: "
            "its images or labels are not those used before; restore them, or start without a fingerprint"
        )
    return _with_validation(config, decoded)


def fingerprint(config: DataConfig, *, cache_root: Path, data_root: Path | None = None) -> str:
    """Return the fingerprint of a data set, quickly once it is decoded; errors as `open_data_set`."""
    found = _found(config, cache_root, data_root)
    return cached_fingerprint(found.cache, stamp=found.stamp) or found.decoded().fingerprint


def extent(config: DataConfig, *, cache_root: Path, data_root: Path | None = None) -> Extent:
    """Return the extent of a data set; the published ones need not be there. Other errors as `open_data_set`."""
    native = None if config.name == "digits" else _layout(config.name).native
    if native is None:
        data = open_data_set(config, cache_root=cache_root, data_root=data_root)
        return Extent(len(data.train_labels), len(data.test_labels), data.image_size)
    validation = round(config.validation_share * native.train_images)
    return Extent(native.train_images - validation, native.test_images, config.image_size or native.side_pixels)


def _found(config: DataConfig, cache_root: Path, data_root: Path | None) -> _Found:
    read: Callable[[], Source]
    if config.name == "digits":
        side, stamp = digits.SIDE, digits.digits_stamp()
        read = partial(digits.read_digits, config.image_size or side)
    else:
        layout, folder = _located(config, data_root)
        side, stamp = layout.native.side_pixels if layout.native else 0, source_stamp(folder)
        read = partial(layout.read, folder, config.image_size)
    size = config.image_size or side or "native"
    return _Found(read, stamp, cache_root / f"{config.name.replace(':', '-')}-{size}")


def _located(config: DataConfig, data_root: Path | None) -> tuple[_Layout, Path]:
    """Return the layout of a data set and the folder it lies in; DataError where there is none."""
    layout = _layout(config.name)
    folder = (data_root or default_data_root()) / layout.folder
    if not folder.is_dir():
        named = f"{VARIABLE}={os.environ[VARIABLE]}" if os.environ.get(VARIABLE) else f"{VARIABLE} is not set"
        raise DataError(
            f"data set '{config.name}' not found: looked for the folder {folder} ({named}), expected in it "
            f"{layout.expected}. Set {VARIABLE} to the folder that holds {layout.folder}/; {layout.remedy}"
        )
    return layout, folder


def _layout(name: str) -> _Layout:
    if name in _LAYOUTS:
        return _LAYOUTS[name]
    kind, _, folder = name.partition(":")
    if kind == "tiny-imagenet":
        return _first_classes(name, folder)
    if kind != "folder":
        raise unknown("data set", name, ["digits", *_LAYOUTS, "tiny-imagenet:CLASSES", "folder:NAME"])
    if not folder or folder.startswith(".") or Path(folder).name != folder:
        raise UsageError(
            f"unknown data set '{name}': expected folder:NAME with the name of one folder under {VARIABLE}, "
            f"such as folder:flowers; found '{folder}'"
        )
    return _Layout(folder, folders.EXPECTED, "or create it with your images", None, folders.read_folder)


def _first_classes(name: str, count: str) -> _Layout:
    """Return the layout of the first classes of Tiny ImageNet."""
    whole = _LAYOUTS["tiny-imagenet"]
    if not count.isdecimal() or not 2 <= int(count) <= tiny_imagenet.CLASSES:
        raise UsageError(
            f"unknown data set '{name}': expected tiny-imagenet:CLASSES with the number of its first classes to keep, "
            f"2 to {tiny_imagenet.CLASSES}, such as tiny-imagenet:10; found '{count}'"
        )
    images, test_images = (
        total // tiny_imagenet.CLASSES * int(count) for total in (tiny_imagenet.TRAIN_IMAGES, tiny_imagenet.TEST_IMAGES)
    )
    read = partial(tiny_imagenet.read_tiny_imagenet, classes_kept=int(count))
    return replace(whole, native=Extent(images, test_images, tiny_imagenet.SIDE), read=read)


def _with_validation(config: DataConfig, decoded: DataSet) -> DataSet:
    """Name the data set and take the validation images out: a function of name, labels and share."""
    images, labels = decoded.train_images, decoded.train_labels
    count = round(config.validation_share * len(labels))
    if config.validation_share and not 0 < count < len(labels):
        raise UsageError(
            f"validation_share {config.validation_share} of {len(labels)} training images is {count} images, "
            "expected at least one for validation and one for training; choose another share"
        )
    if not count:
        # Selecting copies, so a data set that is used whole stays memory-mapped.
        return replace(decoded, name=config.name)
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[stratified_choice(labels, count, stream=f"{config.name}/validation")] = True
    return replace(
        decoded,
        name=config.name,
        train_images=images[~chosen],
        train_labels=labels[~chosen],
        validation_images=images[chosen],
        validation_labels=labels[chosen],
    )
