"""Whether the published measurements are intact, listed, and of the versions that this library computes."""

from __future__ import annotations

from rflib.config import AnalysisSettings
from rflib.store import Store
from rflib.store.places import results_root
from rflib.store.published import Index


def verify_published() -> tuple[int, list[str]]:
    """Return the number of published measurements and every fault found, as text."""
    store = Store(results_root(), read_only=True)
    faults = [f"{fault.name}: {fault.fault}" for fault in store.check()]
    damaged = {fault.name for fault in store.check()}
    index = Index.load(results_root())
    listed = {name for profile in index.profiles.values() for name in profile.measurements}
    versions = {settings.analysis: settings.version for settings in AnalysisSettings.__subclasses__()}
    found = set()
    if not damaged:
        for measurement in store.measurements():
            found.add(measurement.name)
            current = versions.get(measurement.analysis)
            if measurement.version != current:
                faults.append(f"{measurement.name}: version {measurement.version}, the library computes {current}")
        faults += [f"{name}: listed in the index but missing" for name in sorted(listed - found)]
        faults += [f"{name}: not listed in the index" for name in sorted(found - listed)]
    return len(listed), faults
