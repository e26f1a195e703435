"""The top-90 eigenvalues of the full rf_resnet50 on 512 images: its memory, its cost, and a kill on the way.

Each search runs in a process of its own, so that its memory is its own. The large one is killed when it has written a
resume point after its first restart, and goes on from there. That a killed search ends bit for bit
where an uninterrupted one ends is shown on a narrow copy, which can be searched twice.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from benchmarks.row import Row

ROOT = Path(__file__).resolve().parents[1]
PRODUCTS = "RFLIB_BENCHMARK_PRODUCTS"


@dataclass(frozen=True)
class Search:
    """What is searched with how much memory, and after how many products it is killed."""

    width: float
    images: int
    batch_size: int
    k: int
    basis_bytes: int
    graph_bytes: int
    kill_at: int
    products: int | None = None

    def command(self, folder: Path, *, to_be_killed: bool) -> list[str]:
        """Return the command of a process that searches, with its resume points in `folder`.

        One that is to be killed writes its first point where that happens, and not as time passes.
        """
        options = {
            "width": self.width,
            "images": self.images,
            "batch-size": self.batch_size,
            "k": self.k,
            "basis-bytes": self.basis_bytes,
            "graph-bytes": self.graph_bytes,
            "products": self.products,
            "write-at": self.kill_at if to_be_killed else None,
        }
        flags = [f"--{name}={value}" for name, value in options.items() if value is not None]
        return [sys.executable, "-W", "ignore", "-m", "benchmarks.large_search", str(folder), *flags]


# A basis of 102 vectors in half precision: 90 and some to spare. No graph is kept, which costs a product three
# gradients where two would do, and saves the memory of one batch.
FULL = Search(1.0, 512, 256, 90, basis_bytes=9 * 2**29, graph_bytes=0, kill_at=110)
NARROW = Search(0.125, 64, 32, 12, basis_bytes=2**30, graph_bytes=0, kill_at=30)
REHEARSAL = Search(0.0625, 16, 8, 4, basis_bytes=5 * 2**20, graph_bytes=0, kill_at=14)


@dataclass(frozen=True)
class Outcome:
    """The last line of a search, the highest peak of its processes, and where it was killed and went on."""

    found: dict[str, Any]
    peak_gib: float
    killed_at: int | None
    resumed_at: int


def measure(rehearsal: bool = False) -> list[Row]:
    """Return memory, cost and exactness of the search; RFLIB_BENCHMARK_PRODUCTS stops the large one early."""
    products = os.environ.get(PRODUCTS)
    large = REHEARSAL if rehearsal else replace(FULL, products=int(products) if products else None)
    narrow = REHEARSAL if rehearsal else NARROW
    outcome = search(large, kill=True)
    return [_memory(large, outcome), _cost(outcome), _exactness(search(narrow, kill=False), search(narrow, kill=True))]


def search(what: Search, *, kill: bool) -> Outcome:
    """Run a search to its end; with `kill`, the first process is killed when it can be resumed."""
    with _folder() as folder:
        killed = _followed(what, folder, kill=True) if kill else []
        lines = _followed(what, folder, kill=False)
    peak_gib = max(line["peak_gib"] for line in (*killed, *lines))
    return Outcome(lines[-1], peak_gib, killed[-1]["products"] if killed else None, lines[0]["products"])


def _followed(what: Search, folder: Path, *, kill: bool) -> list[dict[str, Any]]:
    """Return the lines of one process; with `kill`, it ends when it has written a resume point."""
    lines: list[dict[str, Any]] = []
    command = what.command(folder, to_be_killed=kill)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            lines.append(json.loads(text))
            if kill and lines[-1].get("written"):
                process.kill()
                return lines
    if process.returncode:
        raise RuntimeError(f"the search ended with exit code {process.returncode}: see its message above")
    if kill:
        raise RuntimeError("the search ended before it could be killed: give it more to do")
    return lines


@contextmanager
def _folder() -> Iterator[Path]:
    """Yield a folder for resume points on the disk of the project; they are larger than many a /tmp."""
    (ROOT / "_build").mkdir(exist_ok=True)
    folder = Path(mkdtemp(prefix="benchmark-", dir=ROOT / "_build"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _memory(what: Search, outcome: Outcome) -> Row:
    found = outcome.found
    end = "all settled" if found["converged"] else f"stopped there, residuals up to {found['largest_residual']:.1e}"
    note = (
        f"basis {what.basis_bytes / 2**30:.2f} GiB; {found['products']} products, {found['restarts']} restarts, {end}; "
        f"killed after {outcome.killed_at} products and resumed at {outcome.resumed_at}"
    )
    title = f"peak memory, top {what.k}, rf_resnet50, k = 4, {found['dimension']} parameters, {what.images} images"
    return Row(title, "memory budget", outcome.peak_gib, unit="GiB", must=12, aim=8, note=note)


def _cost(outcome: Outcome) -> Row:
    found = outcome.found
    return Row(
        "its cost in gradients of the mean loss",
        "floor: 2 a product",
        found["seconds"] / found["gradient_s"],
        2.0 * found["products"],
        unit="gradients",
        note=f"measured; {found['gradient_equivalents']:.0f} by count; a gradient takes {found['gradient_s']:.2f} s",
    )


def _exactness(whole: Outcome, resumed: Outcome) -> Row:
    values: Sequence[float] = resumed.found["values"]
    return Row(
        "largest difference of a value after a kill",
        "the search uninterrupted",
        float(np.abs(np.subtract(values, whole.found["values"])).max()),
        unit="",
        must=0,
        note=f"{whole.found['dimension']} parameters; killed after {resumed.killed_at} products",
    )
