"""Claims of "Should You Go Deeper?" about several paths to a layer: multi-path networks and shortcuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any

import pandas as pd

from rflib.paper.chapters.should_you_go_deeper.courses import (
    RISES_AND_STOPS,
    SMALL,
    Course,
    before,
    courses,
    further_rise,
    stagnation,
    stops,
    structures,
)
from rflib.paper.verdicts.assessment import difference, fact, within
from rflib.paper.verdicts.evidence import DIFFERENCE, EQUIVALENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_LAYERS, NOTICEABLE_POINTS, SIMILAR_PROBES_POINTS
from rflib.paper.verdicts.readings import Readings, images
from rflib.paper.verdicts.verdict import Finding, Rule

_MULTI_PATH = ("mpnet18", "mpnet36")
_RESIDUAL = ("resnet18", "resnet34")
# The names of the two paths of a block (rflib.models.multi_path), and their kernels.
_PATHS = {"small": "3×3", "large": "7×7"}
Paths = tuple[Course, Course]


def smallest_field(readings: Readings) -> Finding:
    """GD-07: along both paths probes rise before the border of the smallest field and no further from it on."""
    return Finding([stops(path, border) for _, border, paths in _multi_path(readings) for path in paths])


def largest_field(readings: Readings) -> Finding:
    """GD-08: along both paths probes rise further between the border of the largest field and that of the smallest."""
    found: list[Evidence | None] = []
    recorded = structures(readings, "full")
    for course, border, paths in _multi_path(readings):
        layer = recorded[course.architecture]["border_layer_largest"]
        early = border if layer is None else course.number(layer)
        for path in paths:
            if any(early <= number < border for number in path.numbers):
                found.append(difference(path.where, further_rise(before(path.probes, border), early), 1))
    return Finding(found)


def both_paths(readings: Readings) -> Finding:
    """GD-09: where the paths of a block meet, probes of their last layers are equally accurate."""
    found = []
    for course, _, paths in _multi_path(readings):
        small, large = (_last_of_blocks(path, kind) for path, kind in zip(paths, _PATHS, strict=True))
        gaps = pd.concat([small[block] - large[block] for block in small], axis=1)
        found.append(within(course.where, gaps.abs().mean(axis=1), SIMILAR_PROBES_POINTS))
    return Finding(found)


def later_border(readings: Readings) -> Finding:
    """GD-11: with shortcuts the border comes later, and so does the place where probes stop rising."""
    found: list[Evidence | None] = []
    measured = courses(readings)
    for name in _RESIDUAL:
        if name in measured and f"{name}_no_skips" in measured:
            with_skips, without = measured[name], measured[f"{name}_no_skips"]
            later = with_skips.past_border - without.past_border
            found.append(fact(f"{with_skips.where}, border", "layers later", later, agrees=later > 0))
            longer = stagnation(with_skips.probes) - stagnation(without.probes)
            where = f"{with_skips.where}, where probes stop"
            found.append(difference(where, longer, 1, noticeable=NOTICEABLE_LAYERS, measure="layers"))
    return Finding(found)


def zigzag(readings: Readings) -> Finding:
    """GD-12: the smallest field jumps back at every block of a ResNet, by more in every later stage."""
    found: list[Evidence | None] = []
    recorded = structures(readings, "full")
    for name in _RESIDUAL:
        if name in recorded:
            blocks, where = _blocks(recorded[name]["rows"]), f"{name}, {images(SMALL)}"
            kept = sum(here[0] >= earlier[-1] for earlier, here in pairwise(blocks.values()))
            found.append(fact(f"{where}, resets", "blocks without a reset", kept, agrees=kept == 0))
            heights = _heights(blocks)
            grows = all(low < high for low, high in pairwise(heights))
            times = heights[-1] / heights[0]
            found.append(fact(f"{where}, amplitude", "times the first stage's in the last", times, agrees=grows))
    return Finding(found)


def _multi_path(readings: Readings) -> list[tuple[Course, int, Paths]]:
    """Return each multi-path network, the border layer along the path of the smallest field, and both paths.

    Blocks are numbered in order, the small path of each before the large one, so the number serves for both.
    """
    measured = courses(readings)
    found = []
    for course in (measured[name] for name in _MULTI_PATH if name in measured):
        small, large = _path(course, "small"), _path(course, "large")
        if small.border is not None:
            found.append((course, small.border, (small, large)))
    return found


def _path(course: Course, kind: str) -> Course:
    """Return the layers that the two paths share and those of one of them."""
    others = [f".{name}." for name in _PATHS if name != kind]
    path = course.only(lambda layer: not any(other in layer for other in others))
    return replace(path, where=f"{course.where}, path of {_PATHS[kind]}")


def _last_of_blocks(path: Course, kind: str) -> dict[str, pd.Series]:
    """Return the probes of the last layer of a path in each block, by block."""
    inside = [name for name in path.names if f".{kind}." in name]
    return {name.split(f".{kind}.")[0]: path.probes[path.number(name)] for name in inside}


def _blocks(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return the smallest fields of the convolutions of each residual block, such as layer1.0, in pixels."""
    order = [row for row in rows if row["name"].startswith("layer") and "downsample" not in row["name"]]
    grouped = groupby(order, key=lambda row: row["name"].rsplit(".", 1)[0])
    return {block: [row["r_min"] for row in layers] for block, layers in grouped}


def _heights(blocks: Mapping[str, Sequence[float]]) -> list[float]:
    """Return by how much the smallest field grows within a block, the largest of each stage."""
    stages = groupby(blocks.items(), key=lambda block: block[0].split(".")[0])
    return [max(fields[-1] - fields[0] for _, fields in group) for _, group in stages]


def _scope(architectures: Sequence[str], *endings: str) -> tuple[str, ...]:
    return tuple(f"{name}, {images(SMALL)}{ending}" for name in architectures for ending in endings)


_ALONG = [f", path of {kernel}" for kernel in _PATHS.values()]
_MULTI_PATH_FIGURE, _RESIDUAL_FIGURE = ("fig-deeper-multi-path",), ("fig-deeper-residual",)
_NEEDS = "saturation and probes of every layer of mpnet18 or mpnet36 on the small images"
CLAIMS = {
    "GD-07": Rule(
        smallest_field,
        f"Along each path, with the border of the path of smaller kernels. {RISES_AND_STOPS}",
        _NEEDS,
        _MULTI_PATH_FIGURE,
        scope=_scope(_MULTI_PATH, *_ALONG),
    ),
    "GD-08": Rule(
        largest_field,
        "Along each path probes go on rising past the border of the largest field: the best of the layers from there "
        "to the border of the smallest field minus the best before is positive (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        _NEEDS,
        _MULTI_PATH_FIGURE,
        scope=_scope(_MULTI_PATH, *_ALONG),
    ),
    "GD-09": Rule(
        both_paths,
        "The probes of the last layers of both paths of a block differ by no more than "
        f"{SIMILAR_PROBES_POINTS:g} points in size, averaged over the blocks. {EQUIVALENCE}",
        _NEEDS,
        _MULTI_PATH_FIGURE,
        scope=_scope(_MULTI_PATH, ""),
    ),
    "GD-11": Rule(
        later_border,
        "Two quantities, each on its own, with shortcuts minus without: the place of the border layer is later, which "
        "is exact; and so is the place where probes stop rising, behind the first layer that comes within "
        f"{NOTICEABLE_POINTS:g} point of the best (by more than {NOTICEABLE_LAYERS:g} layer). "
        f"{DIFFERENCE}",
        "saturation and probes of every layer of resnet18 or resnet34 with and without shortcuts, on the small images",
        (*_RESIDUAL_FIGURE, "fig-deeper-sequential"),
        scope=_scope(_RESIDUAL, ""),
    ),
    "GD-12": Rule(
        zigzag,
        "Exact: the smallest field of the first convolution of every block is below that of the convolution before "
        "it, and its growth within a block is larger in every later stage.",
        "the layers of resnet18 or resnet34 on the small images",
        _RESIDUAL_FIGURE,
        scope=_scope(_RESIDUAL, ""),
    ),
}
