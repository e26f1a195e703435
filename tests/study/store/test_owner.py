from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rflib.study.store import owner
from rflib.study.store.owner import Owner, life_of


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def of(pid: int) -> Owner:
    return replace(Owner.current(), pid=pid, started=owner._started(pid) or "")


def test_a_process_lives_until_it_is_killed(sleeper: subprocess.Popen[bytes]) -> None:
    other = of(sleeper.pid)
    assert (Owner.current().life, other.life) == ("live", "live")
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # dead, but its parent has not looked yet
    assert other.life == "dead"
    sleeper.wait()
    assert other.life == "dead"


def test_a_reused_pid_is_another_process(sleeper: subprocess.Popen[bytes]) -> None:
    assert replace(of(sleeper.pid), started="12345").life == "dead"


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"boot": "another"}])
def test_other_machines_are_unknown(change: dict[str, str]) -> None:
    assert replace(Owner.current(), **change).life == "unknown"


@pytest.mark.parametrize("tag", ["", "x", "a.b.c", "..", "deadbeef.1.2"])
def test_foreign_names_are_unknown(tag: str) -> None:
    assert life_of(tag) == "unknown"


def test_a_tag_names_no_machine_and_is_a_file_name() -> None:
    me = Owner.current()
    assert me.host not in me.tag.split(".")[0]
    assert "/" not in me.tag
    assert str(os.getpid()) in me.tag


def test_a_forked_process_is_another_owner() -> None:
    parent = Owner.current()
    code = (
        "import os\nfrom rflib.study.store.owner import Owner\nbefore = Owner.current()\npid = os.fork()\n"
        "if pid == 0:\n    os._exit(Owner.current() == before or Owner.current().pid != os.getpid())\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert Owner.current() == parent


def test_without_proc_ps_tells_the_same(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if subprocess.run(["ps", "-p", str(os.getpid())], capture_output=True).returncode != 0:
        pytest.skip("needs ps")
    monkeypatch.setattr(owner, "_PROC", tmp_path)
    owner._current.cache_clear()
    try:
        other = of(sleeper.pid)
        assert other.life == "live"
        assert replace(other, started="Mon-Jan-1-00-00-00-2001").life == "dead"
        sleeper.kill()
        sleeper.wait()
        assert other.life == "dead"
        monkeypatch.setenv("PATH", str(tmp_path))
        assert other.life == "unknown"
    finally:
        owner._current.cache_clear()
