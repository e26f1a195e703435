"""Probe accuracy and saturation along a network, and what is one value a seed of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from rflib.paper.chapters.should_you_go_deeper.layers import layers
from rflib.paper.verdicts.assessment import all_of, difference
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import Readings, by_seed, chosen, images
from rflib.study.profiles import RoleName

# The paper is on CIFAR-10, whose part the small images take; Figure 5 alone is on others.
SMALL: RoleName = "small_images"
LARGE: RoleName = "large_images"
# A tail pattern is saturated by less than half the average of the other layers (Section II-B).
_TAIL_SATURATION = 0.5
# The test of `stops` in words.
RISES_AND_STOPS = (
    "Both must hold: the best probe before the border layer minus that of the first convolution is positive (without a "
    f"test, by more than {NOTICEABLE_POINTS:g} point), and the best from the border on minus the best before it is "
    f"below {NOTICEABLE_POINTS:g} point. The best of several is a little too high, which goes against the claim. "
    f"{DIFFERENCE}"
)


@dataclass(frozen=True)
class Course:
    """The convolutions of one network in order, without projections of shortcuts, which stand beside the order.

    `probes` and `saturation`, in percent, have a row a seed and a column a layer, numbered from 1. `unproductive` says
    of each layer whether its input already sees more than the image.
    """

    architecture: str
    where: str
    names: tuple[str, ...]
    unproductive: tuple[bool, ...]
    probes: pd.DataFrame
    saturation: pd.DataFrame

    @property
    def numbers(self) -> list[int]:
        """The number of each layer."""
        return [int(number) for number in self.probes.columns]

    @property
    def border(self) -> int | None:
        """The number of the border layer, the first unproductive one; None if there is none."""
        return next((number for number, idle in zip(self.numbers, self.unproductive, strict=True) if idle), None)

    @property
    def past_border(self) -> int:
        """The number of the border layer, one past the last where there is none."""
        return self.border or len(self.names) + 1

    def number(self, layer: str) -> int:
        """Return the number of a layer."""
        return self.numbers[self.names.index(layer)]

    def only(self, wanted: Callable[[str], bool]) -> Course:
        """Return the layers whose names are wanted, which keep their numbers."""
        kept = [wanted(name) for name in self.names]
        return replace(
            self,
            names=tuple(name for name, keep in zip(self.names, kept, strict=True) if keep),
            unproductive=tuple(idle for idle, keep in zip(self.unproductive, kept, strict=True) if keep),
            probes=self.probes.loc[:, kept],
            saturation=self.saturation.loc[:, kept],
        )


def courses(readings: Readings, role: RoleName = SMALL) -> dict[str, Course]:
    """Return the course of every network of a role whose layers were probed, by architecture."""
    frame = chosen(readings.over_roles(layers), role=role)
    if frame.empty:
        return {}
    frame = frame[~frame["name"].str.contains("downsample")]
    return {str(name): _course(str(name), role, rows) for name, rows in frame.groupby("architecture")}


def with_border(readings: Readings, *architectures: str) -> list[tuple[Course, int]]:
    """Return the courses of these networks on the small images that have a border layer, with its number."""
    found = courses(readings)
    pairs = [(found[name], found[name].border) for name in architectures if name in found]
    return [(course, border) for course, border in pairs if border is not None]


def structures(readings: Readings, purpose: str) -> dict[str, Mapping[str, Any]]:
    """Return what is recorded of each network on the small images, by architecture: layers, border, parameters."""
    return {
        item.key.settings.model.architecture: measurement.values  # type: ignore[attr-defined]
        for item, measurement in readings.study.select("layers", purpose)
        if item.role == SMALL
    }


def before(values: pd.DataFrame, border: int) -> pd.DataFrame:
    """Return the columns of the layers before the border."""
    return values[[number for number in values.columns if int(number) < border]]


def rise(probes: pd.DataFrame, border: int) -> pd.Series:
    """Return the best probe before the border minus that of the first layer."""
    return before(probes, border).max(axis=1) - probes.iloc[:, 0]


def further_rise(probes: pd.DataFrame, border: int) -> pd.Series:
    """Return the best probe from the border on minus the best before it."""
    return _from(probes, border).max(axis=1) - before(probes, border).max(axis=1)


def stops(course: Course, border: int) -> Evidence | None:
    """Return whether probes rise before the border layer, and from it on by less than a noticeable point."""
    risen, further = rise(course.probes, border), further_rise(course.probes, border)
    parts = [
        difference(f"{course.where}, before the border", risen, 1),
        difference(f"{course.where}, from the border on", further, -1, bound=NOTICEABLE_POINTS, noticeable=0.0),
    ]
    return all_of(course.where, parts)


def stagnation(probes: pd.DataFrame) -> pd.Series:
    """Return the place of the first layer behind which probes rise no further, by no more than a noticeable point.

    That is the layer after the first one that comes so close to the best; one past the last if the last one is that.
    """
    best = probes.cummax(axis=1)
    close = best.ge(probes.max(axis=1) - NOTICEABLE_POINTS, axis=0)
    return pd.Series(close.to_numpy().argmax(axis=1) + 2, index=probes.index)


def tail_start(saturation: pd.DataFrame) -> pd.Series:
    """Return the place of the first layer of the tail pattern, one past the last where there is none.

    The pattern is the longest run to the end, each layer of which lies below half the average of those before it.
    """
    return saturation.apply(_tail_start, axis=1)


def saturation_drop(saturation: pd.DataFrame, border: int) -> pd.Series:
    """Return the mean saturation of layers before the border minus that from it on, in points."""
    return before(saturation, border).mean(axis=1) - _from(saturation, border).mean(axis=1)


def low_layers(saturation: pd.DataFrame, border: int) -> tuple[int, int]:
    """Return how many layers from the border on are below half the average of those before it, and how many there are.

    By the means over seeds.
    """
    behind, level = _from(saturation, border).mean(), float(before(saturation, border).mean().mean())
    return int((behind < _TAIL_SATURATION * level).sum()), len(behind)


def largest_falls(probes: pd.DataFrame, border: int) -> tuple[pd.Series, pd.Series]:
    """Return the largest fall from one layer to the next, before the border and from it on; 0 where there is none."""
    falls = -probes.diff(axis=1).iloc[:, 1:]
    parts = (before(falls, border), _from(falls, border))
    first, second = (part.max(axis=1).clip(lower=0).fillna(0) for part in parts)
    return first, second


def _course(architecture: str, role: RoleName, rows: pd.DataFrame) -> Course:
    rows = rows.sort_values("layer")
    layers = rows.drop_duplicates("name")
    numbered = rows.assign(
        number=rows["name"].map({name: number for number, name in enumerate(layers["name"], start=1)}),
        percent=100 * rows["saturation"],
    )
    return Course(
        architecture,
        f"{architecture}, {images(role)}",
        tuple(layers["name"]),
        tuple(bool(idle) for idle in layers["unproductive_paper"]),
        by_seed(numbered, "accuracy", columns="number"),
        by_seed(numbered, "percent", columns="number"),
    )


def _from(values: pd.DataFrame, border: int) -> pd.DataFrame:
    return values[[number for number in values.columns if int(number) >= border]]


def _tail_start(saturation: pd.Series) -> int:
    values = saturation.to_numpy()
    starts = range(1, len(values))
    low = (start for start in starts if values[start:].max() < _TAIL_SATURATION * np.mean(values[:start]))
    return next(low, len(values)) + 1
