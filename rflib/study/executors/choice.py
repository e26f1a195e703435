"""Choosing an executor by name."""

from __future__ import annotations

from rflib.errors import UsageError, unknown
from rflib.study.executors.executor import Executor
from rflib.study.executors.processes import Processes, Serial
from rflib.study.executors.ray import Ray

EXECUTORS = ("processes", "serial", "ray")


def chosen(
    name: str, *, workers: int | None = None, address: str | None = None, gpu_share: float | None = None
) -> Executor:
    """Return the executor `name`; `UsageError` for an unknown one, and for settings that it does not have."""
    if name not in EXECUTORS:
        raise unknown("executor", name, EXECUTORS)
    if name != "ray" and (address is not None or gpu_share is not None):
        raise UsageError(
            f"executor '{name}' knows no address and no share of graphics cards: expected executor 'ray' beside them"
        )
    if name == "ray":
        return Ray(address=address, gpu_share=1.0 if gpu_share is None else gpu_share, workers=workers)
    if name == "serial" and workers not in (None, 1):
        raise UsageError(f"executor 'serial' is one process, found {workers} workers: leave them out or choose another")
    return Serial() if name == "serial" else Processes(workers=workers)
