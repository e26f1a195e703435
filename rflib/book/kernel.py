"""A Jupyter kernel that is the interpreter of the calling process, reached through local sockets."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

import rflib

LOG_NAME = "kernel.log"


def interpreter_environment() -> dict[str, str]:
    """Return the environment for a child interpreter that must import this very copy of the library."""
    package_parent = str(Path(rflib.__file__).resolve().parent.parent)
    inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    paths = [package_parent, *(path for path in inherited if path != package_parent)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def kernel_manager(socket_folder: Path) -> type[AsyncKernelManager]:
    """Return a kernel manager class whose connection file and sockets live in `socket_folder`.

    Sockets instead of TCP ports: parallel runs then never compete for a port, and nothing listens on the
    network. The folder's path must be short, since socket names are limited to about 100 characters. No
    installed kernelspec is consulted, so the notebook never runs in another Python than the caller's. What
    the kernel's process itself writes goes to `LOG_NAME` there, not to the caller's terminal.
    """

    class LocalKernelManager(AsyncKernelManager):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(transport="ipc", connection_file=str(socket_folder / "kernel.json"), **kwargs)

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            with open(socket_folder / LOG_NAME, "ab") as log:
                await super().start_kernel(stdout=log, stderr=log, **options)

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(
                argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                display_name="Python 3",
                language="python",
                env={**interpreter_environment(), "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
            )

    return LocalKernelManager
