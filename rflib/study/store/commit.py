"""How anything gets into a store: written beside its place, synced, renamed; the first complete commit wins.

Whenever the process dies, an object is either in place with every byte or not there; leftovers carry the name
of the process that made them, and `rflib gc` removes them.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rflib.errors import StoreError
from rflib.study.store.layout import MANIFEST, temporary_beside
from rflib.study.store.manifest import Damaged, MissingObject, entry_of, manifest_bytes, verify

CHUNK_BYTES = 1 << 20

Content = bytes | Callable[[], bytes]


def point(name: str) -> None:
    """Mark a step of a write; does nothing. The fault tests replace it to kill the process there."""


def commit(folder: Path, files: Mapping[str, Content], *, quarantine: Path) -> bool:
    """Put an object in place; return False if a complete one was there already, which then stays.

    A file given as a function is made when its turn comes, so that a large object is never whole in memory. A
    damaged one in its place is moved to `quarantine`. Raises `StoreError` when the disk refuses.
    """
    temporary = temporary_beside(folder)
    with _reporting(folder), _removing(temporary):
        _make_folder(folder.parent)
        temporary.mkdir()
        point("folder-made")
        entries = {}
        for name, made in files.items():
            content = made() if callable(made) else made
            entries[name] = entry_of(content)
            _write_synced(temporary / name, content)
        _write_synced(temporary / MANIFEST, manifest_bytes(folder.name, entries))
        _sync_folder(temporary)
        point("folder-synced")
        placed = _place(temporary, folder, quarantine)
        point("renamed")
        _sync_folder(folder.parent)
        point("parent-synced")
    return placed


def replace_file(path: Path, content: bytes) -> None:
    """Write a single file so that readers see the old content or the new one."""
    temporary = temporary_beside(path)
    with _reporting(path), _removing(temporary):
        _make_folder(path.parent)
        _write_synced(temporary, content)
        os.replace(temporary, path)
        point("replaced")
        _sync_folder(path.parent)


def discard(path: Path) -> None:
    """Remove an object so that readers see all of it or nothing."""
    temporary = temporary_beside(path)
    with _reporting(path), _removing(temporary), suppress(FileNotFoundError):
        os.rename(path, temporary)
        point("withdrawn")


def set_aside(folder: Path, quarantine: Path) -> Path | None:
    """Move a damaged object to `quarantine`; return where, or None if it is sound or gone."""
    # Looked at again here, because another process may have replaced it by a sound one meanwhile.
    try:
        verify(folder)
        return None
    except MissingObject:
        return None
    except Damaged:
        target = quarantine / f"{folder.parent.name}.{folder.name}.{secrets.token_hex(4)}"
    with _reporting(target):
        _make_folder(quarantine)
        try:
            os.rename(folder, target)
        except FileNotFoundError:
            return None
        point("set-aside")
    return target


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as it can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _place(temporary: Path, folder: Path, quarantine: Path) -> bool:
    while True:
        try:
            os.rename(temporary, folder)
            return True
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        try:
            verify(folder)
            return False
        except MissingObject:
            continue
        except Damaged:
            set_aside(folder, quarantine)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        point("file-opened")
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest[:CHUNK_BYTES]) :]
            point("chunk-written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    point("file-written")


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents; each new entry is synced, or a power cut could lose the whole branch."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _removing(temporary: Path) -> Iterator[None]:
    try:
        yield
    finally:
        remove(temporary)


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}. Nothing that was complete has changed; free "
            "space or make the folder writable (RFLIB_RUNS names another place for runs/) and run again"
        ) from error
