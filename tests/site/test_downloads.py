"""Every notebook that the site offers runs by itself: beside the archive, where the library is not installed."""

from __future__ import annotations

import asyncio
import shutil
import sysconfig
import tempfile
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from rflib.book.kernel import kernel_manager
from rflib.book.runnable import ARCHIVE
from tests.site.pages import SITE

DOWNLOADS = {path.stem: path for path in sorted(SITE.glob("_downloads/*/*.ipynb"))}
# One of each kind: read from all measurements, listed, computed with torch, and with gaps for the reader's own code.
QUICK = ("claims", "ledger", "method-cka", "method-receptive-field-exercises")
SECONDS = 600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the site's archive and notebooks, as a reader has it after downloading."""
    if not DOWNLOADS:
        pytest.skip(f"no site at {SITE}: `make book` first")
    folder = tmp_path_factory.mktemp("downloads")
    for path in SITE.glob("_downloads/*/*"):
        shutil.copy(path, folder)
    return folder


def without_library(sockets: Path) -> type[AsyncKernelManager]:
    """Return a kernel manager class whose kernels have the installed packages but not this library."""
    local = kernel_manager(sockets)

    class WithoutLibrary(local):  # type: ignore[misc, valid-type]
        @property
        def kernel_spec(self) -> KernelSpec:
            # Without `site`, what is installed from a folder elsewhere, as this library is here, is not found.
            spec = super().kernel_spec
            spec.argv.insert(1, "-S")
            spec.env["PYTHONPATH"] = sysconfig.get_path("purelib")
            return spec

    return WithoutLibrary


def failure(path: Path) -> str | None:
    """Execute the notebook at `path` in its folder and return what went wrong, None where nothing did."""
    # The system's temporary folder keeps the socket names short.
    with tempfile.TemporaryDirectory(prefix="rflib-") as sockets:
        client = NotebookClient(
            nbformat.read(path, 4),
            timeout=SECONDS,
            kernel_manager_class=without_library(Path(sockets)),
            resources={"metadata": {"path": str(path.parent)}},
        )
        try:
            # A loop of its own, which is closed at the end: this runs in several threads.
            asyncio.run(client.async_execute())
        except CellExecutionError as error:
            return f"{path.name}: {error.ename}: {error.evalue}"
    return None


def failures(folder: Path, names: Collection[str]) -> list[str]:
    """Return what went wrong in the notebooks with these names, executed two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(filter(None, pool.map(failure, [folder / f"{name}.ipynb" for name in names])))


def test_a_failing_notebook_is_found(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell("import rflib")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "broken.ipynb")
    assert failures(tmp_path, ["broken"]) == ["broken.ipynb: ModuleNotFoundError: No module named 'rflib'"]


def test_the_archive_is_offered_beside_the_notebooks(folder: Path) -> None:
    assert (folder / ARCHIVE).is_file()
    assert len(DOWNLOADS) > 20


def test_one_notebook_of_each_kind_runs_by_itself(folder: Path) -> None:
    assert set(QUICK) <= DOWNLOADS.keys()
    assert failures(folder, QUICK) == []


@pytest.mark.slow
def test_every_other_notebook_runs_by_itself(folder: Path) -> None:
    assert failures(folder, [name for name in DOWNLOADS if name not in QUICK]) == []
