"""Which process made something unfinished, and whether it has ended: nobody sweeps away what is being written."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress


def process_tag() -> str:
    """Return what names the calling process in a file name, and its machine only to itself."""
    return f"{_machine()}-{os.getpid()}"


def is_gone(tag: str) -> bool:
    """Return whether the process of a `process_tag` has ended; False where that cannot be told from here."""
    machine, _, pid = tag.partition("-")
    if machine != _machine() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it lives and is somebody else's
        pass
    return False


def _machine() -> str:
    """Name the space within which a pid means something: the host and, in a container, its processes."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{socket.gethostname()}/{space}".encode()).hexdigest()[:12]
