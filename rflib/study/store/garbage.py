"""What may be removed from a store: leftovers of dead writers, resume points of work that is complete."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from rflib.study.store.commit import discard, remove, set_aside
from rflib.study.store.layout import KINDS, RESUME_FOLDER, Layout, maker
from rflib.study.store.manifest import fault_of, is_complete
from rflib.study.store.process import is_gone

# A commit takes seconds, so what is this old is nobody's, even if another machine's clock is hours off.
ABANDONED_SECONDS = 24 * 3600


def collect(layout: Layout, *, quarantine_corrupt: bool) -> list[Path]:
    """Remove what is certainly garbage, move damaged objects aside if asked to; return what was removed."""
    removed = [path for path in layout.temporaries() if _is_dead(path)]
    for path in removed:
        remove(path)
    superseded = [path for path in layout.objects(RESUME_FOLDER) if _is_superseded(layout, path)]
    for path in superseded:
        discard(path)
    return removed + superseded + (_quarantine(layout) if quarantine_corrupt else [])


def _quarantine(layout: Layout) -> list[Path]:
    objects = [path for kind in KINDS for path in layout.objects(kind)]
    return [path for path in objects if set_aside(path, layout.quarantine) is not None]


def _is_dead(temporary: Path) -> bool:
    return is_gone(maker(temporary)) or _age_seconds(temporary) > ABANDONED_SECONDS


def _age_seconds(path: Path) -> float:
    times = [0.0]
    with suppress(OSError):
        times = [entry.stat().st_mtime for entry in (path, *path.glob("*"))]
    return time.time() - max(times) if max(times) else 0.0


def _is_superseded(layout: Layout, point: Path) -> bool:
    name = layout.resumed_work(point)
    finished = (layout.weights(name), layout.measurement(name))
    return any(fault_of(folder) is None and is_complete(folder) for folder in finished)
