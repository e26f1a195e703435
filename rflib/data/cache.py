"""Decoded images kept on disk: built once, complete or absent, rebuilt when damaged or out of date.

Four arrays, and the manifest that vouches for them.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock

from rflib.config.settings import canonical_json, identity
from rflib.data.data_set import DataSet, Images, Labels, Part, Source, channel_statistics, fingerprint_of
from rflib.errors import DataError, StoreError

# The deepest layout is train/CLASS/images/FILE; the limit also ends loops of links.
_DEPTH = 3
_MANIFEST = "manifest.json"
# Raised when the files change their meaning; older ones are then rebuilt.
_FORMAT = 1


def source_stamp(folder: Path) -> str:
    """Return what changes when a file under `folder` is added, removed, renamed, resized or written.

    DataError names a folder that cannot be read.
    """
    try:
        return identity(sorted(_entries(str(folder), "", _DEPTH)))
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}; allow reading, or move it away") from error


def cached(folder: Path, read: Callable[[], Source], *, stamp: str, verify: bool = False) -> DataSet:
    """Return the decoded images in `folder`, decoding the source that `read` opens if they are not there.

    What is there counts if it is complete, has the right sizes and bears `stamp`; with `verify`, if also its
    content has its fingerprint. The name is the caller's to give. Of several processes one decodes and the others
    wait. StoreError when `folder` cannot be written; it is then as it was.
    """
    decoded = _read_files(folder, stamp=stamp, verify=verify)
    if decoded is None:
        try:
            # The kernel releases the lock when the process ends, however it ends.
            with FileLock(folder.parent / f".{folder.name}.lock"):
                decoded = _read_files(folder, stamp=stamp, verify=verify) or _build(folder, read, stamp)
        except OSError as error:
            raise StoreError(
                f"could not write the decoded images to {folder}: {error}; free some space there or name "
                "another place for them"
            ) from error
    return decoded


def cached_fingerprint(folder: Path, *, stamp: str) -> str | None:
    """Return the fingerprint of what is cached in `folder`, images unopened; None if it does not count."""
    manifest = _read_manifest(folder, stamp=stamp)
    return None if manifest is None else str(manifest["fingerprint"])


def _build(folder: Path, read: Callable[[], Source], stamp: str) -> DataSet:
    prefix = f".{folder.name}.build-"
    # Nobody else builds while this process does, so these were left by one that was killed.
    for leftover in folder.parent.glob(glob.escape(prefix) + "*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent) as temporary:
        new = Path(temporary, "new")
        new.mkdir()
        _write_files(new, read(), stamp=stamp)
        if folder.exists():
            folder.rename(Path(temporary, "old"))
        new.rename(folder)
        _sync_folder(folder.parent)
    decoded = _read_files(folder, stamp=stamp, verify=False)
    if decoded is None:
        raise StoreError(f"the decoded images just written to {folder} are damaged: check the disk, then run again")
    return decoded


def _entries(folder: str, inside: str, depth: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, size in bytes and modification time in nanoseconds of the files below a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = f"{inside}/{entry.name}"
            if entry.is_file():
                status = entry.stat()
                yield name, status.st_size, status.st_mtime_ns
            elif depth and entry.is_dir():
                yield from _entries(entry.path, name, depth - 1)


def _write_files(folder: Path, source: Source, *, stamp: str) -> None:
    """Decode `source` into an empty folder, in one pass and with little memory; synced, the manifest last."""
    _write_part(folder, "train", source.train, source.image_size)
    _write_part(folder, "test", source.test, source.image_size)
    train, test = (_read_part(folder, name) for name in ("train", "test"))
    mean, deviation = channel_statistics(train[0])
    manifest = {
        "format": _FORMAT,
        "stamp": stamp,
        "class_names": source.class_names,
        "fingerprint": fingerprint_of(train, test),
        "mean": mean,
        "std": deviation,
        "bytes": {path.name: path.stat().st_size for path in sorted(folder.iterdir())},
    }
    with open(folder / _MANIFEST, "xb") as file:
        file.write(canonical_json({**manifest, "checksum": identity(manifest)}).encode())
        _sync(file)
    _sync_folder(folder)


def _write_part(folder: Path, name: str, part: Part, side: int) -> None:
    with open(folder / f"{name}_labels.npy", "xb") as file:
        np.save(file, part.labels)
        _sync(file)
    with open(folder / f"{name}_images.npy", "xb") as file:
        shape = (len(part.labels), 3, side, side)
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for images in part.chunks():
            file.write(np.ascontiguousarray(images).data)
        _sync(file)


def _read_manifest(folder: Path, *, stamp: str) -> dict[str, Any] | None:
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


def _read_files(folder: Path, *, stamp: str, verify: bool) -> DataSet | None:
    """Return the data set, memory-mapped, or None where `_read_manifest` does or the arrays are damaged.

    With `verify` every byte is read and compared with the fingerprint.
    """
    manifest = _read_manifest(folder, stamp=stamp)
    if manifest is None:
        return None
    try:
        train, test = (_read_part(folder, name) for name in ("train", "test"))
    except (OSError, ValueError):
        return None
    if verify and fingerprint_of(train, test) != manifest["fingerprint"]:
        return None
    nothing = train[0][:0], train[1][:0]
    parts = (*train, *nothing, *test)
    mean, deviation = (tuple(manifest[name]) for name in ("mean", "std"))
    return DataSet("", tuple(manifest["class_names"]), *parts, manifest["fingerprint"], mean, deviation)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_part(folder: Path, name: str) -> tuple[Images, Labels]:
    # Copy on write: torch takes the map without a copy or a warning, and nothing can reach the file.
    images = np.load(folder / f"{name}_images.npy", mmap_mode="c", allow_pickle=False)
    return images, np.load(folder / f"{name}_labels.npy", allow_pickle=False)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
