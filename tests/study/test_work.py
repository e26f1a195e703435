"""How missing work is handed to an executor: in groups with names, and with what another machine must know."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rflib.errors import UsageError
from rflib.study import work
from rflib.study.executors import Run, Serial
from rflib.study.study import Study
from rflib.study.work import Task, lineage, root

Open = Callable[..., Study]


class Recording:
    """Runs tasks in this process and remembers what it was given."""

    def __init__(self) -> None:
        self.opened: list[tuple[int, dict[str, str]]] = []
        self.phases: list[list[Task]] = []
        self.ended: list[str] = []

    @contextmanager
    def open(self, *, threads: int, environment: Mapping[str, str]) -> Iterator[Run]:
        self.opened.append((threads, dict(environment)))
        yield self.run
        self.ended.append("executor")

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Generator[Any, None, None]:
        self.phases.append(list(tasks))
        try:
            for task in tasks:
                yield function(task)
        finally:
            self.ended.append("tasks")


def test_one_executor_does_all_phases_and_learns_the_places(
    open_tiny: Open, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "work", lambda task: len(task.keys))
    executor, progress = Recording(), []
    single, pairs = (
        open_tiny(chapter, architectures=["rf_resnet50"], seeds=[0, 1])
        for chapter in ("accuracy-and-pruning", "representations")
    )
    study = Study("both", single.profile, (*pairs.items, *single.items), single.store)
    study.ensure(executor=executor, on_progress=lambda done, total: progress.append((done, total)))
    assert progress[-1] == (len(study.items), len(study.items)) == (11, 11)
    assert [{len(key.runs) for task in phase for key in task.keys} for phase in executor.phases] == [{0, 1}, {2}]
    assert executor.opened == [(1, {"RFLIB_RUNS": str(project / "runs"), "RFLIB_DATA": str(project / "data")})]
    assert executor.ended[-1] == "executor"
    assert all(task.store_root == project / "runs" for phase in executor.phases for task in phase)


def test_a_task_is_named_by_the_run_that_it_trains(open_tiny: Open) -> None:
    study, executor = open_tiny("fine-tuning", seeds=[0]), Recording()
    study.ensure(executor=executor)
    (tasks,) = executor.phases
    dense = next(item.key.runs[0] for item in study.items if item.purpose == "grid" and item.key.runs)
    assert sorted(map(str, tasks)) == sorted([dense.name, study.items[0].key.name])
    of_run = next(task for task in tasks if task.keys[0].runs)
    assert len(of_run.keys) > 2, "with everything that starts from it and is measured on it"
    assert {root(run) for key in of_run.keys for run in key.runs} == {dense}
    tuned = next(key.runs[0] for key in of_run.keys if key.runs[0].parent is not None)
    assert lineage(tuned) == [tuned, dense]


def test_tasks_end_also_when_the_progress_fails(open_tiny: Open) -> None:
    executor = Recording()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_tiny().ensure(executor=executor, on_progress=stop)
    assert executor.ended == ["tasks"]


def test_workers_and_an_executor_are_one_too_many(open_tiny: Open) -> None:
    with pytest.raises(UsageError, match="the number of workers belongs to the executor: give one of the two"):
        open_tiny().ensure(workers=2, executor=Serial())
