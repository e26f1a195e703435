"""How far a profile is: what is done, running and missing, what it has cost and about what the rest takes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rflib.study.plans import Item
from rflib.study.store import Holder
from rflib.study.study import Study
from rflib.study.work import lineage, relative_cost


@dataclass(frozen=True)
class Status:
    """Counts by analysis, who works on what, hours spent by unit, and what is missing.

    `spent` is in GPU-hours, of which a run on a shared card takes its share, and in core-hours. `missing_seconds` is
    the estimated time of the missing training on one worker; None if unknown.
    """

    counts: pd.DataFrame
    running: Mapping[str, Holder]
    spent: Mapping[str, float]
    missing_seconds: float | None

    @property
    def lines(self) -> list[str]:
        """What runs, what was spent and what is left to do, a sentence each."""
        running = [f"running now: {name}, by {holder}" for name, holder in self.running.items()]
        spent = " and ".join(f"{hours:.3g} {unit}" for unit, hours in sorted(self.spent.items()))
        return [*running, *([f"Spent so far: {spent}."] if spent else []), self.outlook]

    @property
    def outlook(self) -> str:
        """What is left to do, in a sentence."""
        missing = int(self.counts["missing"].sum())
        if not missing:
            return "Nothing is missing."
        if self.missing_seconds is None:
            return f"{missing} are missing; no training run is finished yet, so their cost is unknown."
        return f"{missing} are missing: about {self.missing_seconds / 60:.1f} minutes of training on one worker."


def status(study: Study) -> Status:
    """Return what `study` has and lacks; the estimate scales the seconds of its finished training runs.

    Reads the store alone, so that it can be asked at any time, also of work on other machines.
    """
    missing = {item.key.id for item in study.missing()}
    rows = [{"analysis": item.key.analysis, "done": item.key.id not in missing} for item in study.items]
    frame = pd.DataFrame(rows, columns=["analysis", "done"])
    counts = frame.groupby("analysis")["done"].agg(done="sum", missing=lambda done: (~done).sum()).reset_index()
    done = {item.key.id: item.key for item in study.items if item.key.id not in missing}
    origins = {identity: study.load(key).provenance for identity, key in done.items()}
    return Status(counts, _running(study), _spent(origins.values()), _missing_seconds(study, origins))


def _running(study: Study) -> dict[str, Holder]:
    """Return who works on what of this study."""
    keys = [item.key for item in study.items]
    names = {key.name for key in keys} | {run.name for key in keys for last in key.runs for run in lineage(last)}
    return {name: holder for name, holder in study.store.holders().items() if name in names}


def _spent(origins: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    hours: Counter[str] = Counter()
    for origin in origins:
        on_cpu = origin["device"] == "cpu"
        share = origin.get("threads") if on_cpu else origin.get("gpu_share")
        hours["core-hours" if on_cpu else "GPU-hours"] += origin["seconds"] / 3600 * float(share or 1)
    return dict(hours)


def content_key(study: Study) -> str:
    """Return a text that changes whenever a measurement of `study` comes or goes."""
    missing = sorted(item.key.id for item in study.missing())
    everything = sorted(item.key.id for item in study.items)
    return hashlib.sha256(repr((everything, missing)).encode()).hexdigest()[:16]


def _missing_seconds(study: Study, origins: Mapping[str, Mapping[str, Any]]) -> float | None:
    histories = [item for item in study.items if item.key.analysis == "history"]
    missing = [item for item in histories if item.key.id not in origins]
    done = [item for item in histories if item.key.id in origins]
    if not missing:
        return 0.0
    if not done:
        return None
    seconds = sum(float(origins[item.key.id]["seconds"]) for item in done)
    return seconds / _cost(done) * _cost(missing)


def _cost(items: list[Item]) -> float:
    return relative_cost([item.key for item in items])
