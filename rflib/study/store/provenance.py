"""Where a result comes from: code, versions, device, time, data; nothing that names a person or machine."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "torch")


def collect(
    seconds: float,
    device: str,
    *,
    seeds: Sequence[int],
    data_fingerprint: str,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the provenance of a result that took `seconds` on `device`; `extra` is added."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        "device": device,
        "seeds": list(seeds),
        "data_fingerprint": data_fingerprint,
        "code": code_version(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "cpus": _cpus(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "gpu_share": float(os.environ.get("RFLIB_GPU_SHARE", 1)),
        **(extra or {}),
    }


def code_version() -> dict[str, Any]:
    """Return the commit of the checkout that holds the package and whether it changed since, or None."""
    commit, dirty = _code_version(Path(__file__).parents[3])
    return {"commit": commit, "dirty": dirty}


@functools.lru_cache(maxsize=4)
def _code_version(project: Path) -> tuple[str | None, bool | None]:
    top = _git(project, "rev-parse", "--show-toplevel")
    # An environment inside somebody's repository would otherwise report that repository's commit.
    if top is None or Path(top).resolve() != project.resolve():
        return None, None
    changes = _git(project, "status", "--porcelain", "--", "rflib")
    return _git(project, "rev-parse", "--verify", "HEAD"), None if changes is None else bool(changes)


def _git(folder: Path, *arguments: str) -> str | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpus() -> int | None:
    # A container or a batch system may allow fewer processors than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
