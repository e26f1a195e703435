"""Claims of "Should You Go Deeper?" about changed networks: truncated, without a stem, with attention."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import pandas as pd
from scipy.stats import chi2, friedmanchisquare

from rflib.paper import reported
from rflib.paper.chapters.should_you_go_deeper.courses import SMALL, courses, structures, tail_start
from rflib.paper.verdicts.assessment import FEWEST_SEEDS, all_of, difference, fact
from rflib.paper.verdicts.evidence import DIFFERENCE, POINTS, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_POINTS, SLIGHT_POINTS
from rflib.paper.verdicts.readings import Readings, by_seed, chosen, images
from rflib.paper.verdicts.verdict import Finding, Rule

_TRUNCATED = ("vgg11", "vgg13", "vgg16", "vgg19", "resnet18", "resnet34", "mpnet18", "mpnet36")
_RESIDUAL = ("resnet18", "resnet34")
_ATTENTION = ("", "_spatial", "_squeeze_excitation", "_cbam")
# The convolution behind the stem; from here on both networks have the same layers.
_BEHIND_THE_STEM = "layer1.0.conv1"


def attention_accuracy(readings: Readings) -> Finding:
    """GD-15: test accuracy differs between attention modules, slightly."""
    found, full = [], _accuracies(readings, "full")
    for ending, set_name in (("", "with shortcuts"), ("_no_skips", "without shortcuts")):
        names = [f"resnet18{kind}{ending}" for kind in _ATTENTION]
        grid = full[[name for name in names if name in full]].dropna(how="all")
        whole = grid.dropna() if len(grid.dropna()) else grid.mean().dropna().to_frame().T
        if whole.shape[1] > 2 and len(whole):
            where = f"resnet18 {set_name}, {images(SMALL)}"
            ranges = whole.max(axis=1) - whole.min(axis=1)
            slight = difference(f"{where}, not much", ranges, -1, bound=SLIGHT_POINTS, noticeable=0.0)
            found.append(all_of(where, [_varies(f"{where}, at all", whole), slight]))
    return Finding(found)


def truncation(readings: Readings) -> Finding:
    """GD-16: without its tail a network is more accurate."""
    full, cut = _accuracies(readings, "full"), _accuracies(readings, "truncated")
    gains = [(name, cut[name] - full[name]) for name in _TRUNCATED if name in full and name in cut]
    count = readings.test_images.get(SMALL)
    return Finding([difference(f"{name}, {images(SMALL)}", gain, 1, images=count) for name, gain in gains])


def truncation_costs(readings: Readings) -> Finding:
    """GD-17: without its tail a network has fewer parameters and takes fewer operations."""
    full, cut = structures(readings, "full"), structures(readings, "truncated")
    found = []
    for name in (name for name in _TRUNCATED if name in full and name in cut):
        where = f"{name}, {images(SMALL)}"
        parts = [
            _share(f"{where}, {what}", f"% of the {what}", cut[name][recorded] / full[name][recorded])
            for what, recorded in (("parameters", "parameters"), ("operations", "forward_flops"))
        ]
        found.append(all_of(where, parts))
    return Finding(found)


def stems_and_tails(readings: Readings) -> Finding:
    """GD-18: without its stem the field of a ResNet grows a quarter as fast, and no layer is unproductive."""
    found, patterns = [], []
    measured, recorded = courses(readings), structures(readings, "full")
    for name, bare in _stems(recorded):
        where = f"{name}, {images(SMALL)}"
        times = _growth(recorded[name]["rows"]) / _growth(recorded[bare]["rows"])
        found.append(fact(f"{where}, growth", "times slower without the stem", times, agrees=times == 4))
        tails = [sum(row["unproductive_paper"] for row in recorded[each]["rows"]) for each in (name, bare)]
        gone = tails[0] > 0 and tails[1] == 0
        found.append(fact(f"{where}, tail", "unproductive layers without the stem", tails[1], agrees=gone))
        if name in measured and bare in measured:
            lengths = [_pattern(measured[each].saturation) for each in (name, bare)]
            patterns.append(f"{name} {lengths[0]:.1f} and {lengths[1]:.1f}")
    remark = f"Layers in the tail pattern of saturation, with the stem and without: {'; '.join(patterns)}."
    return Finding(found, remark=remark if patterns else "")


def stem_accuracy(readings: Readings) -> Finding:
    """GD-19: without its stem a ResNet is more accurate."""
    full = _accuracies(readings, "full")
    count = readings.test_images.get(SMALL)
    found = [
        difference(f"{name}, {images(SMALL)}", full[bare] - full[name], 1, images=count) for name, bare in _stems(full)
    ]
    printed = reported.stems().set_index("architecture")["reported_accuracy"]
    gains = "; ".join(f"{name} {printed[f'{name}_no_stem'] - printed[name]:+z.2f}" for name in _RESIDUAL)
    return Finding(found, remark=f"The paper prints, in points: {gains}.")


def stem_costs(readings: Readings) -> Finding:
    """GD-20: without its stem a ResNet takes more operations an image."""
    recorded = structures(readings, "full")
    found = []
    for name, bare in _stems(recorded):
        times = recorded[bare]["forward_flops"] / recorded[name]["forward_flops"]
        found.append(fact(f"{name}, {images(SMALL)}", "times the operations", times, agrees=times > 1))
    return Finding(found)


def _accuracies(readings: Readings, purpose: str) -> pd.DataFrame:
    """Return test accuracy after the last epoch on the small images, one row a seed and one column a network."""
    runs = chosen(readings.last_epochs, role=SMALL, purpose=purpose)
    return by_seed(runs, "test_accuracy", columns="architecture") if len(runs) else pd.DataFrame()


def _stems(networks: Container[str]) -> list[tuple[str, str]]:
    """Return the names of each ResNet with and without its stem, where both are there."""
    pairs = [(name, f"{name}_no_stem") for name in _RESIDUAL]
    return [(name, bare) for name, bare in pairs if name in networks and bare in networks]


def _varies(where: str, grid: pd.DataFrame) -> Evidence:
    """Return whether the columns differ by more than seeds do, each seed a block: Friedman's test."""
    spread = float(grid.mean().max() - grid.mean().min())
    seeds, columns = grid.shape
    return Evidence(
        where,
        POINTS,
        spread,
        1,
        agrees=spread > NOTICEABLE_POINTS,
        p=float(friedmanchisquare(*grid.to_numpy().T).pvalue) if seeds >= FEWEST_SEEDS else None,
        smallest_p=float(chi2.sf(seeds * (columns - 1), columns - 1)),
        seeds=seeds,
    )


def _share(where: str, measure: str, share: float) -> Evidence:
    return fact(where, measure, 100 * share, agrees=share < 1)


def _growth(rows: list[dict[str, Any]]) -> float:
    """Return by how many pixels the largest field grows from the first convolution behind the stem to the last."""
    fields = {row["name"]: row["r_max"] for row in rows}
    return max(fields.values()) - fields[_BEHIND_THE_STEM]


def _pattern(saturation: pd.DataFrame) -> float:
    """Return the number of layers in the tail pattern, mean over seeds."""
    return float((saturation.shape[1] + 1 - tail_start(saturation)).mean())


def _scope(*architectures: str) -> tuple[str, ...]:
    return tuple(f"{name}, {images(SMALL)}" for name in architectures)


CLAIMS = {
    "GD-15": Rule(
        attention_accuracy,
        "Both must hold of the modules and the network without one, with shortcuts and without: their accuracies "
        "differ by more than seeds do (Friedman's test over the modules, each seed a block; the means "
        f"by more than {NOTICEABLE_POINTS:g} point), and the best is less than {SLIGHT_POINTS:g} points above the "
        f"worst of the same seed. {DIFFERENCE}",
        "training runs of resnet18 with two or more attention modules and with none, on the small images",
        ("fig-deeper-attention",),
        scope=tuple(f"resnet18 {kind} shortcuts, {images(SMALL)}" for kind in ("with", "without")),
    ),
    "GD-16": Rule(
        truncation,
        f"Test accuracy truncated minus whole is positive (by more than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "training runs of whole and truncated networks on the small images",
        ("fig-deeper-truncation",),
        scope=_scope(*_TRUNCATED),
    ),
    "GD-17": Rule(
        truncation_costs,
        "Exact: truncated, a network has fewer parameters, and one image takes fewer operations.",
        "whole and truncated networks on the small images",
        ("fig-deeper-truncation",),
        scope=_scope(*_TRUNCATED),
    ),
    "GD-18": Rule(
        stems_and_tails,
        "Exact, each on its own: behind the stem the largest field grows by four times the pixels that it grows by "
        "without one; and the network without has no unproductive layer, that with it has.",
        "resnet18 or resnet34 with and without the stem on the small images",
        ("fig-deeper-residual",),
        scope=_scope(*_RESIDUAL),
    ),
    "GD-19": Rule(
        stem_accuracy,
        "Test accuracy without the stem minus that with it is positive (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "training runs of resnet18 or resnet34 with and without the stem on the small images",
        scope=_scope(*_RESIDUAL),
    ),
    "GD-20": Rule(
        stem_costs,
        "Exact: one image takes more operations without the stem.",
        "resnet18 or resnet34 with and without the stem on the small images",
        scope=_scope(*_RESIDUAL),
    ),
}
