"""The files of one decoded data set: four arrays and the manifest that vouches for them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

import numpy as np

from rflib.config.settings import canonical_json, identity
from rflib.data.content import ChannelStatistics, ContentDigest, fingerprint_of
from rflib.data.data_set import Decoded, Images, Labels, Part, Source

_MANIFEST = "manifest.json"
# Raised when the files change their meaning; older ones are then rebuilt.
_FORMAT = 1


def write_files(folder: Path, source: Source, *, stamp: str) -> None:
    """Decode `source` into an empty folder, in one pass and with little memory; synced, the manifest last."""
    digest, statistics = ContentDigest(), ChannelStatistics()
    _write_part(folder, "train", source.train, source.image_size, [digest, statistics])
    _write_part(folder, "test", source.test, source.image_size, [digest])
    manifest = {
        "format": _FORMAT,
        "stamp": stamp,
        "class_names": source.class_names,
        "fingerprint": digest.fingerprint,
        "mean": statistics.mean,
        "std": statistics.std,
        "bytes": {path.name: path.stat().st_size for path in sorted(folder.iterdir())},
    }
    with open(folder / _MANIFEST, "xb") as file:
        file.write(canonical_json({**manifest, "checksum": identity(manifest)}).encode())
        _sync(file)
    sync_folder(folder)


def read_manifest(folder: Path, *, stamp: str) -> dict[str, Any] | None:
    """Return the manifest if it is intact, of this `stamp`, and every file has its size; None otherwise."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        checksum = manifest.pop("checksum")
        if checksum != identity(manifest) or (manifest["format"], manifest["stamp"]) != (_FORMAT, stamp):
            return None
        sizes = {name: (folder / name).stat().st_size for name in manifest["bytes"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if sizes == manifest["bytes"] else None


def read_files(folder: Path, *, stamp: str, verify: bool) -> Decoded | None:
    """Return the data set, memory-mapped, or None where `read_manifest` does or the arrays are damaged.

    With `verify` every byte is read and compared with the fingerprint.
    """
    manifest = read_manifest(folder, stamp=stamp)
    if manifest is None:
        return None
    try:
        train, test = (_read_part(folder, name) for name in ("train", "test"))
    except (OSError, ValueError):
        return None
    if verify and fingerprint_of(train, test) != manifest["fingerprint"]:
        return None
    described = tuple(manifest["class_names"]), train, test, manifest["fingerprint"]
    return Decoded(*described, tuple(manifest["mean"]), tuple(manifest["std"]))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_part(
    folder: Path, name: str, part: Part, side: int, observers: list[ContentDigest | ChannelStatistics]
) -> None:
    shape = (len(part.labels), 3, side, side)
    for observer in observers:
        if isinstance(observer, ContentDigest):
            observer.begin_part(shape, part.labels)
    with open(folder / f"{name}_labels.npy", "xb") as file:
        np.save(file, part.labels)
        _sync(file)
    with open(folder / f"{name}_images.npy", "xb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for images in part.chunks():
            file.write(np.ascontiguousarray(images).data)
            for observer in observers:
                observer.add_pixels(images)
        _sync(file)


def _read_part(folder: Path, name: str) -> tuple[Images, Labels]:
    # Copy on write: torch takes the map without a copy or a warning, and nothing can reach the file.
    images = np.load(folder / f"{name}_images.npy", mmap_mode="c", allow_pickle=False)
    return images, np.load(folder / f"{name}_labels.npy", allow_pickle=False)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
