"""Where missing work runs: in this process, or in several processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from rflib.errors import RflibError

Task = TypeVar("Task")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_serial(function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """Run tasks one after the other in this process, yielding each result as it comes."""
    for task in tasks:
        yield function(task)


def run_processes(function: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int) -> Iterator[Result]:
    """Run tasks in `workers` processes, yielding results as they come; the first error stops the rest.

    A worker that is killed from outside is an `RflibError`: what was complete stays, the same call goes on.
    """
    parallel = Parallel(n_jobs=workers, batch_size=1, pre_dispatch=workers, return_as="generator_unordered")
    try:
        yield from parallel(delayed(function)(task) for task in tasks)
    except TerminatedWorkerError:
        raise RflibError(
            "a worker process was killed from outside, often for want of memory: expected it to finish. What is "
            "complete is kept; run the same command again, with fewer workers if memory is short"
        ) from None
