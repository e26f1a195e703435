"""Where work runs: in this process or in several."""

from __future__ import annotations

import math
import operator
import os

import pytest

from rflib.errors import RflibError, UsageError
from rflib.study.executors import run_processes, run_serial, usable_cores
from rflib.study.profiles import load_profile


def test_usable_cores_are_those_of_this_process() -> None:
    assert usable_cores() == len(os.sched_getaffinity(0)) >= 1


def test_serial_work_is_done_in_order_and_only_as_far_as_it_is_asked_for() -> None:
    done: list[int] = []

    def note(task: int) -> int:
        done.append(task)
        return 10 * task

    results = run_serial(note, [3, 1, 2])
    assert (next(results), done) == (30, [3])
    assert (list(results), done) == ([10, 20], [3, 1, 2])


def test_processes_do_every_task_once_and_elsewhere() -> None:
    assert sorted(run_processes(math.factorial, [1, 2, 3, 4, 5], workers=2)) == [1, 2, 6, 24, 120]
    pids = set(run_processes(operator.methodcaller("__call__"), [os.getpid] * 4, workers=2))
    assert os.getpid() not in pids


def test_an_error_in_a_process_arrives_as_itself() -> None:
    with pytest.raises(UsageError, match="unknown profile 'absent'"):
        list(run_processes(load_profile, ["absent"], workers=2))


def test_a_killed_process_is_an_error_that_says_what_to_do() -> None:
    message = r"a worker process was killed from outside.*run the same command again, with fewer workers"
    with pytest.raises(RflibError, match=message):
        list(run_processes(os._exit, [1, 1], workers=2))
    assert list(run_processes(math.factorial, [3], workers=2)) == [6], "the next call works again"
