"""Why dead taps go first, and the same pictures larger: what stands behind one-shot pruning beside the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from rflib.paper import plots
from rflib.paper.frames import NETWORK, pruned_copies, summarise
from rflib.paper.style import Drawing, covered, drawn, legend, note
from rflib.paper.verdicts.assessment import all_of, difference, fact, trend
from rflib.paper.verdicts.evidence import DIFFERENCE, TREND, Evidence
from rflib.paper.verdicts.margins import FEW_DEAD, MANY_DEAD, NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import Readings, by_seed, chosen, combinations, each_network
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

RECIPES = {
    "grid": "as trained here",
    "undecayed": "without weight decay",
    "printed_norm": "as printed, clipped by norm",
    "printed_value": "as printed, clipped by value",
    "printed_none": "as printed, without clipping",
}


@traced
def rescaled_taps(
    study: Study, *, role: RoleName = "small_images", rates: Sequence[float] | None = None
) -> pd.DataFrame:
    """Return one row a network with dead taps, factor of these taps and rate: accuracy before and after pruning.

    `largest_change` is that of a logit before pruning, `live_pruned_share` the share of live weights, in percent, that
    pruning takes; over seeds. `rates` None are all that were measured.
    """
    frame = study.frame("rescaled_taps", "rescaled", role=role)
    frame = frame[frame["dead_share"] > 0]
    frame = frame.rename(columns={"pruned_accuracy": "pruned", "live_share_pruned": "live_pruned_share"})
    frame = frame if rates is None else frame[frame["rate"].isin(rates)]
    return summarise(
        frame,
        [*NETWORK, "dead_share", "factor", "rate"],
        ["largest_change", "accuracy", "pruned", "live_pruned_share"],
    )


@traced
def recipes(study: Study, *, role: RoleName = "small_images", rate: float = 0.8) -> pd.DataFrame:
    """Return one row a network and recipe of training: which live weights pruning at `rate` takes, and what is left.

    Of those networks that were trained by more than one recipe. The printed protocol is that of its first epochs.
    """
    frame = chosen(pruned_copies(study, role, *RECIPES), scope="global", rate=rate)
    others = frame.loc[frame["purpose"] != "grid", NETWORK].drop_duplicates()
    frame = frame.merge(others, on=NETWORK).assign(recipe=lambda rows: rows["purpose"].map(RECIPES))
    measured = summarise(frame, [*NETWORK, "recipe"], ["dense", "pruned", "pruned_calibrated", "live_pruned_share"])
    shares = frame.groupby(NETWORK, sort=False)["dead_share"].first().reset_index()
    return shares.merge(measured, on=NETWORK)


@traced
def enlarged(
    study: Study, *, role: RoleName = "small_images", rates: Sequence[float] = (0.6, 0.8, 0.9)
) -> pd.DataFrame:
    """Return one row a network, side of the images and rate: the same pictures at two sizes, pruned, over seeds.

    `kept` is with old statistics, `kept_calibrated` with re-estimated ones.
    """
    plan = study.profile.roles[role].controls if role in study.profile.roles else None
    frame = pruned_copies(study, role, "unenlarged", "enlarged")
    if plan is None or plan.enlarged is None:
        return frame.iloc[:0]
    sides = {"unenlarged": study.profile.roles[role].side_pixels, "enlarged": plan.enlarged.image_size}
    frame = frame[frame["scope"].eq("global") & frame["rate"].isin(rates)]
    frame = frame.assign(image_size=frame["purpose"].map(sides))
    by = ["architecture", "image_size", "pool_kernel", "dead_share", "rate"]
    return summarise(frame, by, ["dense", "pruned", "kept", "pruned_calibrated", "kept_calibrated"])


_MARKERS = ("v", "o", "^", "s", "D")


@drawn
def draw_rescaled_taps(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy in percent after global pruning against the rate, a panel a network, a line a factor."""
    table = covered(rescaled_taps(study, role=role))
    networks = list(table.groupby(["architecture", "pool_kernel"], sort=False))
    titles = [f"{name}, k = {kernel}" for (name, kernel), _ in networks]
    figure, main, _ = plots.panels(titles, height=2.6, extra=1.3)
    factors = sorted(table["factor"].unique().tolist())
    for axes, (_, rows) in zip(main, networks, strict=True):
        for index, factor in enumerate(factors):
            group = rows[rows["factor"] == factor]
            style: dict[str, Any] = {"marker": _MARKERS[index % len(_MARKERS)], "color": _factor_colour(factor)}
            plots.curve(axes, 100 * group["rate"], group, "pruned", label=f"dead taps × {factor:g}", **style)
        axes.set_xlabel("pruning rate (%)")
    plots.accuracy_axis(main)
    legend(figure, columns=3)
    note(
        figure,
        f"{study.profile.roles[role].title}.",
        "Before pruning all of them compute the same.",
        plots.spread_note(table["n"]),
    )
    return figure


def _factor_colour(factor: float) -> str:
    return "#1A1A1A" if factor == 1 else "#D7301F" if factor > 1 else "#6A51A3"


# Changing a dead tap may change the order of a sum, and nothing else.
_ROUNDING = 1e-3


def decide_size_of_dead_taps(readings: Readings) -> Finding:
    """OQ-05: dead taps ten times as large change no output, and change what pruning leaves."""
    found: list[Evidence | None] = []
    frame = readings.study.frame("rescaled_taps", "rescaled")
    for where, runs in each_network(frame[frame["dead_share"] >= MANY_DEAD]):
        change = float(runs["largest_change"].max())
        same = fact(f"{where}, outputs", "of a logit at most", change, agrees=change <= _ROUNDING)
        means = runs.pivot_table(index="seed", columns="factor", values="pruned_accuracy", aggfunc="mean")
        if {1.0, 10.0} <= set(means.columns):
            less, count = means[10.0] - means[1.0], readings.test_images[runs["role"].iloc[0]]
            found.append(all_of(where, [same, difference(f"{where}, pruned accuracy", less, -1, images=count)]))
    return Finding(found)


def decide_enlarged_images(readings: Readings) -> Finding:
    """OQ-06: on the same pictures at a size that leaves no tap dead, a larger field keeps more at 0.8."""
    found: list[Evidence | None] = []
    frame = readings.over_roles(lambda study, *, role: pruned_copies(study, role, "enlarged"))
    for where, runs in combinations(chosen(frame, scope="global", rate=0.8)):
        grid = by_seed(runs[runs["dead_share"] < FEW_DEAD], "kept")
        found.append(trend(f"{where}, enlarged", grid, 1, images=readings.test_images[runs["role"].iloc[0]]))
    return Finding(found)


CLAIMS = {
    "OQ-05": Rule(
        decide_size_of_dead_taps,
        "Both must hold for each network with many dead taps: multiplied by ten they change no output by more than "
        f"rounding, exactly; and accuracy after global pruning, as the mean over the rates, is lower (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "pruning of networks whose dead taps are multiplied by ten",
        ("fig-rescaled-taps",),
    ),
    "OQ-06": Rule(
        decide_enlarged_images,
        "On the same pictures at a size at which no tap is dead, what pruning at rate 0.8 leaves of the accuracy above "
        f"guessing, in percent of the dense network's, rises with k. {TREND}",
        "one-shot pruning on enlarged images at two or more pool kernels",
        ("table-enlarged",),
    ),
}
