"""What the timings were taken on."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import torch

from rflib.study.store.provenance import code_version


def facts() -> dict[str, Any]:
    """Return cores, threads, version of torch, graphics card, load, date and commit."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        # Above zero before the first benchmark, it says that something else was using the machine.
        "load": round(os.getloadavg()[0], 2),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **code_version(),
    }
