"""Claims of "Dead Pixel Test": field and accuracy, effective fields, partially dead pixels and kernel padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from rflib.paper import tables
from rflib.paper.verdicts.assessment import all_of, difference, fact, within
from rflib.paper.verdicts.evidence import DIFFERENCE, EQUIVALENCE, Evidence
from rflib.paper.verdicts.margins import (
    CLEAR_IMBALANCE,
    CLEAR_TREND,
    DEAD_PIXELS_PERCENT,
    NOTICEABLE_IMBALANCE,
    NOTICEABLE_PIXELS,
    NOTICEABLE_POINTS,
    NOTICEABLE_SHARE,
)
from rflib.paper.verdicts.readings import Readings, chosen, combinations, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "effective-receptive-field"
# Fewer networks have no rank correlation to speak of.
_FEWEST_NETWORKS = 4


def smaller_and_growing(readings: Readings) -> Finding:
    """RR-25: the effective field of the last convolution is smaller than in theory, and larger after training."""

    def decide(where: str, runs: pd.DataFrame) -> Evidence | None:
        beside = _pixels(f"{where}, beside theory", runs["trained"] - runs["visible_field"], -1)
        return all_of(where, [beside, _pixels(f"{where}, growth", runs["growth"], 1)])

    control = _mirrored(readings, "growth", "the trained field is larger than the untrained one")
    return Finding(_by_network(readings, decide), control=control)


def field_and_accuracy(readings: Readings) -> Finding:
    """DP-01: over networks, accuracy follows the field weakly or not at all."""
    found, networks = [], []
    for role in readings.study.profile.roles:
        runs = tables.field_runs(readings.study, role=role)
        if runs.empty or runs["architecture"].nunique() < _FEWEST_NETWORKS:
            continue
        correlations = {
            seed: tables.trend(group["theoretical_field"].tolist(), group["accuracy"].tolist())
            for (seed,), group in groups(runs, "seed")
        }
        networks.append(f"{runs['architecture'].nunique()} networks on {images(role)}")
        sample = pd.Series(correlations)
        found.append(within(images(role), sample, CLEAR_TREND, measure="rank correlation with the field"))
    remark = f"Over {' and '.join(networks)}: the interval is over seeds and says nothing about other networks."
    return Finding(found, remark=remark if networks else "")


def width_and_cardinality(readings: Readings) -> Finding:
    """DP-02: width and cardinality change the accuracy while the field stays."""
    found: list[Evidence | None] = []
    for where, runs in _scaled(readings):
        first = runs.iloc[0]
        for (width, cardinality), group in groups(runs, "width", "cardinality"):
            if (width, cardinality) == (first["width"], first["cardinality"]):
                continue
            what = f"{where}, width × {width / first['width']:g}, cardinality {cardinality}"
            apart = float((group["receptive_field"] - first["receptive_field"]).abs().max())
            same = fact(f"{what}, field", "px apart", apart, agrees=apart == 0)
            found.append(all_of(what, [same, _either_way(f"{what}, accuracy", group.set_index("seed")["change"])]))
    return Finding(found)


def saturation(readings: Readings) -> Finding:
    """DP-03: along the depth the effective field grows, and less and less."""

    def decide(where: str, runs: pd.DataFrame) -> Evidence | None:
        flatter = _pixels(f"{where}, second half beside the first", runs["late"] - runs["early"], -1)
        return all_of(where, [_pixels(f"{where}, first half", runs["early"], 1), flatter])

    control = _mirrored(readings, "flattening", "the second half of the depth adds less than the first")
    return Finding(_by_network(readings, decide), control=control)


def unequal_pixels(readings: Readings) -> Finding:
    """DP-04: the pixels of residual networks contribute unequally, and some are partially dead."""
    found: list[Evidence | None] = []
    for where, runs in combinations(_pixel_runs(readings)):
        if "resnet" in where:
            by_seed = runs.set_index("seed")
            spread = _imbalance(f"{where}, imbalance", by_seed["imbalance"], 1, bound=CLEAR_IMBALANCE)
            share, here = by_seed["partially_dead"], f"{where}, partially dead"
            dead = difference(here, share, 1, bound=DEAD_PIXELS_PERCENT, noticeable=0.0, measure="% of the pixels")
            found.append(all_of(where, [spread, dead]))
    return Finding(found)


def odd_kernels(readings: Readings) -> Finding:
    """DP-05: pixels are unequal where a stride does not divide its kernel, and alike where every stride does."""
    found: list[Evidence | None] = []
    for (role,), runs in groups(_pixel_runs(readings), "role"):
        even = runs[runs["uneven_layers"] == 0].groupby("seed")["imbalance"].mean()
        for (architecture,), group in groups(runs[runs["uneven_layers"] > 0], "architecture"):
            more = group.set_index("seed")["imbalance"] - even
            where = f"{architecture}, {images(role)}, beside networks of even kernels"
            found.append(_imbalance(where, more, 1, noticeable=NOTICEABLE_IMBALANCE))
    return Finding(found)


def padding_evens_out(readings: Readings) -> Finding:
    """DP-06: with padded kernels the pixels are less unequal."""
    changes = _padded(readings, "imbalance_change")
    return Finding([_imbalance(where, sample, -1, noticeable=NOTICEABLE_IMBALANCE) for where, sample in changes])


def padding_and_classes(readings: Readings) -> Finding:
    """DP-07: padded kernels do not help to tell classes."""
    gains = _padded(readings, "accuracy_change", task="classes")
    return Finding([difference(where, gain, -1, bound=NOTICEABLE_POINTS, noticeable=0.0) for where, gain in gains])


def padding_and_shifts(readings: Readings) -> Finding:
    """DP-08: padded kernels help to tell shifts, and the output answers less to a shift of the whole image."""
    responses = dict(_padded(readings, "output_change_change", task="shifts"))
    found = []
    for where, gain in _padded(readings, "accuracy_change", task="shifts"):
        here, spread = f"{where}, response", "of the outputs' spread"
        calmer = difference(here, responses[where], -1, noticeable=NOTICEABLE_SHARE, measure=spread)
        found.append(all_of(where, [difference(f"{where}, accuracy", gain, 1), calmer]))
    return Finding(found)


def _by_network(readings: Readings, decide: Callable[[str, pd.DataFrame], Evidence | None]) -> list[Evidence | None]:
    """Return the evidence of each network, from one row a seed."""
    return [decide(where, runs.set_index("seed")) for where, runs in combinations(_field_runs(readings))]


def _field_runs(readings: Readings, *, mirrored: bool = False) -> pd.DataFrame:
    return readings.over_roles(tables.field_runs, mirrored=mirrored)


def _pixel_runs(readings: Readings) -> pd.DataFrame:
    return readings.over_roles(tables.pixel_runs)


def _scaled(readings: Readings) -> list[tuple[str, pd.DataFrame]]:
    return list(combinations(readings.over_roles(tables.scaled_runs)))


def _padded(readings: Readings, quantity: str, **only: str) -> list[tuple[str, pd.Series]]:
    """Return padded minus plain by seed for each network and task, named."""
    frame = chosen(readings.over_roles(tables.padded_runs), **only)
    return [
        (f"{architecture}, {images(role)}, {task}", runs.set_index("seed")[quantity])
        for (architecture, role, task), runs in groups(frame, "architecture", "role", "task")
    ]


def _mirrored(readings: Readings, quantity: str, words: str) -> str:
    """Say in how many networks a mean is positive where the border of the image bounds no field."""
    runs = _field_runs(readings, mirrored=True)
    if runs.empty:
        return ""
    runs = runs.assign(flattening=runs["early"] - runs["late"])
    means = [group[quantity].mean() for _, group in combinations(runs)]
    held = sum(mean > 0 for mean in means)
    return f"On images that are mirrored beyond their border {words} in {held} of {len(means)} networks."


def _pixels(where: str, sample: pd.Series, expected: int) -> Evidence | None:
    return difference(where, sample, expected, noticeable=NOTICEABLE_PIXELS, measure="px")


def _imbalance(
    where: str, sample: pd.Series, expected: int, *, bound: float = 0.0, noticeable: float = 0.0
) -> Evidence | None:
    return difference(where, sample, expected, bound=bound, noticeable=noticeable, measure="imbalance")


def _either_way(where: str, sample: pd.Series) -> Evidence | None:
    """Return whether a difference is not zero, whatever its sign: the test of its own sign, with twice the p-value."""
    found = difference(where, sample, 1 if sample.mean() >= 0 else -1)
    return found if found is None or found.p is None else replace(found, p=min(1.0, 2 * found.p))


_BORDER = "The side of the image bounds every effective field; the control is without this bound."
_AS_PADDED = "one-sided differences padded minus plain, within a seed"

RULES = {
    "RR-25": Rule(
        smaller_and_growing,
        "Both must hold for the last convolution of a network, on images as they are: the trained effective field is "
        "smaller than the theoretical one or the image, whichever is less, and larger than the untrained one (without "
        f"a test, each by more than {NOTICEABLE_PIXELS:g} px). {_BORDER} {DIFFERENCE}",
        "effective fields before and after training",
        _CHAPTER,
        ("fig-effective-fields", "fig-effective-fields-mirrored"),
    ),
    "DP-01": Rule(
        field_and_accuracy,
        f"In each seed the rank correlation of test accuracy with the theoretical field, over {_FEWEST_NETWORKS} "
        f"networks or more; its mean is between -{CLEAR_TREND:g} and {CLEAR_TREND:g}. {EQUIVALENCE}",
        f"trained networks of {_FEWEST_NETWORKS} or more architectures",
        _CHAPTER,
        ("fig-field-and-accuracy",),
    ),
    "DP-02": Rule(
        width_and_cardinality,
        "Exact: the field is the same. And the accuracy differs, up or down (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE.replace('one-sided', 'two-sided')}",
        "runs of one architecture at several widths or cardinalities",
        _CHAPTER,
    ),
    "DP-03": Rule(
        saturation,
        "Both must hold, along the layers of a trained network on images as they are: the effective field grows over "
        "the first half of the depth, and grows less over the second (each by more than "
        f"{NOTICEABLE_PIXELS:g} px). {_BORDER} {DIFFERENCE}",
        "effective fields along the depth",
        _CHAPTER,
        ("fig-effective-fields", "fig-effective-fields-mirrored"),
    ),
    "DP-04": Rule(
        unequal_pixels,
        f"Both must hold: the coefficient of variation of the four phases of pixels exceeds {CLEAR_IMBALANCE:g}, and "
        f"more than {DEAD_PIXELS_PERCENT:g} % of the pixels have less than half the sensitivity of their 2x2 cell. "
        f"{DIFFERENCE}",
        "pixel sensitivity of residual networks",
        _CHAPTER,
        ("fig-sensitivity-maps",),
    ),
    "DP-05": Rule(
        odd_kernels,
        "The imbalance of a network with kernels that their stride does not divide exceeds the mean of the networks "
        f"without any (by more than {NOTICEABLE_IMBALANCE:g}). {DIFFERENCE}",
        "pixel sensitivity of networks with odd and with even strided kernels",
        _CHAPTER,
    ),
    "DP-06": Rule(
        padding_evens_out,
        f"The imbalance of pixels, {_AS_PADDED}, is negative (by more than {NOTICEABLE_IMBALANCE:g}). {DIFFERENCE}",
        "pixel sensitivity with and without kernel padding",
        _CHAPTER,
        ("fig-kernel-padding",),
    ),
    "DP-07": Rule(
        padding_and_classes,
        f"Test accuracy, {_AS_PADDED}, is below +{NOTICEABLE_POINTS:g} point. {DIFFERENCE}",
        "runs on classes with and without kernel padding",
        _CHAPTER,
        ("fig-kernel-padding",),
    ),
    "DP-08": Rule(
        padding_and_shifts,
        f"Both must hold on the task of shifts, as {_AS_PADDED}: test accuracy rises (by more than "
        f"{NOTICEABLE_POINTS:g} point), and the change of the outputs when the image moves by one pixel falls (without "
        f"a test, by more than {NOTICEABLE_SHARE:.0%} of their spread). {DIFFERENCE}",
        "runs on shifts with and without kernel padding",
        _CHAPTER,
        ("fig-kernel-padding",),
    ),
}
