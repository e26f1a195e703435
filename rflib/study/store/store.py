"""One store: measurements, weights and resume points under a folder, each complete or absent."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from rflib.config import MeasurementKey, Run
from rflib.errors import StoreError, unknown
from rflib.grouping import groups
from rflib.study.store import garbage, locks
from rflib.study.store.commit import Content, commit, discard, set_aside
from rflib.study.store.encoding import json_bytes, npz_bytes, safetensors_arrays, safetensors_bytes
from rflib.study.store.layout import (
    ARRAYS,
    KINDS,
    MEASUREMENT,
    MEASUREMENTS_FOLDER,
    RUN,
    STATE,
    WEIGHTS,
    Layout,
    plain,
    resume_arrays,
)
from rflib.study.store.locks import Holder
from rflib.study.store.manifest import Damaged, Fault, MissingObject, fault_of, is_complete, listed_files, read_verified
from rflib.study.store.records import Measurement, ResumePoint, check_same, read, read_measurement

KEPT_RESUME_POINTS = 2
# Arrays of a resume point go into files of about this size, made one after the other.
RESUME_FILE_BYTES = 256 * 2**20


class Store:
    """Measurements, weights and resume points under `root`.

    Objects are named by identity. Saving puts an object in place at once or not at all, and an object that is
    already complete stays as it is. Loading verifies every byte and raises `StoreError` for what is missing,
    damaged or answers other settings. With `read_only` every change is refused.
    """

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self.root = Path(root)
        self.read_only = read_only
        self._layout = Layout(self.root)

    def has_measurement(self, key: MeasurementKey) -> bool:
        """Return whether a measurement is complete, without reading it."""
        return is_complete(self._layout.measurement(key.name))

    def load_measurement(self, key: MeasurementKey) -> Measurement:
        """Return a measurement; `StoreError` if it is missing, damaged or answers other settings."""
        folder = self._layout.measurement(key.name)
        measurement = read_measurement(folder)
        check_same(folder, "key", expected=key.model_dump(mode="json"), found=measurement.key)
        return measurement

    def save_measurement(
        self,
        key: MeasurementKey,
        *,
        values: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray] = MappingProxyType({}),
        provenance: Mapping[str, Any],
    ) -> None:
        """Commit a measurement: JSON `values`, numeric `arrays` and where they come from."""
        record = {"key": key.model_dump(mode="json"), "values": values, "provenance": provenance}
        files = {MEASUREMENT: json_bytes(record, key.analysis)}
        if arrays:
            files[ARRAYS] = npz_bytes(arrays)
        self._commit(self._layout.measurement(key.name), files)

    def copy_measurement(self, key: MeasurementKey, source: Store) -> None:
        """Commit a measurement of another store, byte for byte."""
        source.load_measurement(key)
        self._commit(self._layout.measurement(key.name), read_verified(source._layout.measurement(key.name)))

    def keep_measurements(self, names: Collection[str]) -> None:
        """Remove every measurement whose name is not among `names`."""
        self.check_writable()
        for folder in self._layout.objects(MEASUREMENTS_FOLDER):
            if folder.name not in names:
                discard(folder)

    def measurements(self) -> Iterator[Measurement]:
        """Yield every complete measurement, sorted by name; `StoreError` at a damaged one."""
        for folder in self._layout.objects(MEASUREMENTS_FOLDER):
            try:
                measurement = read_measurement(folder)
            except MissingObject:
                continue  # set aside by another process since the folder was listed
            yield measurement

    def has_weights(self, run: Run) -> bool:
        """Return whether the weights of a run are complete, without reading them."""
        return is_complete(self._layout.weights(run.name))

    def load_weights(self, run: Run, checkpoint: str) -> dict[str, np.ndarray]:
        """Return the arrays of one checkpoint by name; `StoreError` if damaged or of another run."""
        folder = self._layout.weights(run.name)
        record = read(folder, RUN, json.loads)
        check_same(folder, "run", expected=run.model_dump(mode="json"), found=record["run"])
        if checkpoint not in record["checkpoints"]:
            raise unknown("checkpoint", checkpoint, record["checkpoints"])
        arrays: dict[str, np.ndarray] = read(folder, checkpoint + WEIGHTS, safetensors_arrays)
        return arrays

    def save_weights(
        self, run: Run, checkpoints: Mapping[str, Mapping[str, np.ndarray]], *, provenance: Mapping[str, Any]
    ) -> None:
        """Commit the checkpoints of a finished run."""
        names = [plain(name) for name in sorted(checkpoints)]
        record = {"run": run.model_dump(mode="json"), "checkpoints": names, "provenance": provenance}
        files = {RUN: json_bytes(record, "run")}
        files |= {name + WEIGHTS: safetensors_bytes(checkpoints[name]) for name in names}
        self._commit(self._layout.weights(run.name), files)

    def save_resume_point(
        self,
        work: Run | MeasurementKey,
        step: int,
        arrays: Mapping[str, np.ndarray],
        state: Mapping[str, Any],
        *,
        kept: int = KEPT_RESUME_POINTS,
    ) -> None:
        """Commit where a run or a measurement stands after `step`; the `kept` newest points are kept."""
        kind, identity = _identity(work)
        record = {kind: identity, "step": step, "state": state}
        files: dict[str, Content] = {STATE: json_bytes(record, "resume point")}
        sizes = {name: array.nbytes for name, array in arrays.items()}
        for index, names in enumerate(groups(sizes, RESUME_FILE_BYTES)):
            group = {name: arrays[name] for name in names}
            files[resume_arrays(index)] = partial(safetensors_bytes, group)
        self._commit(self._layout.resume_point(work.name, step), files)
        for folder in self._layout.resume_points(work.name)[kept:]:
            discard(folder)

    def load_resume_point(self, work: Run | MeasurementKey) -> ResumePoint | None:
        """Return the newest sound resume point, or None; damaged ones are moved aside and named in it."""
        kind, identity = _identity(work)
        damaged: list[str] = []
        for folder in self._layout.resume_points(work.name):
            try:
                record = read(folder, STATE, json.loads)
                check_same(folder, kind, expected=identity, found=record.get(kind))
                arrays: dict[str, np.ndarray] = {}
                for name in listed_files(folder):
                    if name.endswith(WEIGHTS):
                        arrays |= read(folder, name, safetensors_arrays)
                return ResumePoint(record["step"], arrays, record["state"], tuple(damaged))
            except MissingObject:
                continue
            except Damaged as error:
                damaged.append(str(error))
                if not self.read_only:
                    set_aside(folder, self._layout.quarantine)
        return None

    def discard_resume_points(self, work: Run | MeasurementKey) -> None:
        """Remove the resume points of a run or a measurement."""
        self.check_writable()
        for folder in self._layout.resume_points(work.name):
            discard(folder)

    @contextmanager
    def lock(self, name: str, *, on_wait: Callable[[Holder | None], None] | None = None) -> Iterator[None]:
        """Hold "I am working on `name`" while the block runs; only saves work, never decides who is right.

        Waits while another process holds it, after telling `on_wait` once who that is (None: not known).
        """
        self.check_writable()
        with locks.hold(self._layout.lock(name), self._layout.holder_note(name), on_wait):
            yield

    def holders(self) -> dict[str, Holder]:
        """Return who works on what at present, by the name of the lock."""
        layout = self._layout
        found = {name: locks.holder_of(layout.lock(name), layout.holder_note(name)) for name in layout.held()}
        return {name: holder for name, holder in found.items() if holder is not None}

    def collect_garbage(self, *, quarantine_corrupt: bool = False) -> list[Path]:
        """Remove leftovers of dead writers and resume points of complete runs; return what was removed.

        What is complete or belongs to a live process stays. `quarantine_corrupt` moves damaged objects aside.
        """
        self.check_writable()
        return garbage.collect(self._layout, quarantine_corrupt=quarantine_corrupt)

    def check(self) -> list[Fault]:
        """Read every object and return what is damaged."""
        folders = [folder for kind in KINDS for folder in self._layout.objects(kind)]
        faults = [(f"{folder.parent.name}/{folder.name}", fault_of(folder)) for folder in folders]
        return [Fault(name, fault) for name, fault in faults if fault is not None]

    def _commit(self, folder: Path, files: Mapping[str, Content]) -> None:
        self.check_writable()
        commit(folder, files, quarantine=self._layout.quarantine)

    def check_writable(self) -> None:
        """Raise `StoreError` if this store was opened read-only."""
        if self.read_only:
            raise StoreError(f"the store at {self.root} was opened read-only: write to another one")


def _identity(work: Run | MeasurementKey) -> tuple[str, dict[str, Any]]:
    """Return what a resume point calls the work that it belongs to, and that work as plain values."""
    return ("run" if isinstance(work, Run) else "key"), work.model_dump(mode="json")
