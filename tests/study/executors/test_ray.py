"""Ray itself, in processes of its own: what tasks see, how they fail, who is let in, and a node that is lost."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rflib.study.executors import Serial
from rflib.study.store import Store
from rflib.study.study import open_study

SCRIPT = Path(__file__).with_name("ray_scenarios.py")

CLUSTER_PROFILE = """\
description: three runs of a small network on digits
width: 0.0625
rates: [0.5, 0.9]
_training: &training {epochs: 2, batch_size: 128, learning_rate: 0.1, horizontal_flip: false}
small_images:
  title: digits
  data: {name: digits, image_size: 32}
  seeds: [0, 1, 2]
  pool_kernels: {rf_vgg19: [4]}
  training: *training
  fine_tuning: *training
"""

pytestmark = pytest.mark.slow


def scenario(name: str, folder: Path) -> dict[str, Any]:
    """Play a scenario and return what it found and what it said beside."""
    # What rflib sets before it imports Ray: a cluster of the tests imports it first.
    settings = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    }
    command = [sys.executable, "-W", "error", str(SCRIPT), name, str(folder)]
    for _ in range(3):
        done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=900)
        # Ray allows its own processes half a minute to start, however busy the machine is.
        if "timed out during startup" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "said": done.stderr}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is found on a Ray of this machine."""
    return scenario("local", tmp_path_factory.mktemp("local"))


def test_tasks_run_with_the_variables_that_they_are_given(local: dict[str, Any]) -> None:
    assert local["factorials"] == [1, 2, 6, 24, 120]
    assert local["variables"] == ["/elsewhere", "1"]


def test_an_error_of_a_task_is_itself_and_names_the_task(local: dict[str, Any]) -> None:
    assert local["fails"] == ["DataError", "a task: no images"]
    message = "0 failed on its worker with ZeroDivisionError: division by zero; --debug shows where"
    assert local["unexpected"] == ["RflibError", message]


def test_a_worker_that_dies_each_time_is_an_error_that_says_what_to_do(local: dict[str, Any]) -> None:
    kind, message = local["dies"]
    assert kind == "RflibError"
    assert message.startswith("1: its worker was lost, and again each time that it was tried anew (WorkerCrashedError)")
    assert message.endswith(
        "run the same command again, with a larger share of a graphics card or fewer workers if memory was short"
    )


def test_an_error_stops_what_runs_and_what_waits(local: dict[str, Any]) -> None:
    assert local["stops"] == {"runs was interrupted": True, "waits": False}


def test_ray_listens_on_this_machine_alone_and_has_no_dashboard(local: dict[str, Any]) -> None:
    assert set(local["interfaces"]) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert local["interfaces"], "something listens"
    assert local["dashboard"] == ""


def test_only_the_token_lets_anyone_in(local: dict[str, Any]) -> None:
    assert local["right token"] == "1 node"
    refused = (
        r"rflib\.errors\.RflibError: no connection to a Ray cluster at '127\.0\.0\.1:\d+': {}\. Expected a cluster"
    )
    assert re.match(refused.format(r"Failed to connect to Ray cluster at \S+"), local["wrong token"])
    assert re.match(refused.format(r"Token authentication is enabled but no .* was found"), local["no token"])


def test_ray_says_nothing_and_leaves_no_process_and_no_file(local: dict[str, Any]) -> None:
    assert local["said"] == ""
    assert local["left"] == []
    assert not Path(local["folder"]).exists()


@pytest.fixture
def cluster_project(project: Path) -> Path:
    """A project with the profile `cluster`."""
    (project / "notebooks" / "profiles" / "cluster.yml").write_text(CLUSTER_PROFILE)
    return project


def rows(folder: Path, name: str) -> list[list[Any]]:
    path = folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def stored(folder: Path) -> dict[str, Any]:
    """Read what a study found: the values and arrays of its measurements, and the bytes of its weights."""
    measured = {found.name: (found.values, found.arrays.keys()) for found in Store(folder).measurements()}
    arrays = {path.relative_to(folder): path.read_bytes() for path in folder.glob("measurements/*/*.npz")}
    weights = {path.relative_to(folder): path.read_bytes() for path in folder.glob("weights/*/*.safetensors")}
    return {"measured": measured, "arrays": arrays, "weights": weights}


def test_the_runs_of_a_lost_node_go_on_elsewhere(cluster_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault test 9: two nodes with two slots each, one of them lost in the middle of its runs."""
    found = scenario("lost_node", cluster_project)
    lost, kept = found["nodes"]
    assert found["outcome"] == "0 measurements loaded, 7 computed"
    assert re.fullmatch(r"a node of the Ray cluster was lost, on \S+: its runs go on elsewhere\n", found["said"])
    assert found["left"] == []

    started, finished = rows(cluster_project, "started"), rows(cluster_project, "finished")
    assert rows(cluster_project, "shared") == [], "no slot holds two runs at a time"
    assert {(node, slot) for _, node, slot in started} >= {(kept, "0"), (kept, "1")}
    assert {slot for _, _, slot in started} == {"0", "1"}
    assert {node for _, node, _ in finished} == {kept}
    assert len(finished) == len({task for task, _, _ in finished}) == 4

    # Every epoch was computed once: what was done on the lost node was not done again.
    epochs = rows(cluster_project, "epochs")
    assert Counter((task, epoch) for task, epoch, _ in epochs) == Counter(
        {(task, epoch): 1 for task, _, _ in finished if task.startswith("digits-") for epoch in (1, 2)}
    )
    moved = [task for task, epoch, node in epochs if node == lost]
    assert moved, "the lost node was in the middle of a run"

    monkeypatch.setenv("RFLIB_RUNS", str(cluster_project / "serial"))
    open_study("accuracy-and-pruning", profile="cluster").ensure(executor=Serial())
    assert stored(cluster_project / "runs") == stored(cluster_project / "serial")
    assert len(stored(cluster_project / "serial")["weights"]) == 6
