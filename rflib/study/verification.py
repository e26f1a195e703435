"""Whether the published measurements are intact, listed, and of the versions that this library computes."""

from __future__ import annotations

from rflib.config import ANALYSES
from rflib.study.store import Store
from rflib.study.store.places import results_root
from rflib.study.store.published import Index


def verify_published() -> tuple[int, list[str]]:
    """Return the number of published measurements and every fault found, as text.

    While something is damaged only that is reported: nothing can be said of what cannot be read.
    """
    store = Store(results_root(), read_only=True)
    listed = Index.load(results_root()).listed
    damaged = store.check()
    if damaged:
        return len(listed), [fault.fault for fault in damaged]
    found = {measurement.name: (measurement.analysis, measurement.version) for measurement in store.measurements()}
    faults = [f"{name}: listed in the index but missing; restore it from git" for name in sorted(listed - set(found))]
    faults += [f"{name}: not listed in the index; remove it or publish again" for name in sorted(set(found) - listed)]
    current = {name: settings.version for name, settings in ANALYSES.items()}
    faults += [
        f"{name}: version {version}, the library computes {current.get(analysis)}; publish again"
        for name, (analysis, version) in sorted(found.items())
        if version != current.get(analysis)
    ]
    return len(listed), faults
