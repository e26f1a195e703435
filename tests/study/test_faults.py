"""Runs that are killed, stopped or go wrong: nothing complete is lost, and the end is the same bit for bit."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rflib.config import Run
from rflib.errors import StoreError, TrainingError
from rflib.study import subject
from rflib.study.store import Store
from rflib.study.study import Study
from rflib.training import Evaluation, loop

Open = Callable[..., Study]
Bytes = Callable[..., dict[str, bytes]]

COMPUTE = """
import sys
from rflib.study import subject, training
from rflib.study.study import open_study

train = training.train
training.train = lambda *a, **o: (print("trains", flush=True), train(*a, **o))[1]
subject.RESUME_INTERVAL_SECONDS = 0.0
open_study("accuracy-and-pruning", profile="tiny", seeds=[0], epochs=int(sys.argv[1])).ensure(workers=1)
"""


def dense_run(study: Study) -> Run:
    return next(item.key.runs[0] for item in study.items if item.key.analysis == "history")


def in_another_store(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.setenv("RFLIB_RUNS", str(project / "whole"))


def interrupt_at(monkeypatch: pytest.MonkeyPatch, epoch: int, error: BaseException) -> None:
    """Let the evaluation after the `epoch`-th epoch fail once, as a signal that arrives there would."""
    evaluate, calls = loop.evaluate, []

    def failing(*arguments: Any, **options: Any) -> Evaluation:
        calls.append(1)
        if len(calls) == epoch:
            raise error
        return evaluate(*arguments, **options)

    monkeypatch.setattr(loop, "evaluate", failing)


@pytest.mark.parametrize("epoch", [2, 4])
def test_a_killed_run_resumes_to_the_same_bytes(
    open_tiny: Open, project: Path, monkeypatch: pytest.MonkeyPatch, weight_bytes: Bytes, epoch: int
) -> None:
    """The exception stands for the kill: nothing handles it, so only what is on disk by then survives."""
    monkeypatch.setattr(subject, "RESUME_INTERVAL_SECONDS", 0.0)
    interrupted = open_tiny(epochs=4)
    run = dense_run(interrupted)
    with monkeypatch.context() as patch:
        interrupt_at(patch, epoch, MemoryError())
        with pytest.raises(MemoryError):
            interrupted.ensure(workers=1)
    point = interrupted.store.load_resume_point(run)
    assert point is not None
    assert point.step == epoch - 1
    interrupted.ensure(workers=1)
    assert interrupted.store.load_resume_point(run) is None

    in_another_store(monkeypatch, project)
    whole = open_tiny(epochs=4)
    whole.ensure(workers=1)
    assert weight_bytes(run) == weight_bytes(run, "whole") != {}
    assert weight_bytes(run).keys() == {"best.safetensors", "last.safetensors"}
    assert [interrupted.load(item.key).values for item in whole.items] == [
        whole.load(item.key).values for item in whole.items
    ]


def test_a_resumed_run_took_the_seconds_before_as_well(open_tiny: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_tiny(epochs=3)
    run = dense_run(study)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            study.ensure(workers=1)
    point = study.store.load_resume_point(run)
    assert point is not None
    assert 0 < point.state["seconds"] < 1000
    study.store.discard_resume_points(run)
    study.store.save_resume_point(run, point.step, point.arrays, {**point.state, "seconds": 5000.0})
    study.ensure(workers=1)
    (history,) = (study.load(item.key) for item in study.items if item.key.analysis == "history")
    assert 5000 < history.provenance["seconds"] < 6000


def test_control_c_keeps_the_epochs_that_were_complete(
    open_tiny: Open, monkeypatch: pytest.MonkeyPatch, trainings: list[int]
) -> None:
    """Whatever the interval between resume points: here it is the usual half minute."""
    study = open_tiny(epochs=4)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            study.ensure(workers=1)
    point = study.store.load_resume_point(dense_run(study))
    assert point is not None
    assert [row["epoch"] for row in point.state["history"]] == [1, 2]
    study.ensure(workers=1)
    assert study.frame("history")["epoch"].tolist() == [1, 2, 3, 4]


def test_control_c_between_two_runs_keeps_what_was_computed(open_tiny: Open, trainings: list[int]) -> None:
    def stop(done: int, _total: int) -> None:
        raise KeyboardInterrupt

    study = open_tiny(seeds=[0, 1])
    with pytest.raises(KeyboardInterrupt):
        study.ensure(workers=1, on_progress=stop)
    kept = len(study.items) - len(study.missing())
    assert 0 < kept < len(study.items)
    assert study.ensure(workers=1).loaded == kept
    assert len(trainings) == 2


def test_a_loss_that_is_not_finite_leaves_a_resume_point_before_it(
    open_tiny: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_tiny(epochs=4)
    evaluate, calls = loop.evaluate, []

    def broken_in_epoch_3(*arguments: Any, **options: Any) -> Evaluation:
        calls.append(1)
        return Evaluation(math.nan, 0.0, 1) if len(calls) == 3 else evaluate(*arguments, **options)

    monkeypatch.setattr(loop, "evaluate", broken_in_epoch_3)
    run = dense_run(study)
    with pytest.raises(TrainingError, match=rf"{run.name}: the test loss became nan in epoch 3.*lower learning_rate"):
        study.ensure(workers=1)
    point = study.store.load_resume_point(run)
    assert point is not None
    assert point.step == 2
    assert not study.store.has_weights(run)


def test_weights_without_their_history_say_what_to_remove(open_tiny: Open, project: Path) -> None:
    study = open_tiny()
    study.ensure(workers=1)
    for path in (project / "runs" / "measurements").glob("history-*/*"):
        path.unlink()
    run = dense_run(study)
    message = rf"the history of {run.name} is missing though its weights are complete.*Remove .*weights/{run.name}"
    with pytest.raises(StoreError, match=message):
        study.ensure(workers=1)


def start(epochs: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", COMPUTE, str(epochs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_after(process: subprocess.Popen[str], store: Store, run: Run, step: int, pause: float) -> None:
    """Kill -9 at a random moment after the resume point of `step` was written."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        point = store.load_resume_point(run)
        if point is not None and point.step >= step:
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    assert process.wait(timeout=300) == -signal.SIGKILL, process.stderr and process.stderr.read()


@pytest.mark.slow
def test_kill_9_at_random_steps_ends_where_the_uninterrupted_run_ends(
    open_tiny: Open, project: Path, monkeypatch: pytest.MonkeyPatch, weight_bytes: Bytes
) -> None:
    epochs, chance = 60, random.Random(0)
    study = open_tiny(epochs=epochs)
    run, reader = dense_run(study), Store(project / "runs", read_only=True)
    for step in (2, 20):
        with start(epochs) as process:
            kill_after(process, reader, run, step, chance.uniform(0, 0.05))
        assert not reader.has_weights(run)
    out, errors = start(epochs).communicate(timeout=300)
    assert out == "trains\n", errors
    study.store.collect_garbage()

    in_another_store(monkeypatch, project)
    out, errors = start(epochs).communicate(timeout=300)
    assert out == "trains\n", errors
    assert weight_bytes(run) == weight_bytes(run, "whole") != {}
    history = study.frame("history")
    assert history["epoch"].tolist() == list(range(1, epochs + 1))


@pytest.mark.slow
def test_two_processes_train_one_run_once(open_tiny: Open) -> None:
    processes = [start(20), start(20)]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sorted(out for out, _ in outputs) == ["", "trains\n"]
    assert open_tiny(epochs=20).missing() == []


@pytest.mark.slow
def test_control_c_on_a_process_keeps_its_epochs(open_tiny: Open, project: Path) -> None:
    epochs = 2000
    study = open_tiny(epochs=epochs)
    with start(epochs) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "trains\n"
        time.sleep(1.0)
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert "KeyboardInterrupt" in errors
    point = study.store.load_resume_point(dense_run(study))
    assert point is not None
    assert point.step >= 1
