"""Claims of "Should You Go Deeper?" about the border layer: what probes and saturation do before it and behind it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from rflib.paper.chapters.should_you_go_deeper.courses import (
    LARGE,
    RISES_AND_STOPS,
    Course,
    courses,
    largest_falls,
    low_layers,
    saturation_drop,
    stagnation,
    stops,
    tail_start,
    with_border,
)
from rflib.paper.chapters.should_you_go_deeper.layers import probe_halves
from rflib.paper.verdicts.assessment import all_of, difference, trend, within
from rflib.paper.verdicts.evidence import DIFFERENCE, EQUIVALENCE, TREND, Evidence
from rflib.paper.verdicts.margins import (
    NOTICEABLE_LAYERS,
    NOTICEABLE_POINTS,
    NOTICEABLE_SATURATION,
    SUDDEN_POINTS,
)
from rflib.paper.verdicts.readings import RESNET_SMALL, VGG_SMALL, Readings, by_seed, combinations
from rflib.paper.verdicts.verdict import Finding, Rule

_VGGS = ("vgg11", "vgg13", "vgg16", "vgg19")
_VARIANTS = ("resnet18_no_skips", "vgg19_dilated")
_RESIDUAL = ("resnet18", "resnet34")
_ATTENTION = ("spatial", "squeeze_excitation", "cbam")
# Figure 2 of the paper: the tail of VGG16 begins at Conv8.
_FIRST_OF_THE_TAIL = 8
_LAYERS = "layers"
_SATURATION = "points of saturation"


def sequential(readings: Readings) -> Finding:
    """GD-02: in VGGs probes rise before the border layer and no further from it on."""
    return Finding([stops(course, border) for course, border in with_border(readings, *_VGGS)])


def saturated_before(readings: Readings) -> Finding:
    """GD-03: in VGGs layers before the border are saturated more than those from it on."""
    found, low = [], []
    for course, border in with_border(readings, *_VGGS):
        drop = saturation_drop(course.saturation, border)
        found.append(difference(course.where, drop, 1, noticeable=NOTICEABLE_SATURATION, measure=_SATURATION))
        below, behind = low_layers(course.saturation, border)
        low.append(f"{below} of {behind} in {course.where}")
    remark = f"From the border on, saturated by less than half the average of the layers before: {'; '.join(low)}."
    return Finding(found, remark=remark if low else "")


def first_of_the_tail(readings: Readings) -> Finding:
    """GD-04: in VGG16 both low saturation and flat probes begin at the eighth convolution."""
    found = []
    for course, _ in with_border(readings, "vgg16"):
        parts = [
            _place(f"{course.where}, {what} beside Conv{_FIRST_OF_THE_TAIL}", begins, _FIRST_OF_THE_TAIL)
            for what, begins in (
                ("low saturation", tail_start(course.saturation)),
                ("flat probes", stagnation(course.probes)),
            )
        ]
        found.append(all_of(course.where, parts))
    return Finding(found)


def other_images(readings: Readings) -> Finding:
    """GD-05: on the large images probes stop rising at the border layer of their size."""
    pairs = [(course, course.border) for course in courses(readings, LARGE).values()]
    found = _coincide((course, border) for course, border in pairs if border is not None)
    remark = "The border is that of the size of these images; the paper takes them at the size of its small ones."
    return Finding(found, remark=remark)


def other_networks(readings: Readings) -> Finding:
    """GD-06: without shortcuts, and with dilated kernels, probes stop rising at the border layer."""
    return Finding(_coincide(with_border(readings, *_VARIANTS)))


def residual(readings: Readings) -> Finding:
    """GD-10: in ResNets probes rise before the border layer and no further from it on."""
    return Finding([stops(course, border) for course, border in with_border(readings, *_RESIDUAL)])


def sudden_drops(readings: Readings) -> Finding:
    """GD-13: in ResNets probes fall suddenly from the border on, and nowhere before it."""
    found, steady = [], []
    for course, border in with_border(readings, *_RESIDUAL):
        before, behind = largest_falls(course.probes, border)
        if max(before.mean(), behind.mean()) <= SUDDEN_POINTS:
            steady.append(course.where)
            continue
        parts = [
            difference(f"{course.where}, largest fall {place}", falls, sign, bound=SUDDEN_POINTS, noticeable=0.0)
            for place, falls, sign in (("before the border", before, -1), ("from the border on", behind, 1))
        ]
        found.append(all_of(course.where, parts))
    none = f"Nowhere does a probe fall by more than {SUDDEN_POINTS:g} points: {'; '.join(steady)}." if steady else ""
    return Finding(found, remark=none, lacking=none)


def attention(readings: Readings) -> Finding:
    """GD-14: attention moves neither the place where probes stop rising nor the drop of saturation at the border."""
    found = []
    for ending in ("", "_no_skips"):
        for plain, border in with_border(readings, f"resnet18{ending}"):
            for course, own in with_border(readings, *(f"resnet18_{kind}{ending}" for kind in _ATTENTION)):
                moved = stagnation(course.probes) - stagnation(plain.probes)
                changed = saturation_drop(course.saturation, own) - saturation_drop(plain.saturation, border)
                parts = [
                    within(f"{course.where}, where probes stop", moved, NOTICEABLE_LAYERS, measure=_LAYERS),
                    within(f"{course.where}, drop of saturation", changed, NOTICEABLE_SATURATION, measure=_SATURATION),
                ]
                found.append(all_of(course.where, parts))
    return Finding(found)


def deep_layers(readings: Readings) -> Finding:
    """RR-18: what the deeper half of a network adds to probes falls with the field."""
    found: list[Evidence | None] = []
    for role in readings.study.profile.roles:
        for where, group in combinations(probe_halves(readings.study, role=role)):
            found.append(trend(where, by_seed(group, "gain"), -1))
    return Finding(found, remark="That finer features are what is missing does not follow from probes.")


def _coincide(pairs: Iterable[tuple[Course, int]]) -> list[Evidence | None]:
    """Return whether the place where probes stop rising is that of the border layer."""
    return [_place(course.where, stagnation(course.probes), border) for course, border in pairs]


def _place(where: str, begins: pd.Series, expected: int) -> Evidence | None:
    return within(where, begins - expected, NOTICEABLE_LAYERS, measure=_LAYERS)


def _scope(*architectures: str) -> tuple[str, ...]:
    return tuple(f"{name}, small images" for name in architectures)


_PROBED = "saturation and probes of every layer of"
_SEQUENTIAL_FIGURE, _RESIDUAL_FIGURE = ("fig-deeper-sequential",), ("fig-deeper-residual",)
_STAGNATION = (
    f"Probes stop rising at the layer behind the first one that comes within {NOTICEABLE_POINTS:g} point of the best."
)
_COINCIDES = f"{_STAGNATION} It is at most {NOTICEABLE_LAYERS:g} layer from the border layer. {EQUIVALENCE}"
CLAIMS = {
    "GD-02": Rule(
        sequential,
        RISES_AND_STOPS,
        f"{_PROBED} vgg11, vgg13, vgg16 or vgg19 on the small images",
        _SEQUENTIAL_FIGURE,
        scope=_scope(*_VGGS),
    ),
    "GD-03": Rule(
        saturated_before,
        "The mean saturation of the layers before the border minus that of the layers from it on is positive (without "
        f"a test, by more than {NOTICEABLE_SATURATION:g} points of saturation). {DIFFERENCE}",
        f"{_PROBED} vgg11, vgg13, vgg16 or vgg19 on the small images",
        _SEQUENTIAL_FIGURE,
        scope=_scope(*_VGGS),
    ),
    "GD-04": Rule(
        first_of_the_tail,
        f"Both must hold: the run to the end in which every layer is saturated by less than half the average of those "
        f"before begins at most {NOTICEABLE_LAYERS:g} layer from convolution {_FIRST_OF_THE_TAIL}, and so does the "
        f"place where probes stop rising. {_STAGNATION} {EQUIVALENCE}",
        f"{_PROBED} vgg16 on the small images",
        _SEQUENTIAL_FIGURE,
        scope=_scope("vgg16"),
    ),
    "GD-05": Rule(
        other_images,
        _COINCIDES,
        f"{_PROBED} a network that has a border layer on the large images",
        ("fig-deeper-large-images",),
    ),
    "GD-06": Rule(
        other_networks,
        _COINCIDES,
        f"{_PROBED} resnet18_no_skips or vgg19_dilated on the small images",
        _SEQUENTIAL_FIGURE,
        scope=_scope(*_VARIANTS),
    ),
    "GD-10": Rule(
        residual,
        RISES_AND_STOPS,
        f"{_PROBED} resnet18 or resnet34 on the small images",
        _RESIDUAL_FIGURE,
        scope=_scope(*_RESIDUAL),
    ),
    "GD-13": Rule(
        sudden_drops,
        "Both must hold of the largest fall of probe accuracy from one convolution to the next: before the border it "
        f"is smaller than {SUDDEN_POINTS:g} points, and from the border on it is larger. {DIFFERENCE}",
        f"{_PROBED} resnet18 or resnet34 on the small images",
        _RESIDUAL_FIGURE,
        scope=_scope(*_RESIDUAL),
    ),
    "GD-14": Rule(
        attention,
        "Both must hold, beside the same network without attention: the place where probes stop rising moves by no "
        f"more than {NOTICEABLE_LAYERS:g} layer, and the drop of mean saturation at the border changes by no more than "
        f"{NOTICEABLE_SATURATION:g} points. {_STAGNATION} {EQUIVALENCE}",
        f"{_PROBED} resnet18 with and without an attention module, on the small images",
        ("fig-deeper-attention",),
        scope=_scope(*(f"resnet18_{kind}{ending}" for ending in ("", "_no_skips") for kind in _ATTENTION)),
    ),
    "RR-18": Rule(
        deep_layers,
        "The best probe in the second half of the convolutions minus the best in the first half falls. "
        f"{TREND} The family is every network and image size.",
        "probes of every layer at two or more pool kernels of one network",
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
}
