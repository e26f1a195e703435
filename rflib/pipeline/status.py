"""How far a profile is: what is done, what is missing, and about how long the rest takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pandas as pd

from rflib.pipeline.plans import Item
from rflib.pipeline.study import Study
from rflib.pipeline.work import relative_cost


@dataclass(frozen=True)
class Status:
    """Counts by analysis, and the estimated seconds of the missing training on one worker; None if unknown."""

    counts: pd.DataFrame
    missing_seconds: float | None

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
    """Return what `study` has and lacks; the estimate scales the seconds of its finished training runs."""
    missing = {item.key.id for item in study.missing()}
    rows = [{"analysis": item.key.analysis, "done": item.key.id not in missing} for item in study.items]
    frame = pd.DataFrame(rows, columns=["analysis", "done"])
    counts = frame.groupby("analysis")["done"].agg(done="sum", missing=lambda done: (~done).sum()).reset_index()
    return Status(counts, _missing_seconds(study, missing))


def content_key(study: Study) -> str:
    """Return a text that changes whenever a measurement of `study` comes or goes."""
    missing = sorted(item.key.id for item in study.missing())
    everything = sorted(item.key.id for item in study.items)
    return hashlib.sha256(repr((everything, missing)).encode()).hexdigest()[:16]


def _missing_seconds(study: Study, missing: set[str]) -> float | None:
    if not missing:
        return 0.0
    histories = [item for item in study.items if item.key.analysis == "history"]
    done = [item for item in histories if item.key.id not in missing]
    if not done:
        return None
    seconds = sum(float(study.load(item.key).provenance["seconds"]) for item in done)
    return seconds / _cost(done) * _cost([item for item in histories if item.key.id in missing])


def _cost(items: list[Item]) -> float:
    return relative_cost([item.key for item in items])
