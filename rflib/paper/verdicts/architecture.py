"""Claims about the networks themselves and their maps: Sections 1, 3.2, 3.3 and 4 of the paper."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rflib.paper.verdicts.assessment import difference, fact
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_POINTS, SIMILAR_PARAMETERS
from rflib.paper.verdicts.readings import EVERY, Readings, by_seed, chosen, combinations, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "manipulating-the-receptive-field"
_KEPT = {"padded": "maps kept by padding", "dilated": "maps kept by dilation"}


def equal_parameters(readings: Readings) -> Finding:
    """RR-06: the pool changes neither the number of parameters nor the convolutions."""
    found = []
    for where, group in combinations(_grid(readings)):
        if group["pool_kernel"].nunique() > 1:
            apart = float(group["parameters"].max() - group["parameters"].min())
            same = apart == 0 and group["layers"].nunique() == 1
            found.append(fact(where, "parameters apart", apart, agrees=same))
    remark = "Compared are the total and the names of the convolutions; no count by layer is recorded."
    return Finding(found, remark=remark)


def similar_parameters(readings: Readings) -> Finding:
    """RR-07: the two networks have a similar number of parameters, at the width of the profile."""
    found, widths = [], set()
    for (role,), group in groups(_grid(readings), "role"):
        counts = chosen(group, architecture=("rf_vgg19", "rf_resnet50")).groupby("architecture")["parameters"].max()
        if len(counts) == 2:
            ratio = float(counts.max() / counts.min())
            where = f"rf_vgg19 and rf_resnet50, {images(role)}"
            found.append(fact(where, "times the parameters", ratio, agrees=ratio <= SIMILAR_PARAMETERS))
            widths |= {f"{width:g}" for width in group["width"]}
    remark = f"Counted at the width of the profile, {' and '.join(sorted(widths))} times the standard one's channels."
    return Finding(found, remark=remark)


def fields_beyond_the_image(readings: Readings) -> Finding:
    """RR-08: the field of the last convolution exceeds the image at every setting."""
    found = []
    for where, group in combinations(chosen(readings.networks, purpose=("grid", "large"))):
        beyond = float((group["receptive_field"] - group["image_size"]).min())
        found.append(fact(where, "px beyond the image at the smallest field", beyond, agrees=beyond > 0))
    return Finding(found)


def size_of_the_maps(readings: Readings) -> Finding:
    """RR-24: the pool shrinks the last map, and with maps of constant size accuracy follows the field less."""
    shrinking = []
    for where, group in combinations(_grid(readings)):
        sizes = group.drop_duplicates("pool_kernel").sort_values("pool_kernel")["last_map_size"]
        if len(sizes) > 1:
            change = float(sizes.iloc[-1] - sizes.iloc[0])
            shrinking.append(
                fact(f"{where}, last map", "px from the smallest kernel to the largest", change, agrees=change < 0)
            )
    weaker = _weaker_with_constant_maps(readings)
    if not shrinking or not weaker:
        known = "; ".join(f"{each.where}: {each.size}" for each in shrinking)
        remark = "Whether the size of the maps alters behaviour needs maps of constant size at a kernel above 1."
        return Finding([], lacking=f"{remark} Its change: {known}." if known else remark)
    return Finding([*shrinking, *weaker])


def _weaker_with_constant_maps(readings: Readings) -> list[Evidence]:
    """Return how much more accuracy falls, and the cost of pruning, over k with shrinking maps than with constant."""
    found: list[Evidence | None] = []
    grids = dict(combinations(chosen(readings.pruning, purpose="grid")))
    for where, group in combinations(chosen(readings.pruning, purpose="variant", map_size=tuple(_KEPT))):
        images = readings.test_images[group["role"].iloc[0]]
        for (map_size,), constant in groups(group, "map_size"):
            if where in grids:
                pair = [grids[where], constant]
                compared = [("dense", "dense accuracy", pair)]
                compared += [("lost", "accuracy lost to pruning over the rates", _alike(readings, pair))]
                for value, name, frames in compared:
                    more = _change_beyond(*(by_seed(each, value) for each in frames))
                    found.append(difference(f"{where}, {_KEPT[map_size]}, {name}", more, -1, images=images))
    return [each for each in found if each is not None]


def _alike(readings: Readings, frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return frames at those rates at which none of them guesses at every field: a floor decides nothing."""
    rates = set.intersection(*({*readings.telling(frame, "pruned")["rate"]} for frame in frames))
    return [frame[frame["rate"].isin(rates)] for frame in frames]


def _change_beyond(shrinking: pd.DataFrame, constant: pd.DataFrame) -> pd.Series:
    """Return, by seed, the change from the smallest common kernel to the largest, less that with constant maps.

    At k = 1 the pool changes nothing and every variant is the paper's network, whose runs then stand for its own.
    """
    if 1 in shrinking and 1 not in constant:
        constant = constant.join(shrinking[[1]])
    kernels = shrinking.columns.intersection(constant.columns)
    if len(kernels) < 2:
        return pd.Series(dtype=float)
    first, last = kernels.min(), kernels.max()
    return (shrinking[last] - shrinking[first]) - (constant[last] - constant[first])


def _grid(readings: Readings) -> pd.DataFrame:
    return chosen(readings.networks, purpose="grid")


RULES = {
    "RR-06": Rule(
        equal_parameters,
        "Exact: the number of parameters and the list of convolutions are the same at every kernel.",
        "networks at two or more pool kernels",
        _CHAPTER,
        scope=EVERY,
    ),
    "RR-07": Rule(
        similar_parameters,
        f"Exact: the larger network has at most {SIMILAR_PARAMETERS:g} times the parameters of the smaller.",
        "both rf_vgg19 and rf_resnet50",
        _CHAPTER,
    ),
    "RR-08": Rule(
        fields_beyond_the_image,
        "Exact: the field of the last convolution minus the side of the image is positive at every kernel.",
        "networks of the grid",
        _CHAPTER,
        ("fig-field-growth",),
        scope=EVERY,
    ),
    "RR-24": Rule(
        size_of_the_maps,
        "Exact: the last map shrinks. And dense accuracy, and the accuracy lost to pruning as the mean over the rates "
        "at which neither kind of network guesses at every field, fall more over the kernels with shrinking maps than "
        f"with constant ones (by more than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "maps of constant size at a kernel above 1, and the paper's network at that kernel and a smaller one",
        "open-questions",
        ("fig-variants",),
    ),
}
