"""What the tests of Ray let a process of its own do: Ray takes its settings when it is imported, and once.

Each scenario prints what it found as JSON; `python ray_scenarios.py NAME FOLDER`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from rflib.errors import DataError
from rflib.study import work as work_module
from rflib.study.executors import Ray
from rflib.study.study import open_study
from rflib.study.work import Task, work

CONNECT = """
from rflib.study.executors.ray_session import session
with session({address!r}, cores=1) as ray:
    print(len(ray.nodes()), "node")
"""


def local(folder: Path) -> dict[str, Any]:
    """Start Ray on this machine, look at it from inside and outside, and let tasks fail in each way."""
    found: dict[str, Any] = {}
    with Ray(workers=2).open(threads=1, environment={"RFLIB_RUNS": "/elsewhere"}) as run:
        import ray

        found["factorials"] = sorted(run(_factorial, [1, 2, 3, 4, 5]))
        found["variables"] = sorted(run(os.getenv, ["RFLIB_RUNS", "OMP_NUM_THREADS"]))
        found["fails"] = _error_of(run, _fail, ["a task"])
        found["unexpected"] = _error_of(run, _divide_by, [0])
        found["dies"] = _error_of(run, _die, [1])
        found["stops"] = _stops(run, folder)
        address = ray.get_runtime_context().gcs_address
        found["interfaces"] = sorted({at.laddr.ip for process in _children() for at in _listening(process)})
        found["folder"] = ray._private.worker._global_node.get_session_dir_path()
        found["dashboard"] = ray._private.worker._global_node.webui_url
        found["right token"] = _connected(address)
        found["wrong token"] = _connected(address, RAY_AUTH_TOKEN="0" * 64)
        found["no token"] = _connected(address, RAY_AUTH_TOKEN="")
    found["left"] = _left()
    return found


def _factorial(number: int) -> int:
    return math.factorial(number)


def _die(code: int) -> None:
    os._exit(code)


def _fail(task: str) -> None:
    raise DataError("no images")


def _divide_by(number: int) -> float:
    return 1 / number


def _error_of(run: Any, function: Any, tasks: list[Any]) -> list[str]:
    try:
        return [str(list(run(function, tasks)))]
    except Exception as error:
        return [type(error).__name__, str(error)]


def _stops(run: Any, folder: Path) -> dict[str, bool]:
    """Stop a task while it runs and one before it starts, by an error of a third; say which were interrupted."""

    def task(name: str) -> None:
        if name == "fails":
            while not (folder / "runs").exists():
                time.sleep(0.05)
            raise DataError("no images")
        (folder / name).touch()
        try:
            while True:
                time.sleep(0.05)
        except KeyboardInterrupt:
            (folder / f"{name} was interrupted").touch()
            raise

    found = _error_of(run, task, ["runs", "fails", "waits"])
    assert found == ["DataError", "fails: no images"], found
    return {name: (folder / name).exists() for name in ("runs was interrupted", "waits")}


def _connected(address: str, **variables: str) -> str:
    """Connect from a process of its own, which asks once; return what it says."""
    environment = {**os.environ, "RAY_NUM_REDIS_GET_RETRIES": "1", "HOME": "/nowhere", **variables}
    command = [sys.executable, "-c", CONNECT.format(address=address)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _listening(process: psutil.Process) -> list[Any]:
    try:
        return [at for at in process.net_connections("inet") if at.status == psutil.CONN_LISTEN]
    except psutil.Error:
        return []


def _left() -> list[str]:
    """Return the processes that still hold this session's token, after the time that they need to end."""
    token = os.environ["RAY_AUTH_TOKEN"]
    deadline = time.monotonic() + 180
    while True:
        others = [process for process in psutil.process_iter(["name"]) if process.pid != os.getpid()]
        left = [process.info["name"] for process in others if _token(process) == token]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _token(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("RAY_AUTH_TOKEN")
    except psutil.Error:
        return None


def lost_node(folder: Path) -> dict[str, Any]:
    """Compute the study on two nodes with two slots each, and remove one of them while its runs are half done."""
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    cluster.add_node(num_cpus=0, include_dashboard=False)
    nodes = [cluster.add_node(num_cpus=2, num_gpus=2) for _ in range(2)]
    (folder / "doomed").write_text(nodes[0].node_id)
    work_module.work = _watched
    killer = threading.Thread(target=_kill, args=(cluster, nodes[0], folder))
    killer.start()
    try:
        study = open_study("accuracy-and-pruning", profile="cluster")
        outcome = study.ensure(executor=Ray(address=cluster.address))
    finally:
        (folder / "over").touch()
        killer.join()
        cluster.shutdown()
    return {"outcome": str(outcome), "nodes": [node.node_id for node in nodes], "left": _left()}


def _kill(cluster: Any, node: Any, folder: Path) -> None:
    """Remove the node when it has reached the middle of a run."""
    while not list(folder.glob("half-*")) and not (folder / "over").exists():
        time.sleep(0.05)
    cluster.remove_node(node, allow_graceful=False)


def _watched(task: Task) -> int:
    """Do a task's work and note where; on the doomed node stay in the middle of a run until it is lost."""
    import ray

    from rflib.study import subject, training

    context = ray.get_runtime_context()
    folder, node = Path(os.environ["RFLIB_RUNS"]).parent, context.get_node_id()
    (slot,) = context.get_accelerator_ids()["GPU"]
    to_be_lost = (folder / "doomed").read_text()
    doomed = to_be_lost == node
    subject.RESUME_INTERVAL_SECONDS = 0.0
    train = training.train

    def noted(*arguments: Any, on_epoch: Any, **options: Any) -> Any:
        def after_epoch(state: Any) -> None:
            on_epoch(state)
            _note(folder, "epochs", [str(task), state.epoch, node])
            if doomed:
                (folder / f"half-{os.getpid()}").touch()
                time.sleep(600)

        return train(*arguments, on_epoch=after_epoch, **options)

    training.train = noted
    lock = FileLock(folder / f"{node}-{slot}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _note(folder, "shared", [node, slot])
    _note(folder, "started", [str(task), node, slot])
    count = work(task)
    # Ray may notice the loss some seconds after the runs have gone on: nothing ends before the driver can see it.
    while any(other["NodeID"] == to_be_lost and other["Alive"] for other in ray.nodes()):
        time.sleep(0.1)
    _note(folder, "finished", [str(task), node, slot])
    lock.release()
    training.train = train
    return count


def _note(folder: Path, name: str, row: list[Any]) -> None:
    with (folder / f"{name}.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    scenarios = {scenario.__name__: scenario for scenario in (local, lost_node)}
    sys.stdout.write(json.dumps(scenarios[sys.argv[1]](Path(sys.argv[2]))))
