from __future__ import annotations

import platform
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest

from rflib.study.store import provenance
from rflib.study.store.encoding import json_bytes


def test_what_is_collected() -> None:
    found = provenance.collect(1.5, "cpu", seeds=(0, 1), data_fingerprint="abc", extra={"epochs": 3})
    assert found["seconds"] == 1.5
    assert found["device"] == "cpu"
    assert found["seeds"] == [0, 1]
    assert found["data_fingerprint"] == "abc"
    assert found["epochs"] == 3
    assert found["versions"]["python"] == platform.python_version()
    assert found["versions"]["numpy"] == metadata.version("numpy")
    assert found["cpus"] >= 1
    age = datetime.now(UTC) - datetime.fromisoformat(found["time"])
    assert timedelta(seconds=-1) <= age < timedelta(minutes=1)
    json_bytes(found, "provenance")


def test_the_share_of_a_graphics_card_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert provenance.collect(1.0, "cuda", seeds=[], data_fingerprint="")["gpu_share"] == 1.0
    monkeypatch.setenv("RFLIB_GPU_SHARE", "0.25")
    assert provenance.collect(1.0, "cuda", seeds=[], data_fingerprint="")["gpu_share"] == 0.25


def test_it_names_no_machine_and_no_place() -> None:
    text = json_bytes(provenance.collect(1.0, "cpu", seeds=[0], data_fingerprint=""), "x").decode()
    values = [word.strip('",') for word in text.split()]
    assert socket.gethostname() not in values
    assert str(Path.home()) not in text
    assert str(Path(provenance.__file__).parents[3]) not in text


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    found = provenance.collect(1.0, "cpu", seeds=[], data_fingerprint="")
    assert found["versions"]["no-such-package"] is None


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    (tmp_path / "rflib").mkdir()
    (tmp_path / "rflib" / "a.py").write_text("1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-q", "-m", "x")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def code_version(project: Path) -> tuple[str | None, bool | None]:
    provenance._code_version.cache_clear()
    try:
        return provenance._code_version(project)
    finally:
        provenance._code_version.cache_clear()


def test_commit_and_changes_of_a_checkout(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    assert code_version(checkout) == (commit, False)
    (checkout / "results.json").write_text("{}")  # results change while they are computed, the code does not
    assert code_version(checkout) == (commit, False)
    (checkout / "rflib" / "b.py").write_text("2\n")
    assert code_version(checkout) == (commit, True)


def test_another_repository_around_the_package_is_not_reported(checkout: Path) -> None:
    (checkout / "venv" / "rflib").mkdir(parents=True)
    assert code_version(checkout / "venv") == (None, None)


def test_without_git_or_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_version(tmp_path) == (None, None)
    git(tmp_path, "init", "-q")
    assert code_version(tmp_path) == (None, False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_version(tmp_path) == (None, None)
