"""Missing work on this machine: in this process, or in several processes by joblib."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from rflib.errors import RflibError
from rflib.study.executors.executor import Run

Task = TypeVar("Task")
Result = TypeVar("Result")

PARENT_CHECK_SECONDS = 2.0


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Serial:
    """This process, one task after the other."""

    @contextmanager
    def open(self, *, threads: int, environment: Mapping[str, str]) -> Iterator[Run]:
        """Give what runs tasks; nothing has to be started."""
        yield run_serial


@dataclass(frozen=True)
class Processes:
    """Processes of this machine: `workers` of them, or as many as its cores have room for; one is this process."""

    workers: int | None = None

    @contextmanager
    def open(self, *, threads: int, environment: Mapping[str, str]) -> Iterator[Run]:
        """Give what runs tasks of `threads` threads; the processes inherit the environment."""
        workers = self.workers or max(1, usable_cores() // threads)

        def run(function: Callable[[Task], Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
            count = min(workers, len(tasks))
            return run_serial(function, tasks) if count <= 1 else run_processes(function, tasks, workers=count)

        yield run


def run_serial(function: Callable[[Task], Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
    """Run tasks one after the other in this process, yielding each result as it comes."""
    for task in tasks:
        yield function(task)


def run_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int
) -> Generator[Result, None, None]:
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
