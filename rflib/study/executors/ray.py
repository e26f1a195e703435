"""Missing work on Ray: the cores or graphics cards of this machine or of a cluster. Ray is imported when it is used."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from rflib.errors import RflibError, UsageError
from rflib.study.executors.executor import Run
from rflib.study.executors.ray_session import session

Task = TypeVar("Task")
Result = TypeVar("Result")

_log = logging.getLogger("rflib")

# How often a task is started again after its worker or its node died; an error of its own is never tried again.
RETRIES = 3
# How often the nodes are looked at.
LOOK_SECONDS = 10.0
# How long tasks that are stopped have for their resume points.
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Ray:
    """Ray on this machine, or at the `address` of a cluster (else RAY_ADDRESS), HOST:PORT or `auto`.

    Where the cluster has graphics cards a task takes `gpu_share` of one, elsewhere as many cores as it has threads.
    At most `workers` tasks run at once; None leaves it to Ray.
    """

    address: str | None = None
    gpu_share: float = 1.0
    workers: int | None = None

    def __post_init__(self) -> None:
        """Refuse a share that no task can have."""
        if not 0 < self.gpu_share <= 1:
            raise UsageError(
                f"a task takes a share of one graphics card: expected more than 0 and at most 1, found {self.gpu_share}"
            )

    @contextmanager
    def open(self, *, threads: int, environment: Mapping[str, str]) -> Iterator[Run]:
        """Start Ray or connect to it, give what runs tasks on it, and leave it afterwards."""
        address = self.address or os.environ.get("RAY_ADDRESS") or None
        with session(address, cores=threads * (self.workers or 1)) as ray:
            options = task_options(ray.nodes(), threads=threads, gpu_share=self.gpu_share)
            variables = {**environment, "OMP_NUM_THREADS": str(threads)}
            if "num_gpus" in options:
                variables["RFLIB_GPU_SHARE"] = str(self.gpu_share)
            options["runtime_env"] = {"env_vars": variables}

            def run(function: Callable[[Task], Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
                return _run(ray, function, tasks, options=options, limit=self.workers or len(tasks))

            yield run


def task_options(nodes: Sequence[Mapping[str, Any]], *, threads: int, gpu_share: float) -> dict[str, Any]:
    """Return what one task asks of Ray, given what `ray.nodes()` says; `UsageError` if no node can give it.

    Ray never starts a task that fits nowhere and never says so: it would wait for ever.
    """
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    options = {"max_retries": RETRIES, "retry_exceptions": False}
    if any(node.get("GPU", 0) >= gpu_share for node in alive):
        # A training loop whose images lie on the card needs little of a core: the share alone decides.
        return {**options, "num_gpus": gpu_share, "num_cpus": 0}
    cores = int(max((node.get("CPU", 0) for node in alive), default=0))
    if cores < threads:
        raise UsageError(
            f"no node of the Ray cluster can run a task: expected {threads} cores on one node, the `threads` of the "
            f"profile, found at most {cores}; lower `threads` or start nodes with more cores"
        )
    return {**options, "num_cpus": threads}


def _run(
    ray: Any,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    options: Mapping[str, Any],
    limit: int,
) -> Generator[Result, None, None]:
    remote = ray.remote(**options)(function)
    waiting, running = deque(tasks), dict[Any, Task]()
    nodes = _alive(ray)
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                task = waiting.popleft()
                running[remote.remote(task)] = task
            done, _ = ray.wait(list(running), num_returns=1, timeout=LOOK_SECONDS)
            nodes = _said_lost(nodes, _alive(ray))
            for reference in done:
                yield _result(ray, reference, running.pop(reference))
    finally:
        _stop(ray, list(running))


def _alive(ray: Any) -> dict[str, str]:
    """Return the hosts of the nodes that live, by the identity of the node."""
    return {node["NodeID"]: node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}


def _said_lost(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    for node in before.keys() - now.keys():
        _log.warning("a node of the Ray cluster was lost, on %s: its runs go on elsewhere", before[node])
    return now


def _result(ray: Any, reference: Any, task: object) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise _named(error.cause, task) from error
    except ray.exceptions.RayError as error:
        raise RflibError(
            f"{task}: its worker was lost, and again each time that it was tried anew ({type(error).__name__}). What "
            "is complete is kept; run the same command again, with a larger share of a graphics card or fewer workers "
            "if memory was short"
        ) from error


def _named(cause: BaseException, task: object) -> RflibError:
    """Return the error of a task as one that names the task."""
    if isinstance(cause, RflibError):
        return cause if str(task) in str(cause) else type(cause)(f"{task}: {cause}")
    return RflibError(f"{task} failed on its worker with {type(cause).__name__}: {cause}; --debug shows where")


def _stop(ray: Any, references: list[Any]) -> None:
    """Cancel tasks and give those that run the time to write where they are."""
    for reference in references:
        ray.cancel(reference, force=False)
    if references:
        ray.wait(references, num_returns=len(references), timeout=STOP_SECONDS)
