"""Claims of this book about what stands behind one-shot pruning: dead taps, statistics, fields without either.

They were worded after rf_vgg19 had been measured at seed 0 with re-estimated statistics, and before any other network
or seed had; the older ones among them after three seeds with the statistics of training.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from rflib.paper import tables
from rflib.paper.verdicts.assessment import all_of, difference, fact, floor, trend
from rflib.paper.verdicts.evidence import DIFFERENCE, TREND, Evidence
from rflib.paper.verdicts.margins import FEW_DEAD, MANY_DEAD, MUCH_RECOVERED, NOTICEABLE_POINTS, RATE
from rflib.paper.verdicts.readings import (
    EVERY,
    RESNET_SMALL,
    VGG_SMALL,
    Readings,
    by_seed,
    chosen,
    combinations,
    groups,
    images,
)
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "open-questions"
# Changing a dead tap may change the order of a sum, and nothing else.
_ROUNDING = 1e-3
_DISCLOSED = "Worded after rf_vgg19 had been measured at seed 0."


def dead_taps_are_free(readings: Readings) -> Finding:
    """OQ-01: where many taps are dead, pruning the same share of live weights leaves less than plain pruning."""
    found: list[Evidence | None] = []
    for where, group in _with_dead_share(readings, chosen(readings.pruning, purpose="grid")):
        for (kernel,), runs in groups(group[group["dead_share"] >= MANY_DEAD], "pool_kernel"):
            more = (runs["pruned"] - runs["live"]).groupby(runs["seed"]).mean()
            count = readings.test_images[runs["role"].iloc[0]]
            found.append(difference(f"{where}, k = {kernel}", more, 1, images=count))
    return Finding(found)


def fields_without_dead_taps(readings: Readings) -> Finding:
    """OQ-02: among fields with hardly any dead taps, a larger one keeps more, over the rates that leave something."""
    found: list[Evidence | None] = []
    for where, group in _with_dead_share(readings, chosen(readings.pruning, purpose="grid")):
        living = group[group["dead_share"] < FEW_DEAD]
        if living["pool_kernel"].nunique() < 2:
            continue
        guess, role = readings.guess(group["role"].iloc[0]), group["role"].iloc[0]
        cells = [
            cell.assign(kept=100 * (cell["pruned"] - guess) / (cell["dense"] - guess))
            for _, cell in groups(living, "rate")
            if not readings.guesses(role, cell.groupby("pool_kernel")["pruned"].mean())
        ]
        if not cells:
            found.append(floor(where, 1, "pruned networks guess at every field and rate"))
            continue
        kept = by_seed(pd.concat(cells), "kept")
        more = kept.iloc[:, -1] - kept.iloc[:, 0]
        here = f"{where}, k = {kept.columns[0]} to {kept.columns[-1]}"
        found.append(difference(here, more, 1, images=readings.test_images[role]))
    return Finding(found)


def statistics_recover(readings: Readings) -> Finding:
    """OQ-03: re-estimated statistics make good more than half of what pruning at 0.9 takes."""
    found: list[Evidence | None] = []
    for where, group in combinations(chosen(readings.pruning, purpose="grid", rate=RATE)):
        runs = group.dropna(subset="pruned_calibrated")
        if runs.empty:
            continue
        sums = runs.assign(back=runs["pruned_calibrated"] - runs["pruned"]).groupby("seed")[["back", "lost"]].sum()
        share = sums["back"] / sums["lost"].where(sums["lost"] > NOTICEABLE_POINTS)
        found.append(difference(where, share, 1, bound=MUCH_RECOVERED, noticeable=0.0, measure="of the loss"))
    return Finding(found, remark=_DISCLOSED)


def live_weights_of_large_fields(readings: Readings) -> Finding:
    """OQ-04: with new statistics, what is kept without nine tenths of the live weights falls with the field."""
    found: list[Evidence | None] = []
    for where, group in combinations(chosen(readings.pruning, purpose="grid", rate=RATE)):
        role = group["role"].iloc[0]
        guess = readings.guess(role)
        runs = group.dropna(subset="live_calibrated")
        if runs["pool_kernel"].nunique() < 2:
            continue
        if readings.guesses(role, runs.groupby("pool_kernel")["live_calibrated"].mean()):
            found.append(floor(where, -1, f"pruned networks guess at every field at rate {RATE:g}"))
            continue
        kept = 100 * (runs["live_calibrated"] - guess) / (runs["dense_calibrated"] - guess)
        grid = by_seed(runs.assign(kept=kept), "kept")
        found.append(trend(where, grid, -1, images=readings.test_images[role]))
    return Finding(found, remark=_DISCLOSED)


def size_of_dead_taps(readings: Readings) -> Finding:
    """OQ-05: dead taps ten times as large change no output, and change what pruning leaves."""
    found: list[Evidence | None] = []
    frame = readings.study.frame("rescaled_taps", "rescaled")
    frame = frame[frame["dead_share"] >= MANY_DEAD] if len(frame) else frame
    for (architecture, role, kernel), runs in groups(frame, "architecture", "role", "pool_kernel"):
        where = f"{architecture}, {images(role)}, k = {kernel}"
        change = float(runs["largest_change"].max())
        same = fact(f"{where}, outputs", "of a logit at most", change, agrees=change <= _ROUNDING)
        means = runs.pivot_table(index="seed", columns="factor", values="pruned_accuracy", aggfunc="mean")
        if {1.0, 10.0} <= set(means.columns):
            less = means[10.0] - means[1.0]
            taken = difference(f"{where}, pruned accuracy", less, -1, images=readings.test_images[role])
            found.append(all_of(where, [same, taken]))
    return Finding(found)


def enlarged_images(readings: Readings) -> Finding:
    """OQ-06: on the same pictures at a size that leaves no tap dead, a larger field keeps more at 0.8."""
    found: list[Evidence | None] = []
    for role in readings.study.profile.roles:
        frame = tables.pruned_copies(readings.study, role, "enlarged")
        frame = frame[frame["scope"] == "global"] if len(frame) else frame
        for (architecture,), runs in groups(chosen(frame, rate=0.8), "architecture"):
            grid = by_seed(runs[runs["dead_share"] < FEW_DEAD], "kept")
            where = f"{architecture}, {images(role)}, enlarged"
            if grid.shape[1] > 1:
                found.append(trend(where, grid, 1, images=readings.test_images[role]))
    return Finding(found)


def _with_dead_share(readings: Readings, frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every network and role with the share of dead taps beside each row, in percent."""
    if frame.empty:
        return
    shares = [
        tables.fields(readings.study, role, "grid").assign(role=role)[
            ["architecture", "pool_kernel", "role", "dead_share"]
        ]
        for role in readings.study.profile.roles
        if len(tables.fields(readings.study, role, "grid"))
    ]
    if shares:
        yield from combinations(frame.merge(pd.concat(shares), on=["architecture", "pool_kernel", "role"]))


RULES = {
    "OQ-01": Rule(
        dead_taps_are_free,
        f"For each network with at least {MANY_DEAD:g} % dead taps: accuracy pruned among all weights minus that "
        "pruned among live ones at the same rate, as the mean over the rates, is positive (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        f"one-shot pruning of networks with at least {MANY_DEAD:g} % dead taps",
        _CHAPTER,
        ("fig-dead-tap-control",),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
    "OQ-02": Rule(
        fields_without_dead_taps,
        f"Of the fields with fewer than {FEW_DEAD:g} % dead taps, the largest keeps more of its accuracy above "
        "guessing than the smallest, in percent of the dense network's, as the mean over the rates that leave "
        f"something (by more than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        f"one-shot pruning at two or more fields with fewer than {FEW_DEAD:g} % dead taps",
        _CHAPTER,
        ("fig-dead-tap-control",),
        scope=EVERY,
    ),
    "OQ-03": Rule(
        statistics_recover,
        f"At rate {RATE:g}: accuracy with re-estimated statistics minus that without, as a share of what pruning took, "
        f"both summed over the kernels of a seed, is more than {MUCH_RECOVERED:.0%}. {DIFFERENCE}",
        "one-shot pruning with re-estimated statistics",
        "accuracy-and-pruning",
        ("fig-new-statistics",),
        scope=EVERY,
    ),
    "OQ-04": Rule(
        live_weights_of_large_fields,
        f"With re-estimated statistics, what pruning the live weights at rate {RATE:g} leaves of the accuracy above "
        f"guessing, in percent of the dense network's, falls with k. {TREND}",
        "one-shot pruning with re-estimated statistics at two or more pool kernels",
        "accuracy-and-pruning",
        ("fig-new-statistics", "fig-live-weights"),
        scope=EVERY,
    ),
    "OQ-05": Rule(
        size_of_dead_taps,
        "Both must hold for each network with many dead taps: multiplied by ten they change no output by more than "
        f"rounding, exactly; and accuracy after global pruning, as the mean over the rates, is lower (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "pruning of networks whose dead taps are multiplied by ten",
        _CHAPTER,
        ("fig-rescaled-taps",),
    ),
    "OQ-06": Rule(
        enlarged_images,
        "On the same pictures at a size at which no tap is dead, what pruning at rate 0.8 leaves of the accuracy above "
        f"guessing, in percent of the dense network's, rises with k. {TREND}",
        "one-shot pruning on enlarged images at two or more pool kernels",
        _CHAPTER,
        ("table-enlarged",),
    ),
}
