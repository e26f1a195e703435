"""Decoded images kept on disk: built once, complete or absent, rebuilt when damaged or out of date."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rflib.config.settings import identity
from rflib.data.cache_files import read_files, read_manifest, sync_folder, write_files
from rflib.data.data_set import Decoded, Source
from rflib.errors import DataError, StoreError

# The deepest layout is train/CLASS/images/FILE; the limit also ends loops of links.
_DEPTH = 3


def source_stamp(folder: Path) -> str:
    """Return what changes when a file under `folder` is added, removed, renamed, resized or written.

    DataError names a folder that cannot be read.
    """
    try:
        return identity(sorted(_entries(str(folder), "", _DEPTH)))
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}; allow reading, or move it away") from error


def cached(folder: Path, read: Callable[[], Source], *, stamp: str, verify: bool = False) -> Decoded:
    """Return the decoded images in `folder`, decoding the source that `read` opens if they are not there.

    What is there counts if it is complete, has the right sizes and bears `stamp`; with `verify`, if also its
    content has its fingerprint. Of several processes one decodes and the others wait. StoreError when
    `folder` cannot be written; it is then as it was.
    """
    decoded = read_files(folder, stamp=stamp, verify=verify)
    if decoded is None:
        try:
            with _sole_builder(folder):
                decoded = read_files(folder, stamp=stamp, verify=verify) or _build(folder, read, stamp)
        except OSError as error:
            raise StoreError(
                f"could not write the decoded images to {folder}: {error}; free some space there or name "
                "another place for them"
            ) from error
    return decoded


def cached_fingerprint(folder: Path, *, stamp: str) -> str | None:
    """Return the fingerprint of what is cached in `folder`, images unopened; None if it does not count."""
    manifest = read_manifest(folder, stamp=stamp)
    return None if manifest is None else str(manifest["fingerprint"])


def _build(folder: Path, read: Callable[[], Source], stamp: str) -> Decoded:
    prefix = f".{folder.name}.build-"
    # Nobody else builds while this process does, so these were left by one that was killed.
    for leftover in folder.parent.glob(glob.escape(prefix) + "*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent) as temporary:
        new = Path(temporary, "new")
        new.mkdir()
        write_files(new, read(), stamp=stamp)
        if folder.exists():
            folder.rename(Path(temporary, "old"))
        new.rename(folder)
        sync_folder(folder.parent)
    decoded = read_files(folder, stamp=stamp, verify=False)
    if decoded is None:
        raise StoreError(f"the decoded images just written to {folder} are damaged: check the disk, then run again")
    return decoded


@contextmanager
def _sole_builder(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f".{folder.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel releases it when the process ends, however it ends
        yield


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
