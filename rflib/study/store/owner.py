"""Which process owns something unfinished, and whether that process still lives.

A process is host, boot id, pid and start time: a pid alone is reused, and means nothing on another machine.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Life = Literal["live", "dead", "unknown"]

_PROC = Path("/proc")


@dataclass(frozen=True)
class Owner:
    """One process; `boot` holds the boot id and the pid namespace, within which pids mean something."""

    host: str
    boot: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @classmethod
    def current(cls) -> Owner:
        """Return the calling process."""
        return _current(os.getpid())

    @property
    def tag(self) -> str:
        """The owner as a part of a file name."""
        return f"{self._machine}.{self.pid}.{self.started}"

    @property
    def _machine(self) -> str:
        return hashlib.sha256(f"{self.host}/{self.boot}".encode()).hexdigest()[:12]

    @property
    def life(self) -> Life:
        """Whether the process lives; `unknown` on another machine."""
        return life_of(self.tag)


def life_of(tag: str) -> Life:
    """Return whether the process with that `Owner.tag` lives; `unknown` for other machines and names."""
    machine, _, process = tag.partition(".")
    pid, _, started = process.partition(".")
    if machine != Owner.current()._machine or not pid.isdecimal() or not started:
        return "unknown"
    now = _started(int(pid))
    if now == "":
        return "unknown"
    return "live" if now == started else "dead"


@functools.lru_cache(maxsize=4)
def _current(pid: int) -> Owner:
    """Return the owner for this pid, a key of the cache because a fork inherits the cache."""
    return Owner(host=socket.gethostname(), boot=_boot(), pid=pid, started=_started(pid) or "")


def _boot() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink(_PROC / 'self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """Return when a process started, None if there is none (or only a zombie), "" if that cannot be told."""
    if not (_PROC / "self/stat").exists():
        return _started_by_ps(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return ""
    # The second field, the command in parentheses, may itself hold spaces and parentheses.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]


def _started_by_ps(pid: int) -> str | None:
    """Do the same where there is no /proc, as on macOS."""
    environment = {**os.environ, "LC_ALL": "C"}
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    text = done.stdout.strip()
    return None if not text or text[0] == "Z" else re.sub(r"\W+", "-", text.partition(" ")[2].strip())
