"""What a task asks of Ray, and what Ray is told before it is imported; Ray itself is not started here."""

from __future__ import annotations

import os
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rflib.errors import DataError, RflibError, UsageError
from rflib.study.executors import ray as executor
from rflib.study.executors import ray_session
from rflib.study.executors.ray import Ray, task_options
from rflib.study.executors.ray_session import session


def node(*, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"Alive": alive, "Resources": resources}


@pytest.mark.parametrize(
    ("nodes", "gpu_share", "expected"),
    [
        ([node(CPU=8.0)], 1.0, {"num_cpus": 4}),
        ([node(CPU=8.0, GPU=1.0)], 1.0, {"num_gpus": 1.0, "num_cpus": 0}),
        ([node(CPU=1.0), node(CPU=2.0, GPU=8.0)], 0.25, {"num_gpus": 0.25, "num_cpus": 0}),
        ([node(CPU=4.0), node(CPU=64.0, GPU=8.0, alive=False)], 0.25, {"num_cpus": 4}),
    ],
)
def test_a_task_takes_its_share_of_a_card_where_there_is_one_and_else_its_cores(
    nodes: list[dict[str, Any]], gpu_share: float, expected: dict[str, float]
) -> None:
    retries = {"max_retries": 3, "retry_exceptions": False}
    assert task_options(nodes, threads=4, gpu_share=gpu_share) == {**retries, **expected}


@pytest.mark.parametrize(("nodes", "found"), [([], 0), ([node(CPU=2.0), node(CPU=3.0)], 3), ([node(memory=1.0)], 0)])
def test_a_task_that_fits_nowhere_is_refused_instead_of_waiting(nodes: list[dict[str, Any]], found: int) -> None:
    with pytest.raises(UsageError, match=rf"expected 4 cores on one node, .* found at most {found}; lower `threads`"):
        task_options(nodes, threads=4, gpu_share=1.0)


class FakeRay(ModuleType):
    """Ray as far as a session goes: remembers how it was called."""

    def __init__(self, address: str = "127.0.0.1:6379", failure: Exception | None = None) -> None:
        super().__init__("ray")
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.address, self.failure = address, failure

    def init(self, **settings: Any) -> None:
        self.calls.append(("init", settings))
        if self.failure is not None:
            raise self.failure

    def shutdown(self, **settings: Any) -> None:
        self.calls.append(("shutdown", settings))

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(gcs_address=self.address)


@pytest.fixture
def fake_ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """A fake in the place of Ray, which is as good as imported late; the environment is restored afterwards."""
    fake = FakeRay()
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if not k.startswith("RAY_")})
    monkeypatch.setattr(ray_session, "_imported", lambda: fake)
    return fake


def test_a_session_of_this_machine_is_closed_to_others(fake_ray: FakeRay) -> None:
    with session(None, cores=64) as ray:
        assert ray is fake_ray
        settings = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    assert re.fullmatch(r"[0-9a-f]{64}", settings.pop("RAY_AUTH_TOKEN"))
    assert settings == {
        "RAY_AUTH_MODE": "token",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    }
    (_, started), ended = fake_ray.calls
    assert (started["address"], started["num_cpus"], started["include_dashboard"]) == ("local", 64, False)
    assert started["log_to_driver"] is False
    assert not os.path.exists(started["_temp_dir"])
    assert ended == ("shutdown", {"wait_for_processes": True})


def test_a_session_of_a_cluster_uses_its_token_and_leaves_it_running(fake_ray: FakeRay) -> None:
    with session("head:6379", cores=1):
        assert "RAY_AUTH_TOKEN" not in os.environ
        assert os.environ["RAY_AUTH_MODE"] == "token"
        assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in os.environ
    (_, connected), ended = fake_ray.calls
    assert connected["address"] == "head:6379"
    assert "num_cpus" not in connected
    assert ended == ("shutdown", {})


@pytest.mark.parametrize("given", [None, "head:6379"])
def test_the_address_may_come_from_the_environment(fake_ray: FakeRay, given: str | None) -> None:
    os.environ["RAY_ADDRESS"] = "other:6379"
    fake_ray.failure = ConnectionError("nobody answers")
    with (
        pytest.raises(RflibError, match=rf"no connection to a Ray cluster at '{given or 'other:6379'}'"),
        Ray(address=given).open(threads=1, environment={}),
    ):
        pass


@pytest.mark.parametrize("address", [None, "head:6379"])
def test_ray_is_left_also_after_an_error(fake_ray: FakeRay, address: str | None) -> None:
    with pytest.raises(DataError), session(address, cores=1):
        raise DataError("no images")
    assert fake_ray.calls[-1][0] == "shutdown"


def test_authentication_cannot_be_disabled(fake_ray: FakeRay) -> None:
    os.environ["RAY_AUTH_MODE"] = "disabled"
    with pytest.raises(UsageError, match=r"RAY_AUTH_MODE=disabled lets everyone .* run code: .*; unset it"):
        session(None, cores=1).__enter__()
    assert fake_ray.calls == []


def test_an_address_of_rays_client_is_refused(fake_ray: FakeRay) -> None:
    with pytest.raises(UsageError, match=r"expected HOST:PORT or 'auto', found 'ray://head:10001'"):
        session("ray://head:10001", cores=1).__enter__()


def test_ray_that_was_imported_without_the_settings_is_refused(
    fake_ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", fake_ray)
    message = r"ray was imported before .*: expected RAY_AUTH_MODE=token RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0 at that"
    with pytest.raises(UsageError, match=message):
        session(None, cores=1).__enter__()
    os.environ["RAY_AUTH_MODE"] = "token"
    with session("head:6379", cores=1):
        pass


def test_ray_that_would_listen_to_others_is_stopped(fake_ray: FakeRay) -> None:
    fake_ray.address = "192.0.2.7:6379"
    with pytest.raises(RflibError, match=r"Ray listens at 192\.0\.2\.7: expected this machine alone"):
        session(None, cores=1).__enter__()
    assert fake_ray.calls[-1][0] == "shutdown"


def test_ray_that_does_not_start_names_another_executor(fake_ray: FakeRay) -> None:
    fake_ray.failure = RuntimeError("The node timed out. It may be busy.")
    message = r"Ray did not start on this machine: The node timed out\. Executor 'processes' does without it"
    with pytest.raises(RflibError, match=message):
        session(None, cores=1).__enter__()


def test_a_lost_node_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    before = {"a": "host-1", "b": "host-2"}
    assert executor._said_lost(before, {"b": "host-2"}) == {"b": "host-2"}
    assert executor._said_lost({"b": "host-2"}, {"b": "host-2", "c": "host-3"}) == {"b": "host-2", "c": "host-3"}
    assert [record.message for record in caplog.records] == [
        "a node of the Ray cluster was lost, on host-1: its runs go on elsewhere"
    ]
