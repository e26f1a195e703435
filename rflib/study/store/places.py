"""Where things lie: the project, its `runs/`, `results/` and `data/`, and the variables that move them."""

from __future__ import annotations

import os
from pathlib import Path

from rflib.errors import UsageError


def project_root(start: Path | None = None) -> Path:
    """Return the project's folder, the one with `_toc.yml` and `notebooks/`.

    Searched from `start` (default: the working folder) upwards, then where the package lies. The staged copy
    that the book is built from, under `_build/` of a project, is not taken for a project.
    """
    start = Path(start or Path.cwd()).absolute()
    found = [folder for folder in (start, *start.parents, Path(__file__).parents[3]) if _is_project(folder)]
    for folder in found:
        if not any(folder.is_relative_to(outer / "_build") for outer in found):
            return folder
    raise UsageError(
        f"no project found: expected a folder with _toc.yml and notebooks/ at {start} or above it; "
        "change into a checkout of the project"
    )


def runs_root() -> Path:
    """Return the place of the local store: RFLIB_RUNS, or `runs/` of the project."""
    return _named("RFLIB_RUNS") or project_root() / "runs"


def results_root() -> Path:
    """Return the place of the published measurements: `results/` of the project."""
    return project_root() / "results"


def data_root() -> Path:
    """Return the place of the data sets: RFLIB_DATA, or `data/` of the project."""
    return _named("RFLIB_DATA") or project_root() / "data"


def cache_root() -> Path:
    """Return the place of decoded data sets, which can be made again at any time: `cache/` of the local store."""
    return runs_root() / "cache"


def _is_project(folder: Path) -> bool:
    return (folder / "_toc.yml").is_file() and (folder / "notebooks").is_dir()


def _named(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser().absolute() if value else None
