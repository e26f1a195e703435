"""Scenarios of the fault tests that need real processes; run as a script, it writes its figures as JSON.

The processes are forked from this one, which has imported nothing heavy and has no threads.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rflib.config import DataConfig, HistorySettings, MeasurementKey, Run, RunConfig
from rflib.errors import StoreError
from rflib.study.store import Store, commit
from rflib.study.store.layout import KINDS, Layout
from rflib.study.store.published import Index, PublishedProfile, publish


def run_of(seed: int) -> Run:
    return Run(config=RunConfig(data=DataConfig(name="cifar10")), seed=seed)


def key_of(seed: int) -> MeasurementKey:
    return MeasurementKey.of(HistorySettings(), run_of(seed))


def arrays_of(seed: int) -> dict[str, np.ndarray]:
    return {"weight": np.random.default_rng(seed).normal(size=(20, 20)).astype(np.float32)}


def save_measurement(store: Store, seed: int, provenance: Any = None) -> None:
    store.save_measurement(key_of(seed), values={"seed": seed}, arrays=arrays_of(seed), provenance={"by": provenance})


def measurement_is_right(store: Store, seed: int) -> bool:
    found = store.load_measurement(key_of(seed))
    return found.values == {"seed": seed} and np.array_equal(found.arrays["weight"], arrays_of(seed)["weight"])


def save_weights(store: Store, seed: int) -> None:
    store.save_weights(run_of(seed), {"last": arrays_of(seed)}, provenance={})


def weights_are_right(store: Store, seed: int) -> bool:
    return np.array_equal(store.load_weights(run_of(seed), "last")["weight"], arrays_of(seed)["weight"])


def forked(action: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        action()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def status_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class MeasurementKind:
    """A measurement that is not there yet."""

    def prepare(self, store: Store, seed: int) -> None:
        pass

    def write(self, store: Store, seed: int) -> None:
        save_measurement(store, seed)

    def is_sound(self, store: Store, seed: int) -> bool:
        """Whether what stands after a kill is the old state or the new one, and nothing between."""
        return not store.has_measurement(key_of(seed)) or measurement_is_right(store, seed)

    def is_new(self, store: Store, seed: int) -> bool:
        return measurement_is_right(store, seed)


class WeightsKind:
    """The weights of a run that is not there yet."""

    def prepare(self, store: Store, seed: int) -> None:
        pass

    def write(self, store: Store, seed: int) -> None:
        save_weights(store, seed)

    def is_sound(self, store: Store, seed: int) -> bool:
        return not store.has_weights(run_of(seed)) or weights_are_right(store, seed)

    def is_new(self, store: Store, seed: int) -> bool:
        return weights_are_right(store, seed)


class DamagedKind(WeightsKind):
    """Weights that were damaged and are written again."""

    def prepare(self, store: Store, seed: int) -> None:
        save_weights(store, seed)
        file = Layout(store.root).weights(run_of(seed).name) / "last.safetensors"
        file.write_bytes(file.read_bytes()[:-1])

    def is_sound(self, store: Store, seed: int) -> bool:
        try:
            return super().is_sound(store, seed)
        except StoreError as error:
            return "is damaged" in str(error)


class ResumeKind:
    """A third resume point, which also removes the first."""

    def prepare(self, store: Store, seed: int) -> None:
        for step in (1, 2):
            store.save_resume_point(run_of(seed), step, arrays_of(step), {"step": step})

    def write(self, store: Store, seed: int) -> None:
        store.save_resume_point(run_of(seed), 3, arrays_of(3), {"step": 3})

    def is_sound(self, store: Store, seed: int) -> bool:
        return self._step(store, seed) in (2, 3)

    def is_new(self, store: Store, seed: int) -> bool:
        return self._step(store, seed) == 3

    def _step(self, store: Store, seed: int) -> int:
        found = store.load_resume_point(run_of(seed))
        if found is None or found.damaged:
            return 0
        return found.step if np.array_equal(found.arrays["weight"], arrays_of(found.step)["weight"]) else 0


class PublishedKind:
    """A second published profile; the first stays whatever happens."""

    def prepare(self, store: Store, seed: int) -> None:
        save_measurement(store, seed)
        publish(store, self._results(store), [key_of(0)], "first", {}, {})

    def write(self, store: Store, seed: int) -> None:
        publish(store, self._results(store), [key_of(0), key_of(seed)], "second", {"seed": seed}, {})

    def is_sound(self, store: Store, seed: int) -> bool:
        results = self._results(store)
        listed = {name for profile in self._profiles(store).values() for name in profile.measurements}
        return "first" in self._profiles(store) and all(
            measurement_is_right(results, at) for at in range(seed + 1) if key_of(at).name in listed
        )

    def is_new(self, store: Store, seed: int) -> bool:
        return self.is_sound(store, seed) and self._profiles(store)["second"].settings == {"seed": seed}

    def _profiles(self, store: Store) -> dict[str, PublishedProfile]:
        return Index.load(self._results(store).root).profiles

    def _results(self, store: Store) -> Store:
        return Store(store.root.parent / "results")


KILLED = {
    "measurement": MeasurementKind(),
    "weights": WeightsKind(),
    "damaged": DamagedKind(),
    "resume": ResumeKind(),
    "published": PublishedKind(),
}


def kill(root: Path, kind: str) -> dict[str, Any]:
    """SIGKILL a writer at its first point, its second, ... until it gets through; look, then write again."""
    commit.CHUNK_BYTES = 512
    scenario, store = KILLED[kind], Store(root / "runs")
    save_measurement(store, 0)
    save_weights(store, 0)
    figures: Counter[str] = Counter()
    for number in range(1, 200):
        scenario.prepare(store, number)
        if status_of(forked(lambda at=number: _write_and_die(scenario, store, at))) != -signal.SIGKILL:
            break
        figures["killed"] += 1
        figures["lost"] += not (measurement_is_right(store, 0) and weights_are_right(store, 0))
        figures["phantoms"] += not scenario.is_sound(store, number)
        scenario.write(store, number)
        figures["survived"] += scenario.is_new(store, number)
    figures["finished"] = scenario.is_new(store, number)
    results = Store(root / "results")
    figures["leftovers"] = len(Layout(store.root).temporaries() + Layout(results.root).temporaries())
    figures["collected"] = len(store.collect_garbage() + results.collect_garbage())
    leaked = list(root.rglob(".*"))
    return {"lost": 0, "phantoms": 0, **figures, "leaked": len(leaked)}


def _write_and_die(scenario: Any, store: Store, at: int) -> None:
    passed = 0

    def point(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == at:
            os.kill(os.getpid(), signal.SIGKILL)

    commit.point = point
    scenario.write(store, at)


def points(root: Path, kind: str) -> dict[str, Any]:
    """Name the points that one write passes, in order."""
    commit.CHUNK_BYTES = 512
    scenario, store, passed = KILLED[kind], Store(root / "runs"), []
    save_measurement(store, 0)
    scenario.prepare(store, 1)
    commit.point = passed.append
    scenario.write(store, 1)
    return {"points": passed}


def race(root: Path, processes: str) -> dict[str, Any]:
    """Let many processes, started by one signal, save the same measurement and the same weights and read them."""
    store = Store(root / "runs")
    listen, speak = os.pipe()

    def contend(number: int) -> None:
        os.close(speak)
        os.read(listen, 1)  # returns when the parent closes its end
        save_measurement(store, 0, provenance=number)
        save_weights(store, 0)
        seen = store.load_measurement(key_of(0)).provenance["by"]
        assert weights_are_right(store, 0)
        (root / f"seen-{number}").write_text(str(seen))

    pids = [forked(lambda number=number: contend(number)) for number in range(int(processes))]
    os.close(speak)
    failed = sum(status_of(pid) != 0 for pid in pids)
    winners = {path.read_text() for path in root.glob("seen-*")}
    once = Store(root / "once")
    save_measurement(once, 0, provenance=int(min(winners)))
    save_weights(once, 0)
    return {
        "failed": failed,
        "readers": len(list(root.glob("seen-*"))),
        "versions_seen": len(winners),
        "objects": sum(len(Layout(store.root).objects(kind)) for kind in KINDS),
        "inflation": _bytes(store.root) / _bytes(once.root),
        "temporaries": len(Layout(store.root).temporaries()),
    }


def _bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def locked(root: Path, processes: str) -> dict[str, Any]:
    """Let processes that lock first do the same work; count how often it was done."""
    store = Store(root / "runs")

    def work(number: int) -> None:
        with store.lock("work"):
            if not store.has_measurement(key_of(0)):
                (root / f"computed-{number}").touch()
                time.sleep(0.1)
                save_measurement(store, 0)

    pids = [forked(lambda number=number: work(number)) for number in range(int(processes))]
    failed = sum(status_of(pid) != 0 for pid in pids)
    return {"failed": failed, "computed": len(list(root.glob("computed-*")))}


def poll(root: Path, objects: str) -> dict[str, Any]:
    """Read a folder without pause while another process fills it."""
    store, layout = Store(root / "runs"), Layout(root / "runs")
    pid = forked(lambda: [save_measurement(store, seed) for seed in range(int(objects))] and None)
    views = incomplete = 0
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        for folder in layout.objects(KINDS[0]):
            views += 1
            incomplete += not (folder / "manifest.json").is_file()
    return {"views": views, "incomplete": incomplete, "objects": len(list(store.measurements()))}


def collect(root: Path, seconds: str) -> dict[str, Any]:
    """Write, read and collect garbage at the same time; everything written must be there in the end."""
    store, end = Store(root / "runs"), time.monotonic() + float(seconds)

    def write(first: int) -> None:
        for seed in range(first, first + 1000):
            store.save_resume_point(run_of(seed), 1, arrays_of(seed), {})
            save_measurement(store, seed)
            save_weights(store, seed)
            (root / f"written-{seed}").touch()
            if time.monotonic() > end:
                return

    def gather() -> None:
        while time.monotonic() < end:
            store.collect_garbage(quarantine_corrupt=True)

    def read() -> None:
        while time.monotonic() < end:
            assert all(found.values == {"seed": found.runs[0]["seed"]} for found in store.measurements())
            assert store.check() == []

    actions = [lambda: write(0), lambda: write(1000), gather, gather, read]
    failed = sum(status_of(pid) != 0 for pid in [forked(action) for action in actions])
    store.collect_garbage()
    written = [int(path.name.partition("-")[2]) for path in root.glob("written-*")]
    right = sum(measurement_is_right(store, seed) and weights_are_right(store, seed) for seed in written)
    aside = list((root / "runs" / "quarantine").glob("*"))
    leaked = len(Layout(store.root).temporaries()) + len(Layout(store.root).objects("resume"))
    return {
        "failed": failed,
        "written": len(written),
        "right": right,
        "set_aside": len(aside),
        "leaked": leaked,
    }


def hold(root: Path, name: str) -> dict[str, Any]:
    """Lock, say so by a file, and never let go."""
    with Store(root / "runs").lock(name):
        (root / "held").touch()
        time.sleep(600)
    return {}


if __name__ == "__main__":
    scenarios = {action.__name__: action for action in (kill, points, race, locked, poll, collect, hold)}
    sys.stdout.write(json.dumps(scenarios[sys.argv[2]](Path(sys.argv[1]), *sys.argv[3:])))
