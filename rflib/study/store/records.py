"""What the store returns, read from an object's folder: verified, decoded, compared with what was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rflib.errors import StoreError
from rflib.study.store.encoding import npz_arrays
from rflib.study.store.layout import ARRAYS, MEASUREMENT
from rflib.study.store.manifest import read_verified


@dataclass(frozen=True)
class Measurement:
    """One stored measurement; `key` is the `MeasurementKey` it answers, as plain values."""

    name: str
    key: dict[str, Any]
    values: dict[str, Any]
    arrays: dict[str, np.ndarray]
    provenance: dict[str, Any]

    @property
    def analysis(self) -> str:
        """Name of the analysis."""
        return str(self.key["analysis"])

    @property
    def version(self) -> int:
        """Version of the analysis that computed it."""
        return int(self.key["version"])

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the analysis."""
        return dict(self.key["settings"])

    @property
    def runs(self) -> list[dict[str, Any]]:
        """The runs it looks at, in order, each with `config` and `seed`."""
        return list(self.key["runs"])


@dataclass(frozen=True)
class ResumePoint:
    """Where a run can go on; `damaged` says what was wrong with newer points that were passed over."""

    step: int
    arrays: dict[str, np.ndarray]
    state: dict[str, Any]
    damaged: tuple[str, ...] = ()


def read_measurement(folder: Path) -> Measurement:
    """Return the measurement in a folder, every byte verified; `StoreError` if it cannot be decoded."""
    files = read_verified(folder)
    record = _decoded(folder / MEASUREMENT, files[MEASUREMENT], json.loads)
    arrays = _decoded(folder / ARRAYS, files[ARRAYS], npz_arrays) if ARRAYS in files else {}
    return Measurement(folder.name, record["key"], record["values"], arrays, record["provenance"])


def read(folder: Path, name: str, decode: Callable[[bytes], Any]) -> Any:
    """Return one verified file of an object, decoded; `StoreError` if it cannot be."""
    return _decoded(folder / name, read_verified(folder, name)[name], decode)


def _decoded(path: Path, content: bytes, decode: Callable[[bytes], Any]) -> Any:
    try:
        return decode(content)
    except ValueError as error:
        raise StoreError(f"{path} cannot be read: {error}; remove {path.parent} and run again") from None


def check_same(folder: Path, what: str, *, expected: dict[str, Any], found: Any) -> None:
    """Raise `StoreError` if an object answers other settings, naming the first that differs."""
    if found == expected:
        return
    path, asked, stored = _first_difference(what, expected, found)
    raise StoreError(
        f"{folder} answers other settings: expected {path} = {asked!r}, found {stored!r}; "
        "remove that folder and run again"
    )


def _first_difference(path: str, expected: Any, found: Any) -> tuple[str, Any, Any]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                return _first_difference(f"{path}.{name}", expected.get(name), found.get(name))
    return path, expected, found
