"""Where an output comes from: the measurements that were read while it was made, as they describe themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import pandas as pd

from rflib.config import MeasurementKey
from rflib.study.store import Measurement

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

METADATA = "rflib"
"""The name under which an output's metadata and a frame's `attrs` say where they come from."""

ASKED = "asked"
"""The name under which the `attrs` of an empty frame hold what was asked for in vain."""

_COMMIT_LETTERS = 7


@dataclass(frozen=True)
class Source:
    """One measurement that was read: its name, role and trained networks, and what it says of its making."""

    name: str
    profile: str
    role: str
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    commit: str
    device: str
    time: str
    seconds: float

    @classmethod
    def of(cls, key: MeasurementKey, measurement: Measurement, *, profile: str, role: str) -> Source:
        """Return the source that a measurement is, read for a role under a profile."""
        made = measurement.provenance
        code = made.get("code") or {}
        commit = str(code.get("commit") or "")[:_COMMIT_LETTERS]
        return cls(
            key.name,
            profile,
            role,
            tuple(run.name for run in key.runs),
            tuple(run.seed for run in key.runs),
            f"{commit} and changes" if commit and code.get("dirty") else commit,
            str(made.get("device") or ""),
            str(made.get("time") or ""),
            float(made.get("seconds") or 0.0),
        )


@dataclass(frozen=True)
class Origin:
    """The measurements behind an output, in the order of their names; empty for what needed none."""

    sources: tuple[Source, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sources)

    @classmethod
    def of(cls, sources: Iterable[Source]) -> Origin:
        """Return the origin that these sources make, each once."""
        found = {(source.name, source.role): source for source in sources}
        return cls(tuple(found[name] for name in sorted(found)))

    def __deepcopy__(self, _memo: dict[int, Any]) -> Origin:
        # pandas copies what is attached to a frame in every operation; this cannot change.
        return self

    def described(self) -> dict[str, Any]:
        """Return the origin as plain values: what a page shows of it, the same for the same measurements.

        `commits` are in the order in which they were used, `seconds` the sum over the measurements.
        """
        sources = {source.name: source for source in self.sources}.values()
        by_time = sorted(sources, key=lambda source: source.time)
        return {
            "profiles": sorted({source.profile for source in sources}),
            "measurements": [source.name for source in sources],
            "networks": len({run for source in sources for run in source.runs}),
            "seeds": sorted({seed for source in sources for seed in source.seeds}),
            "commits": list(dict.fromkeys(source.commit for source in by_time if source.commit)),
            "devices": sorted({source.device for source in sources if source.device}),
            "seconds": round(sum(source.seconds for source in sources), 1),
        }


_reading: ContextVar[list[Source] | None] = ContextVar("reading", default=None)


def note(source: Callable[[], Source]) -> None:
    """Tell whoever records that a measurement was read; where nobody does, `source` is not asked."""
    found = _reading.get()
    if found is not None:
        found.append(source())


@dataclass(frozen=True)
class Asked:
    """What a study was asked for; `vain`: it has nothing of it."""

    analysis: str
    purposes: tuple[str, ...] = ()
    role: str | None = None
    architecture: str | None = None
    vain: bool = True


_asked: ContextVar[list[Asked] | None] = ContextVar("asked", default=None)


def note_asked(asked: Asked) -> None:
    """Tell whoever listens what was asked for."""
    found = _asked.get()
    if found is not None:
        found.append(asked)


def lacking(asked: Sequence[Asked]) -> Asked | None:
    """Return what an empty output lacks: the first that was asked for in vain, else the last that was asked for."""
    return next((each for each in asked if each.vain), asked[-1] if asked else None)


@contextmanager
def asking() -> Iterator[list[Asked]]:
    """Return the list of what is asked for within the context; an outer listener hears of it too."""
    outer, found = _asked.get(), list[Asked]()
    token = _asked.set(found)
    try:
        yield found
    finally:
        _asked.reset(token)
        if outer is not None:
            outer.extend(found)


def recorded(make: Callable[Arguments, Result]) -> Callable[Arguments, tuple[Result, Origin]]:
    """Let `make` also return what it read, and what its arguments were made from.

    A function with a parameter `role` is about that role: what it read of others on the way does not count.
    """
    signature = inspect.signature(make)

    @wraps(make)
    def with_origin(*args: Arguments.args, **kwargs: Arguments.kwargs) -> tuple[Result, Origin]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = [source for value in bound.arguments.values() for source in origin_of(value).sources]
        with _recording() as found:
            result = make(*args, **kwargs)
        role = bound.arguments.get("role")
        origin = Origin.of([*given, *(source for source in found if role in (None, source.role))])
        _pass_on(origin)
        return result, origin

    return with_origin


def traced(make: Callable[Arguments, pd.DataFrame]) -> Callable[Arguments, pd.DataFrame]:
    """Attach to the frame that `make` returns where it comes from; pandas hands it on to what is made of the frame.

    To an empty one is attached what was asked for in vain.
    """
    with_origin = recorded(make)

    @wraps(make)
    def table(*args: Arguments.args, **kwargs: Arguments.kwargs) -> pd.DataFrame:
        with asking() as asked:
            frame, origin = with_origin(*args, **kwargs)
        frame = frame.copy(deep=False)
        frame.attrs[METADATA] = origin
        if frame.empty:
            frame.attrs[ASKED] = lacking(asked)
        return frame

    return table


def origin_of(value: object) -> Origin:
    """Return what is attached to a frame or another value with `attrs`; empty where there is nothing."""
    found = getattr(value, "attrs", {}).get(METADATA)
    return found if isinstance(found, Origin) else Origin()


@contextmanager
def _recording() -> Iterator[list[Source]]:
    found: list[Source] = []
    token = _reading.set(found)
    try:
        yield found
    finally:
        _reading.reset(token)


def _pass_on(origin: Origin) -> None:
    """Tell an outer function that records what an inner one has found."""
    outer = _reading.get()
    if outer is not None:
        outer.extend(origin.sources)
