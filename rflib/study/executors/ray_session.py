"""A connection to Ray that is safe: only who has the token, no dashboard, and this machine alone by default.

Ray runs whatever code reaches its ports, and its own defaults are more open than this.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rflib.errors import RflibError, UsageError
from rflib.study.executors.processes import usable_cores

# Tasks give back a number and nothing else; Ray would set aside a third of the memory for what they return.
OBJECT_STORE_BYTES = 100 * 2**20

_MODE = "RAY_AUTH_MODE"
# On Linux Ray listens on every interface, unless it takes itself for a system on which it can have no cluster.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# No statistics for the makers of Ray, and none of its messages among the results on standard output.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}


@contextmanager
def session(address: str | None, *, cores: int) -> Iterator[Any]:
    """Give the module `ray`, connected to the cluster at `address`, or started on this machine if that is None.

    A Ray of this machine is good for tasks of `cores` cores and ends with the block. Raises `UsageError` for what
    would be unsafe, and `RflibError` when Ray is not installed, does not start or cannot be reached.
    """
    if address is not None and "://" in address:
        raise UsageError(f"address of a Ray cluster: expected HOST:PORT or 'auto', found '{address}'")
    _secure(local=address is None)
    ray = _imported()
    if address is not None:
        try:
            _connect(ray, address)
            yield ray
        finally:
            ray.shutdown()
        return
    # Paths of sockets may have about a hundred characters, which the usual folder of macOS uses up.
    short = "/tmp" if Path("/tmp").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="rflib-ray-", dir=short, ignore_cleanup_errors=True) as folder:
        try:
            _start(ray, cores=max(cores, usable_cores()), folder=folder)
            yield ray
        finally:
            ray.shutdown(wait_for_processes=True)


def _secure(*, local: bool) -> None:
    """Set what Ray reads while it is imported, for this process and those that it starts."""
    mode = os.environ.get(_MODE) or "token"
    if mode == "disabled":
        raise UsageError(
            f"{_MODE}=disabled lets everyone who reaches a port of Ray run code: expected {_MODE}=token; unset it"
        )
    wanted = {_MODE: mode, **(_LOOPBACK if local else {})}
    if sys.modules.get("ray") is not None and any(os.environ.get(name) != value for name, value in wanted.items()):
        settings = " ".join(f"{name}={value}" for name, value in wanted.items())
        raise UsageError(
            f"ray was imported before it could be made safe: expected {settings} at that moment; set this in the "
            "environment, or leave the import to rflib, and start a new process"
        )
    os.environ.update(wanted | _QUIET)
    if local:
        # Ray would keep one token for all sessions in a file that others can read.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _imported() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise RflibError(
            "executor 'ray' needs Ray, which is not installed: expected the extra `ray`; install it with "
            "`pip install 'rflib[ray]'` or `make env`, or choose executor 'processes'"
        ) from None
    return ray


def _start(ray: Any, *, cores: int, folder: str) -> None:
    try:
        ray.init(
            address="local",
            num_cpus=cores,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=folder,
        )
    except Exception as error:
        raise RflibError(
            f"Ray did not start on this machine: {_first_sentence(error)}. Executor 'processes' does without it"
        ) from error
    host = ray.get_runtime_context().gcs_address.rpartition(":")[0].strip("[]")
    if not ipaddress.ip_address(host).is_loopback:
        raise RflibError(f"Ray listens at {host}: expected this machine alone; choose executor 'processes'")


def _connect(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        raise RflibError(
            f"no connection to a Ray cluster at '{address}': {_first_sentence(error)}. Expected a cluster that was "
            "started with `ray start`, this command on one of its machines, and the same token on all of them "
            "(`ray get-auth-token`)"
        ) from error


def _first_sentence(error: Exception) -> str:
    return re.split(r"\.\s|\n", str(error).strip() or type(error).__name__)[0].rstrip(".")
