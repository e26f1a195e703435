from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from rflib.study.store.process import is_gone, process_tag


def tag_of(pid: int) -> str:
    return f"{process_tag().partition('-')[0]}-{pid}"


def test_a_process_is_there_until_it_has_ended() -> None:
    assert not is_gone(process_tag())
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert not is_gone(tag_of(process.pid))
    finally:
        process.kill()
        process.wait()
    assert is_gone(tag_of(process.pid))


def test_a_process_of_somebody_else_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    assert not is_gone(tag_of(1))


@pytest.mark.parametrize("tag", ["", "x", "a-b", "-", "deadbeef-1", "deadbeef.1.2", "deadbeef-1-2"])
def test_what_other_machines_make_is_left_alone(tag: str) -> None:
    assert not is_gone(tag)


def test_another_container_of_this_host_is_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    here = process_tag()
    monkeypatch.setattr(os, "readlink", lambda path: "pid:[1]")
    assert process_tag() != here


def test_a_tag_names_no_machine_and_is_a_file_name() -> None:
    tag = process_tag()
    assert socket.gethostname() not in tag
    assert "/" not in tag
    assert "." not in tag
    assert tag.endswith(f"-{os.getpid()}")
