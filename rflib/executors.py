"""Where missing work runs: in this process, or in several processes of this machine."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from rflib.errors import RflibError

Task = TypeVar("Task")
Result = TypeVar("Result")

PARENT_CHECK_SECONDS = 2.0


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_serial(function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """Run tasks one after the other in this process, yielding each result as it comes."""
    for task in tasks:
        yield function(task)


def run_processes(function: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int) -> Iterator[Result]:
    """Run tasks in `workers` processes, yielding results as they come; the first error stops the rest.

    Workers end with this process, however it ends. A worker that is killed from outside is an `RflibError`: what
    was complete stays, the same call goes on.
    """
    # joblib replaces a worker whose memory has grown; that is its business, and no fault.
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
    parallel = Parallel(n_jobs=workers, batch_size=1, pre_dispatch=workers, return_as="generator_unordered")
    try:
        yield from parallel(delayed(_beside_parent)(function, task, os.getpid()) for task in tasks)
    except TerminatedWorkerError:
        raise RflibError(
            "a worker process was killed from outside, often for want of memory: expected it to finish. What is "
            "complete is kept; run the same command again, with fewer workers if memory is short"
        ) from None


def _beside_parent(function: Callable[[Task], Result], task: Task, parent: int) -> Result:
    """Run a task in a worker that ends within seconds of its parent, instead of working on for nobody."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(PARENT_CHECK_SECONDS):
            if os.getppid() != parent:
                os._exit(1)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return function(task)
    finally:
        done.set()
        watcher.join()
