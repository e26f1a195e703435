"""The memory of this process. No torch, which would be most of it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_gib() -> float:
    """Return the most memory that was resident at once, in GiB.

    What the kernel counts for `getrusage` includes that of the parent from before this program was loaded, so it is
    asked only where there is nothing better.
    """
    if STATUS.is_file():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**20
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
