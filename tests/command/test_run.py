"""One chapter with a reader's own parameters, from the command line to the page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from rflib.study.store.locks import Holder

Start = Callable[..., subprocess.Popen[str]]
WhoTrains = Callable[[subprocess.Popen[str]], Holder | None]

TINY = ["--profile", "single", "--workers", "1", "-p", "pool_kernels=[2]", "-p", "seeds=[0]", "-p", "width=0.03"]


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_a_run_makes_a_notebook_and_a_page(start: Start) -> None:
    code, out, err = finish(start("run", "accuracy-and-pruning", *TINY, "-p", 'architectures=["rf_vgg19"]'))
    assert code == 0, err
    assert "accuracy-and-pruning (single): 0 measurements loaded, 3 computed" in err
    found = re.fullmatch(r"Notebook: (\S+\.ipynb)\nPage:     (\S+\.html)\n", out)
    assert found, out
    notebook = nbformat.read(found[1], 4)
    assert "3 measurements loaded, 0 computed" in str(notebook.cells)
    page = Path(found[2]).read_text()
    assert "Table 1" in page
    assert "Traceback" not in page


@pytest.mark.slow
def test_a_chapter_without_measurements_runs(start: Start) -> None:
    code, out, err = finish(start("run", "experimental-settings", "--profile", "single"))
    assert code == 0, err
    assert out.startswith("Notebook: ")
    assert "measurements" not in err


@pytest.mark.slow
def test_a_chapter_may_have_parameters_of_its_own(start: Start, book_project: Path) -> None:
    source = book_project / "notebooks" / "experimental-settings.md"
    text = re.sub(r"(?m)^(?=profile: )", "shown: int = 3  # what is shown\n", source.read_text())
    source.write_text(text + "\n```{code-cell} ipython3\nprint('shown', shown)\n```\n")
    code, out, err = finish(start("run", "experimental-settings", "--profile", "single", "-p", "shown=41"))
    assert code == 0, err
    page = re.search(r"Page: +(\S+)", out)
    assert page
    assert "shown 41" in Path(page[1]).read_text()


@pytest.mark.slow
def test_kill_9_while_training_and_the_same_command_succeeds(start: Start, who_trains: WhoTrains) -> None:
    arguments = ["run", "accuracy-and-pruning", *TINY, "-p", "epochs=150"]
    with start(*arguments) as process:
        assert who_trains(process)
        os.kill(process.pid, signal.SIGKILL)
    code, out, err = finish(start(*arguments))
    assert code == 0, err
    assert "Page: " in out


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_control_c_is_a_message_and_the_next_call_goes_on(
    start: Start, who_trains: WhoTrains, book_project: Path, workers: str
) -> None:
    path = book_project / "notebooks" / "profiles" / "single.yml"
    path.write_text(path.read_text().replace("epochs: 1", "epochs: 100").replace("seeds: [0]", "seeds: [0, 1]"))
    arguments = ["study", "--profile", "single", "--workers", workers]
    with start(*arguments) as process:
        assert who_trains(process)
        os.killpg(process.pid, signal.SIGINT)
        code, out, err = finish(process)
    assert code == 130
    assert out == ""
    assert err == "rflib: interrupted: what is complete is kept, the same command goes on from there\n"
    code, _, err = finish(start(*arguments))
    assert code == 0, err
    code, out, _ = finish(start("status", "--profile", "single"))
    assert out.endswith("Nothing is missing.\n")


@pytest.mark.slow
def test_control_c_while_a_chapter_is_executed(start: Start, book_project: Path) -> None:
    with start("run", "experimental-settings", "--profile", "single") as process:
        while not list((book_project / "_build").glob("reruns/*/*.partial.ipynb")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        code, _, err = finish(process)
    assert code == 130
    assert err.endswith("rflib: interrupted: what is complete is kept, the same command goes on from there\n")
    assert "Traceback" not in err


@pytest.mark.slow
def test_who_is_waited_for_is_named(start: Start, who_trains: WhoTrains, book_project: Path) -> None:
    path = book_project / "notebooks" / "profiles" / "single.yml"
    path.write_text(path.read_text().replace("epochs: 1", "epochs: 100"))
    arguments = ["study", "--profile", "single", "--workers", "1"]
    with start(*arguments) as first:
        assert who_trains(first)
        second = finish(start(*arguments))
        code, _, err = finish(first)
    assert code == 0, err
    assert second[0] == 0, second
    assert re.search(rf"^waiting for \S+rf_vgg19\S+, computed by process {first.pid} on ", second[2], re.MULTILINE)


def test_output_that_nobody_reads_is_no_fault(start: Start) -> None:
    with start("params", "accuracy-and-pruning") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_the_installed_command_reports_a_wrong_request(start: Start) -> None:
    code, out, err = finish(start("run", "accuracy-and-pruning", "-p", "pool_kernel=[1]"))
    assert (code, out) == (2, "")
    assert err.endswith("Did you mean 'pool_kernels'?\n")
