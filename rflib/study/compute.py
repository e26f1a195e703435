"""Computing one measurement that the store lacks: train its runs, record it, save it. Imports torch."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable

from rflib.config import MeasurementKey
from rflib.study.store import Store
from rflib.study.subject import Recorded, Say, open_subject, provenance, waiting
from rflib.study.training import ensure_weights


def measure(key: MeasurementKey, store: Store, say: Say) -> None:
    """Compute and save one measurement unless the store has it; trains its runs if their weights are missing."""
    if store.has_measurement(key):
        return
    subjects = [open_subject(run, store) for run in key.runs]
    if getattr(key.settings, "checkpoint", "last") != "initial":
        for subject in subjects:
            ensure_weights(subject, say)
    if store.has_measurement(key):  # a run's history is saved by its training
        return
    with store.lock(key.name, on_wait=waiting(key.name, say)):
        if store.has_measurement(key):
            return
        began = time.monotonic()
        found = _record(key)(key.settings, *subjects)
        origin = provenance(subjects, found.earlier_seconds + time.monotonic() - began)
        store.save_measurement(key, values=found.values, arrays=found.arrays, provenance=origin)
        store.discard_resume_points(key)


def _record(key: MeasurementKey) -> Callable[..., Recorded]:
    """Return the function that the settings of an analysis name."""
    module, function = key.settings.record.split(":")
    return getattr(importlib.import_module(f"rflib.study.record.{module}"), function)
