"""Claims: "I am working on this". They save work and nothing else; commits are right without them.

The lock file is the operating system's, so it falls with its holder. A note beside it names the holder, who
touches it while working. Where a lock outlives its holder (a dead client of a network file system), a note
that stays unchanged, by the waiter's own steady clock, ends the wait: clocks of two machines never meet.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from rflib.errors import StoreError
from rflib.study.store.commit import remove, replace_file
from rflib.study.store.encoding import json_bytes
from rflib.study.store.owner import Owner

# How often a holder shows that it lives, and how long a note may stay unchanged before nobody waits for it.
BEAT_SECONDS = 30.0
SILENCE_SECONDS = 300.0
# A holder known to be dead: long enough for a new holder to replace the note of the one before.
DEAD_SECONDS = 3.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.5

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextmanager
def claim(lock_path: Path, note: Path, on_wait: Callable[[Owner | None], None] | None) -> Iterator[None]:
    """Hold a claim while the block runs; wait for a live holder first and tell `on_wait` once who it is."""
    lock = FileLock(lock_path)
    try:
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, note, on_wait)
    except OSError as error:
        raise StoreError(f"cannot claim {lock_path}: {error.strerror}; make its folder writable") from error
    try:
        with _beating(note):
            yield
    finally:
        lock.release()


def _acquire(lock: FileLock, note: Path, on_wait: Callable[[Owner | None], None] | None) -> None:
    pause, silence = FIRST_PAUSE_SECONDS, _Silence(note)
    while not _try(lock):
        owner = read_note(note)
        if on_wait is not None:
            on_wait(owner)
            on_wait = None
        patience = DEAD_SECONDS if owner is not None and owner.life == "dead" else SILENCE_SECONDS
        if silence.seconds() >= patience:
            return
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


class _Silence:
    """How long a note has not changed, by this process's steady clock."""

    def __init__(self, note: Path) -> None:
        self._note = note
        self._seen: tuple[int, int] | None = None
        self._since = time.monotonic()

    def seconds(self) -> float:
        seen = None
        with suppress(OSError):
            status = self._note.stat()
            seen = (status.st_ino, status.st_mtime_ns)
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return time.monotonic() - self._since


@contextmanager
def _beating(note: Path) -> Iterator[None]:
    """Keep a note that names this process, touched until the block ends."""
    owner = Owner.current()
    replace_file(note, json_bytes(dataclasses.asdict(owner), "owner"))
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(note, stop), name=f"claim {note.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        if read_note(note) == owner:
            remove(note)


def _beat(note: Path, stop: threading.Event) -> None:
    while not stop.wait(BEAT_SECONDS):
        with suppress(OSError):
            os.utime(note)


def holder(note: Path) -> Owner | None:
    """Return who holds the claim of a note, or None if nobody does any more.

    A process of this machine lives or not. Of another machine only its touch is seen, whose age compares two
    clocks: good enough to look at, so nobody waits or works by it.
    """
    owner = read_note(note)
    if owner is None or owner.life == "dead":
        return None
    try:
        silence = time.time() - note.stat().st_mtime
    except OSError:
        return None
    return owner if owner.life == "live" or silence < SILENCE_SECONDS else None


def read_note(note: Path) -> Owner | None:
    """Return the holder that a note names, or None when there is no readable note."""
    try:
        return Owner(**json.loads(note.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
