"""Missing measurements, grouped so that everything about one run is finished before the next begins."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rflib.config import MeasurementKey, Run
from rflib.study.executors import Executor, Processes
from rflib.study.store import Store
from rflib.study.store.places import data_root

Progress = Callable[[int, int], None]

# The standard library brings a warning to standard error from whatever process it is given in.
_log = logging.getLogger("rflib")


@dataclass(frozen=True)
class Task:
    """Measurements that one process computes, in order."""

    keys: tuple[MeasurementKey, ...]
    store_root: Path
    threads: int

    def __str__(self) -> str:
        first = self.keys[0]
        return first.name if len(first.runs) != 1 else root(first.runs[0]).name


def compute_missing(
    keys: Sequence[MeasurementKey],
    store: Store,
    *,
    threads: int,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
) -> None:
    """Compute `keys` into `store`: first all that look at one run, grouped by run, then those that compare runs.

    `on_progress(done, total)` is told the number of measurements after every group.
    """
    done = 0
    # Workers on other machines take nothing from the working folder or the environment of this one.
    places = {"RFLIB_RUNS": str(store.root.absolute()), "RFLIB_DATA": str(data_root())}
    with (executor or Processes()).open(threads=threads, environment=places) as run:
        for phase in _phases(keys):
            tasks = [Task(tuple(group), store.root.absolute(), threads) for group in phase]
            with closing(run(work, tasks)) as results:
                for finished in results:
                    done += finished
                    if on_progress is not None:
                        on_progress(done, len(keys))


def _phases(keys: Sequence[MeasurementKey]) -> list[list[list[MeasurementKey]]]:
    groups: dict[str, list[MeasurementKey]] = defaultdict(list)
    pairs: list[list[MeasurementKey]] = []
    for key in keys:
        if len(key.runs) > 1:
            pairs.append([key])
        else:
            groups[root(key.runs[0]).id if key.runs else key.id].append(key)
    single = sorted(groups.values(), key=relative_cost, reverse=True)
    return [phase for phase in (single, pairs) if phase]


def root(run: Run) -> Run:
    """Return the dense run that a run descends from; with everything that descends from it, one task computes it."""
    return lineage(run)[-1]


def lineage(run: Run) -> list[Run]:
    """Return a run, the run that it starts from, the run that this one starts from, and so on."""
    return [run, *(lineage(run.parent) if run.parent is not None else [])]


def relative_cost(keys: Sequence[MeasurementKey]) -> float:
    """Rank groups by rough work, so that the longest starts first: pixels after the pool, width squared, epochs.

    Each downsampling that is left out about doubles the work.
    """
    total = 0.0
    for key in keys:
        if key.runs:
            config = key.runs[0].config
            shrink = config.model.pool_kernel if config.model.map_size == "shrinking" else 1
            pixels = (config.data.side_pixels / shrink) ** 2
            total += (
                pixels
                * 2**config.model.omitted_downsamplings
                * config.model.width**2
                * config.training.epochs
                * (4 if "resnet" in config.model.architecture else 1)
            )
    return total


def work(task: Task) -> int:
    """Compute one task in this process and return the number of measurements."""
    import torch  # here, so that planning and reading never need it

    from rflib.study.compute import measure

    before = torch.get_num_threads()
    torch.set_num_threads(task.threads)
    try:
        store = Store(task.store_root)
        for key in task.keys:
            measure(key, store, _log.warning)
    finally:
        torch.set_num_threads(before)
    return len(task.keys)
