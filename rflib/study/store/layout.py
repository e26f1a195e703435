"""The one place that decides file names inside a store.

A store is `ROOT/KIND/NAME/`, one folder an object, each with a manifest; a leading dot means unfinished.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from rflib.errors import StoreError
from rflib.study.store.process import process_tag

MANIFEST = "manifest.json"
MEASUREMENT = "measurement.json"
ARRAYS = "arrays.npz"
RUN = "run.json"
STATE = "state.json"
WEIGHTS = ".safetensors"
INDEX = "index.json"

MEASUREMENTS_FOLDER = "measurements"
WEIGHTS_FOLDER = "weights"
RESUME_FOLDER = "resume"
KINDS = (MEASUREMENTS_FOLDER, WEIGHTS_FOLDER, RESUME_FOLDER)

_TEMPORARY = ".partial"
_STEP = ".step-"
_NOTE = ".holder.json"


def plain(name: str) -> str:
    """Return `name` if it is one visible path component, else raise `StoreError`."""
    separators = {"/", "\\", "\0", os.sep}
    if not name or name.startswith(".") or separators & set(name) or len(name.encode()) > 200:
        raise StoreError(
            f"{name!r} cannot name a stored object: expected 1 to 200 bytes without '/', '\\' and NUL that "
            "do not start with a dot; rename the data set, profile or checkpoint it comes from"
        )
    return name


def temporary_beside(path: Path) -> Path:
    """Return a new hidden path in the folder of `path` whose name says which process makes it."""
    return path.parent / f"{_TEMPORARY}.{process_tag()}.{secrets.token_hex(4)}"


def maker(temporary: Path) -> str:
    """Return the tag of the process that made a path by `temporary_beside`."""
    return temporary.name.removeprefix(_TEMPORARY + ".").rpartition(".")[0]


def resume_arrays(index: int) -> str:
    """Return the name of the file with the group `index` of a resume point's arrays."""
    return ("arrays" if index == 0 else f"arrays-{index}") + WEIGHTS


@dataclass(frozen=True)
class Layout:
    """The paths of one store."""

    root: Path

    def measurement(self, name: str) -> Path:
        """Folder of the measurement `name`."""
        return self.root / MEASUREMENTS_FOLDER / plain(name)

    def weights(self, run_name: str) -> Path:
        """Folder of the weights of the run `run_name`."""
        return self.root / WEIGHTS_FOLDER / plain(run_name)

    def resume_point(self, name: str, step: int) -> Path:
        """Folder of the resume point that the run or measurement `name` reached at `step`."""
        return self.root / RESUME_FOLDER / plain(f"{name}{_STEP}{step:09d}")

    def resume_points(self, name: str) -> list[Path]:
        """Folders of the resume points of a run or measurement, newest first."""
        return [path for path in reversed(self.objects(RESUME_FOLDER)) if self.resumed_work(path) == name]

    @staticmethod
    def resumed_work(point: Path) -> str:
        """Name of the run or measurement that a resume point belongs to."""
        return point.name.rpartition(_STEP)[0]

    @staticmethod
    def resumed_step(point: Path) -> int:
        """Step at which a resume point was taken."""
        return int(point.name.rpartition(_STEP)[2])

    def objects(self, kind: str) -> list[Path]:
        """Folders of one kind that were put in place, sorted by name."""
        return sorted(path for path in entries(self.root / kind) if not path.name.startswith("."))

    def temporaries(self) -> list[Path]:
        """Everything unfinished, whoever makes it."""
        folders = [self.root, self.locks, *(self.root / kind for kind in KINDS)]
        found = [path for folder in folders for path in entries(folder)]
        return sorted(path for path in found if path.name.startswith(_TEMPORARY + "."))

    @property
    def locks(self) -> Path:
        """Folder of locks and of the notes that say who holds them."""
        return self.root / "locks"

    def lock(self, name: str) -> Path:
        """File of the lock `name`."""
        return self.locks / plain(f"{name}.lock")

    def holder_note(self, name: str) -> Path:
        """File that says who holds the lock `name`."""
        return self.locks / plain(name + _NOTE)

    def held(self) -> list[str]:
        """Names of the locks with a note: all that are held, and those that a killed process held."""
        return sorted(path.name.removesuffix(_NOTE) for path in entries(self.locks) if path.name.endswith(_NOTE))

    @property
    def quarantine(self) -> Path:
        """Folder to which damaged objects are moved."""
        return self.root / "quarantine"


def entries(folder: Path) -> list[Path]:
    """Return what a folder holds; nothing when it is not there."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
