"""Executors by name, and settings that an executor does not have."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from rflib.errors import UsageError
from rflib.study.executors import EXECUTORS, Processes, Ray, Serial, chosen


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("serial", {}, Serial()),
        ("serial", {"workers": 1}, Serial()),
        ("processes", {}, Processes()),
        ("processes", {"workers": 3}, Processes(workers=3)),
        ("ray", {}, Ray(address=None, gpu_share=1.0, workers=None)),
        ("ray", {"address": "head:6379", "gpu_share": 0.25, "workers": 8}, Ray("head:6379", 0.25, 8)),
    ],
)
def test_an_executor_by_its_name(name: str, settings: dict[str, Any], expected: object) -> None:
    assert chosen(name, **settings) == expected
    assert name in EXECUTORS


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("joblib", {}, r"unknown executor 'joblib': expected one of processes, ray, serial"),
        ("processes", {"address": "auto"}, r"executor 'processes' knows no address .* expected executor 'ray'"),
        ("serial", {"gpu_share": 0.5}, r"executor 'serial' knows no address .* expected executor 'ray'"),
        ("serial", {"workers": 2}, r"executor 'serial' is one process, found 2 workers: leave them out"),
        ("ray", {"gpu_share": 0.0}, r"expected more than 0 and at most 1, found 0\.0"),
        ("ray", {"gpu_share": 2.0}, r"expected more than 0 and at most 1, found 2\.0"),
    ],
)
def test_what_an_executor_does_not_have_is_refused(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(name, **settings)


def test_ray_is_imported_by_nothing_but_its_use() -> None:
    code = "import sys, rflib.command.commands, rflib.study.executors, rflib.study.work; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], timeout=120).returncode == 0
