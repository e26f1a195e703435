"""What the training of a profile costs: operations counted on the networks as built. Imports torch."""

from __future__ import annotations

import functools
import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from rflib.config import DataConfig, Run
from rflib.data.sources import Extent, extent
from rflib.errors import DataError
from rflib.networks import image_cost
from rflib.study.plans import ALL, PLANS, Item, plan
from rflib.study.profiles import Profile
from rflib.study.store.places import cache_root, data_root
from rflib.study.study import open_profile
from rflib.study.work import lineage, root

CARDS = (1, 8, 64)


def run_cost(run: Run) -> float:
    """Return the floating-point operations of a run: every training image there and back, every test image there.

    There and back as often as the optimiser evaluates the gradient a step.
    """
    size = _extent(run.config.data.replace(fingerprint=""))
    image = image_cost(run.config.model, size.side_pixels)
    training = run.config.training
    steps = training.optimiser.gradient_evaluations * size.train_images * (image.forward + image.backward)
    return float(training.epochs * (steps + size.test_images * image.forward))


@functools.cache
def _extent(data: DataConfig) -> Extent:
    return extent(data, cache_root=cache_root(), data_root=data_root())


def chains(runs: Iterable[Run]) -> dict[str, float]:
    """Return the operations of each chain: a dense run and the runs that start from it, which wait for each other."""
    cost: dict[str, float] = defaultdict(float)
    for run in {run.id: run for run in runs}.values():
        cost[root(run).id] += run_cost(run)
    return dict(cost)


def makespan(costs: Iterable[float], cards: int) -> float:
    """Return the longest load of a card when each next chain, the longest first, goes to the card that is free first.

    Never more than 4/3 of the least possible (Graham 1969).
    """
    loads = [0.0] * cards
    for cost in sorted(costs, reverse=True):
        heapq.heapreplace(loads, loads[0] + cost)
    return max(loads)


def training_runs(items: Iterable[Item]) -> list[Run]:
    """Return the runs that measurements look at, and the runs that those start from, each once."""
    runs = (run for item in items for last in item.key.runs for run in lineage(last))
    return list({run.id: run for run in runs}.values())


@dataclass(frozen=True)
class Rate:
    """Floating-point operations a second of one card, and how that is known."""

    per_second: float
    source: str

    def __str__(self) -> str:
        return f"{self.per_second / 1e12:.3g} TFLOP/s, {self.source}"


def cost_table(profile: Profile, rate: Rate | None = None) -> pd.DataFrame:
    """Return one row a chapter and one for all: runs, PFLOP, those of runs that no chapter before needs, and hours.

    Hours are those on 1, 8 and 64 cards, if a rate is given. Chapters share runs: the last row is the sum of what is
    new in each, and less than the sum of the others.
    """
    seen: set[str] = set()
    rows = []
    for chapter in (*PLANS, ALL):
        runs = training_runs(plan(chapter, profile))
        costs = chains(runs)
        new = [run for run in runs if run.id not in seen] if chapter != ALL else runs
        seen |= {run.id for run in runs}
        hours = {f"hours_on_{n}": makespan(costs.values(), n) / rate.per_second / 3600 for n in CARDS} if rate else {}
        petaflop = {"PFLOP": sum(costs.values()) / 1e15, "new_PFLOP": sum(map(run_cost, new)) / 1e15}
        rows.append({"chapter": chapter, "runs": len(runs), **petaflop, **hours})
    return pd.DataFrame([row for row in rows if row["runs"]])


def finished_rate(profile: str) -> Rate | None:
    """Return the rate of the finished runs of a profile; None before a run is finished or without its data set.

    Of a whole card, where runs shared one; of one CPU worker, where there are no runs on cards.
    """
    try:
        study = open_profile(profile)
    except DataError:
        return None
    missing = {item.key.id for item in study.missing()}
    done = [item.key for item in study.items if item.key.analysis == "history" and item.key.id not in missing]
    by_device: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for key in done:
        origin = study.load(key).provenance
        share = 1.0 if origin["device"] == "cpu" else origin.get("gpu_share", 1.0)
        by_device[origin["device"]].append((run_cost(key.runs[0]), origin["seconds"] * share))
    if not by_device:
        return None
    device = min(by_device, key=lambda name: name == "cpu")
    operations, seconds = map(sum, zip(*by_device[device], strict=True))
    return Rate(operations / seconds, f"as {len(by_device[device])} finished runs on {device} did")
