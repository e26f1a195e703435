from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rflib.command import main
from rflib.study.store import Store
from rflib.study.store.locks import Holder

REPOSITORY = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("rflib")

SINGLE_PROFILE = """\
description: one network
width: 0.03
rates: [0.5, 0.9]
_training: &training {epochs: 1, batch_size: 16, learning_rate: 0.05, horizontal_flip: false, crop_padding: 1}
small_images:
  title: shapes
  data: {name: "folder:shapes"}
  classes: 2
  seeds: [0]
  pool_kernels: {rf_vgg19: [2]}
  training: *training
  fine_tuning: *training
"""


@dataclass(frozen=True)
class Answer:
    """What a call of the command left: its exit code and both outputs."""

    code: int
    out: str
    err: str


@pytest.fixture
def book_project(project: Path) -> Path:
    """The repository's chapters and pages in a project of their own, with a profile `single` of five measurements."""
    for name in ("book", "notebooks"):
        shutil.copytree(REPOSITORY / name, project / name, dirs_exist_ok=True)
    for name in ("_toc.yml", "_config.yml"):
        shutil.copy(REPOSITORY / name, project / name)
    (project / "notebooks" / "profiles" / "single.yml").write_text(SINGLE_PROFILE)
    return project


@pytest.fixture
def rflib(
    book_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Call the command in this process."""
    # Rich wraps the texts of typer to the terminal's width.
    monkeypatch.setenv("COLUMNS", "250")

    def call(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["rflib", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Answer(int(ended.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def start(book_project: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the installed command in a process group of its own."""

    def begin(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(COMMAND), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return begin


@pytest.fixture
def who_trains(book_project: Path) -> Callable[[subprocess.Popen[str]], Holder | None]:
    """Wait until a command trains a network and return the process that does; None if the command ends before."""
    store = Store(book_project / "runs")

    def wait(command: subprocess.Popen[str]) -> Holder | None:
        deadline = time.monotonic() + 300
        while command.poll() is None:
            for name, holder in store.holders().items():
                if "rf_vgg19" in name:
                    return holder
            assert time.monotonic() < deadline, "nothing is trained"
            time.sleep(0.05)
        return None

    return wait
