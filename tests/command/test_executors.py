"""The executors from the command line: what is refused, and Ray that is interrupted or killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from rflib.study.store.locks import Holder

Call = Callable[..., Any]
Start = Callable[..., subprocess.Popen[str]]
WhoTrains = Callable[[subprocess.Popen[str]], Holder | None]

STUDY = ["study", "--profile", "single", "--executor", "ray"]
# Of the processor: enough for the imports of torch and some epochs of the smallest network.
EPOCHS_SECONDS = 6.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--executor", "rai"],
            r"unknown executor 'rai': expected one of processes, ray, serial\. Did you mean 'ray'\?",
        ),
        (["--address", "auto"], r"executor 'processes' knows no address .*: expected executor 'ray' beside them"),
        (["--executor", "serial", "--gpu-share", "0.5"], r"executor 'serial' knows no address and no share"),
        (["--executor", "serial", "--workers", "2"], r"executor 'serial' is one process, found 2 workers"),
        (["--executor", "ray", "--gpu-share", "1.5"], r"expected more than 0 and at most 1, found 1\.5"),
        (["--executor", "ray", "--gpu-share", "0"], r"expected more than 0 and at most 1, found 0\.0"),
        (["--executor", "ray", "--address", "ray://head:10001"], r"expected HOST:PORT or 'auto', found 'ray://head:1"),
    ],
)
@pytest.mark.parametrize("command", ["study", "book"])
def test_a_wrong_executor_exits_with_2(rflib: Call, command: str, arguments: list[str], message: str) -> None:
    answer = rflib(command, "--profile", "single", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert re.search(message, answer.err), answer.err


def test_serial_computes_in_this_process(rflib: Call) -> None:
    answer = rflib("study", "--profile", "single", "--executor", "serial")
    assert answer.code == 0
    assert "all (single): 0 measurements loaded, 5 computed" in answer.err


def test_without_ray_the_message_says_what_to_install(rflib: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    answer = rflib(*STUDY)
    assert answer.code == 1
    assert re.search(r"executor 'ray' needs Ray, which is not installed: .*`pip install 'rflib\[ray\]'`", answer.err)


def training(start: Start, who_trains: WhoTrains) -> tuple[subprocess.Popen[str], psutil.Process]:
    """Start the study and return its process and the one that trains, after some epochs."""
    while (holder := who_trains(process := start(*STUDY))) is None:
        # Ray allows its own processes half a minute to start, however busy the machine is.
        out, err = process.communicate()
        assert "timed out during startup" in err, (out, err)
    worker = psutil.Process(holder.pid)
    seconds = sum(worker.cpu_times()[:2])
    while sum(worker.cpu_times()[:2]) < seconds + EPOCHS_SECONDS:
        time.sleep(0.1)
    return process, worker


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_ray_that_is_stopped_leaves_no_process_and_the_next_call_goes_on(
    start: Start, who_trains: WhoTrains, book_project: Path, stop: signal.Signals
) -> None:
    """While it runs `status` says what runs; an interrupt keeps its epochs."""
    path = book_project / "notebooks" / "profiles" / "single.yml"
    short = path.read_text()
    path.write_text(short.replace("epochs: 1", "epochs: 100000"))
    process, worker = training(start, who_trains)
    others = {other: other.name() for other in psutil.Process(process.pid).children(recursive=True)}
    shown, _ = start("status", "--profile", "single").communicate(timeout=300)
    if stop == signal.SIGINT:
        os.killpg(process.pid, stop)  # as a terminal does
    else:
        process.kill()
    out, err = process.communicate(timeout=300)
    assert re.search(rf"^running now: \S*rf_vgg19\S*, by process {worker.pid} on \S+$", shown, re.MULTILINE), shown
    assert out == ""
    assert worker in others
    # The agents of a Ray that was killed take a minute to notice.
    computing = [other for other, name in others.items() if stop == signal.SIGINT or not name.endswith("Agent")]
    _, alive = psutil.wait_procs(computing, timeout=300)
    assert alive == []
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert err.endswith("rflib: interrupted: what is complete is kept, the same command goes on from there\n")
        assert "Traceback" not in err
        assert list((book_project / "runs" / "resume").iterdir())

    for folder in Path("/tmp").glob(f"rflib-ray-*/session_*_{process.pid}"):
        assert stop == signal.SIGKILL, folder
        shutil.rmtree(folder.parent)

    path.write_text(short)
    code, out, err = finished(start)
    assert (code, out) == (0, ""), err
    assert re.search(r"all \(single\): [01] measurements loaded, [45] computed\n$", err), err


def finished(start: Start) -> tuple[int, str, str]:
    while True:
        process = start(*STUDY)
        out, err = process.communicate(timeout=600)
        if "timed out during startup" not in err:
            return process.returncode, out, err
