"""Locks: "I am working on this". They save work and nothing else; commits are right without them.

A lock is the operating system's, so it falls with its holder; a note beside it only says who that is.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from rflib.errors import StoreError
from rflib.study.store.commit import remove, replace_file
from rflib.study.store.encoding import json_bytes

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.5

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@dataclasses.dataclass(frozen=True)
class Holder:
    """The process that holds a lock."""

    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @classmethod
    def current(cls) -> Holder:
        """Return the calling process."""
        return cls(socket.gethostname(), os.getpid())


@contextmanager
def hold(path: Path, note: Path, on_wait: Callable[[Holder | None], None] | None) -> Iterator[None]:
    """Hold the lock at `path` while the block runs; wait until it is free and tell `on_wait` once who has it."""
    lock, holder = FileLock(path), Holder.current()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, note, on_wait)
        replace_file(note, json_bytes(dataclasses.asdict(holder), "holder"))
    except OSError as error:
        raise StoreError(f"cannot lock {path}: {error.strerror}; make its folder writable") from error
    try:
        yield
    finally:
        remove(note)
        lock.release()


def _acquire(lock: FileLock, note: Path, on_wait: Callable[[Holder | None], None] | None) -> None:
    pause = FIRST_PAUSE_SECONDS
    while not _try(lock):
        if on_wait is not None:
            on_wait(_read(note))
            on_wait = None
        time.sleep(pause)
        pause = min(LONGEST_PAUSE_SECONDS, 1.5 * pause)


def _try(lock: FileLock) -> bool:
    """Return whether work may begin; a file system without locks never makes anyone wait."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def holder_of(path: Path, note: Path) -> Holder | None:
    """Return who holds the lock at `path` now; None if nobody does, or it cannot be told."""
    probe = FileLock(path)
    with suppress(OSError):
        if not _try(probe):
            return _read(note)
    probe.release()
    return None


def _read(note: Path) -> Holder | None:
    try:
        return Holder(**json.loads(note.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
