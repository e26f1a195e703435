"""Claims about fields far larger than the image, and about width and depth: Sections 3.6 to 3.8 of the paper."""

from __future__ import annotations

import pandas as pd

from rflib.paper.verdicts.assessment import all_of, difference, within
from rflib.paper.verdicts.evidence import DIFFERENCE, EQUIVALENCE, Evidence
from rflib.paper.verdicts.margins import COLLAPSE_POINTS, EQUAL_FIELDS, GUESSING_POINTS, NOTICEABLE_POINTS, RATE
from rflib.paper.verdicts.readings import (
    RESNET_LARGE,
    RESNET_SMALL,
    Readings,
    by_seed,
    chosen,
    combinations,
    groups,
    images,
)
from rflib.paper.verdicts.verdict import Finding, Rule

_NETWORK = ("role", "architecture", "pool_kernel")


def free_pruning(readings: Readings) -> Finding:
    """RR-19: at very large fields pruning at 0.9 costs ResNet50 no accuracy."""
    found: list[Evidence | None] = []
    guessing = []
    for where, group in combinations(chosen(readings.pruning, purpose="large", rate=RATE)):
        for (kernel,), runs in groups(group, "pool_kernel"):
            if runs["dense"].mean() <= readings.guess(runs["role"].iloc[0]) + GUESSING_POINTS:
                guessing.append(f"{where}, k = {kernel}")
            else:
                found.append(within(f"{where}, k = {kernel}", runs.set_index("seed")["lost"], NOTICEABLE_POINTS))
    remark = (
        f"Left out, since networks within {GUESSING_POINTS:g} points of guessing have nothing to lose: "
        f"{'; '.join(guessing)}."
    )
    return Finding(found, remark=remark, lacking=remark) if guessing else Finding(found)


def collapse(readings: Readings) -> Finding:
    """RR-20: dense accuracy of ResNet50 at very large fields is far below that at the smallest field of the grid."""
    found: list[Evidence | None] = []
    grids = dict(combinations(chosen(readings.pruning, purpose="grid")))
    for where, group in combinations(chosen(readings.pruning, purpose="large")):
        if where in grids:
            small = by_seed(grids[where], "dense").iloc[:, 0]
            for kernel, dense in by_seed(group, "dense").items():
                found.append(
                    difference(
                        f"{where}, k = {kernel}",
                        dense - small,
                        -1,
                        bound=-COLLAPSE_POINTS,
                        noticeable=0.0,
                        images=readings.test_images[group["role"].iloc[0]],
                    )
                )
    return Finding(found)


def width_helps(readings: Readings) -> Finding:
    """RR-21: at larger fields a wider network gains accuracy and stays below the plain one at the smallest field."""
    found: list[Evidence | None] = []
    for where, count, grids in _widths(readings):
        plain, level = grids[1.0], grids[1.0].iloc[:, 0]
        for multiple, wide in grids.items():
            for kernel in wide.columns.intersection(plain.columns[1:]) if multiple > 1 else []:
                here = f"{where}, k = {kernel}, width × {multiple:g}"
                gain = difference(f"{here}, gain", wide[kernel] - plain[kernel], 1, images=count)
                below = difference(f"{here}, beside k = {plain.columns[0]}", wide[kernel] - level, -1, images=count)
                found.append(all_of(here, [gain, below]))
    return Finding(found)


def width_helps_only_there(readings: Readings) -> Finding:
    """RR-22: twice the width gains nothing at the smallest field, and more at each larger one."""
    found: list[Evidence | None] = []
    for where, count, grids in _widths(readings):
        gains = (grids[2.0] - grids[1.0]).dropna(how="all", axis=1) if 2.0 in grids else pd.DataFrame()
        if gains.shape[1] > 1:
            small, *larger = gains.columns
            found.append(within(f"{where}, gain at k = {small}", gains[small], NOTICEABLE_POINTS))
            for kernel in larger:
                more = gains[kernel] - gains[small]
                here = f"{where}, gain at k = {kernel} beyond that at k = {small}"
                found.append(difference(here, more, 1, images=count))
    return Finding(found)


def depth_helps(readings: Readings) -> Finding:
    """RR-23: at equal field the deeper network is more accurate than the shallower one of the same components."""
    found: list[Evidence | None] = []
    fields = _fields(readings)
    shallow = _plain_width(chosen(readings.pruning, purpose="shallow"))
    deep = _plain_width(chosen(readings.pruning, purpose=("width", "grid")))
    for (role, name, kernel), runs in _networks(shallow):
        mine = fields.get((role, name, kernel))
        for (other_role, other, k), against in _networks(deep[deep["architecture"] != name] if len(deep) else deep):
            theirs = fields.get((other_role, other, k))
            if role != other_role or not mine or not theirs or abs(mine / theirs - 1) > EQUAL_FIELDS:
                continue
            if _family(name) == _family(other):
                where = f"{images(role)}, {other} (k = {k}) beside {name} (k = {kernel})"
                found.append(difference(where, against - runs, 1, images=readings.test_images[role]))
    remark = "The paper announces the shallower network and prints no result for it."
    return Finding(found, remark=remark)


def _widths(readings: Readings) -> list[tuple[str, int, dict[float, pd.DataFrame]]]:
    """Return each network and role, its test images, and grids of dense accuracy by multiple of the narrowest width."""
    pairs = []
    for where, group in combinations(chosen(readings.pruning, purpose="width")):
        narrow = group["width"].min()
        multiples = (group["width"] / narrow).round(3)
        grids = {float(m): by_seed(group[multiples == m], "dense") for m in sorted(multiples.unique())}
        pairs.append((where, readings.test_images[group["role"].iloc[0]], grids))
    return pairs


def _plain_width(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the narrowest width of each role."""
    return frame if frame.empty else frame[frame["width"] == frame.groupby("role")["width"].transform("min")]


def _networks(frame: pd.DataFrame) -> list[tuple[tuple[str, str, int], pd.Series]]:
    """Return role, network and pool kernel with dense accuracy by seed."""
    return [(key, runs.groupby("seed")["dense"].mean()) for key, runs in groups(frame, *_NETWORK)]


def _fields(readings: Readings) -> dict[tuple[str, str, int], float]:
    frame = chosen(readings.networks, map_size="shrinking", pool_dilation=1)
    return {key: float(rows["receptive_field"].iloc[0]) for key, rows in groups(frame, *_NETWORK)}


def _family(architecture: str) -> str:
    return architecture.rstrip("0123456789")


_LARGE = "large-receptive-fields"
_WIDTH = "width-and-depth"

RULES = {
    "RR-19": Rule(
        free_pruning,
        f"Dense minus pruned accuracy at rate {RATE:g} lies within ± {NOTICEABLE_POINTS:g} point at each large field. "
        f"{EQUIVALENCE}",
        f"one-shot pruning at rate {RATE:g} of networks with large fields that do better than guessing",
        _LARGE,
        ("table-6", "table-7"),
        scope=(RESNET_SMALL, RESNET_LARGE),
    ),
    "RR-20": Rule(
        collapse,
        f"Dense accuracy at each large field is more than {COLLAPSE_POINTS:g} points below that at the smallest field "
        f"of the grid. {DIFFERENCE}",
        "dense accuracy at large fields and on the ordinary grid",
        _LARGE,
        ("table-6", "table-7"),
        scope=(RESNET_SMALL, RESNET_LARGE),
    ),
    "RR-21": Rule(
        width_helps,
        "For each kernel above the smallest and each width, both must hold of dense accuracy: above the plain width at "
        f"the same kernel, and below the plain width at the smallest (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "two or more widths at two or more pool kernels",
        _WIDTH,
        ("table-8",),
    ),
    "RR-22": Rule(
        width_helps_only_there,
        f"At the smallest kernel twice the width gains no more than ± {NOTICEABLE_POINTS:g} point. {EQUIVALENCE} At "
        f"each larger kernel it gains more than there. {DIFFERENCE}",
        "the plain and twice the width at two or more pool kernels",
        _WIDTH,
        ("table-8",),
    ),
    "RR-23": Rule(
        depth_helps,
        f"Dense accuracy of the deeper minus that of the shallower network, at fields within {EQUAL_FIELDS:.0%} of "
        f"each other, is positive. {DIFFERENCE}",
        f"a shallower network whose field is within {EQUAL_FIELDS:.0%} of a deeper one's",
        _WIDTH,
        ("fig-width-and-depth",),
    ),
}
