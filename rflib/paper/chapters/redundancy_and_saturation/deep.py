"""Deep layers: how saturated they are, how alike their filters, and what pruning them alone costs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rflib.paper import plots
from rflib.paper.frames import NETWORK, summarise
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note, quantity_style
from rflib.paper.verdicts.assessment import corrected, trend, within
from rflib.paper.verdicts.cells import known
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import EQUIVALENCE, TREND, Evidence
from rflib.paper.verdicts.margins import (
    GUESSING_POINTS,
    NOTICEABLE_POINTS,
    NOTICEABLE_SATURATION,
    NOTICEABLE_SHARE,
    RATE,
)
from rflib.paper.verdicts.readings import RESNET_SMALL, VGG_SMALL, Readings, by_seed, chosen, combinations
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

REDUNDANCY_SCOPES = {"all": "redundancy", "live": "redundancy_live"}
_LAYER = ["saturation", "similarity", "relative_rank", "zero_filters"]


@traced
def layer_redundancy(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a convolution, rate (0: dense), network and seed; columns as the measurement `redundancy`.

    `position` is the convolution's place in the network, 0 for the first and 1 for the last. `scope`: pruned among
    "all" weights or among "live" ones.
    """
    frame = study.frame("redundancy", REDUNDANCY_SCOPES[scope], role=role)
    last = frame.groupby("architecture")["layer"].transform("max")
    return frame.assign(position=(frame["layer"] - 1) / (last - 1).clip(lower=1), deep=frame["deep"].astype(bool))


@traced
def deep_runs(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network, rate (0: dense) and seed: means over its deep convolutions, in percent but cosines.

    `shallow_saturation` is the mean over the other convolutions.
    """
    frame, keys = layer_redundancy(study, role=role, scope=scope), [*NETWORK, "rate", "seed"]
    deep = frame[frame["deep"]].groupby(keys, sort=False)[_LAYER].mean()
    deep["shallow_saturation"] = frame[~frame["deep"]].groupby(keys, sort=False)["saturation"].mean()
    return deep.reset_index()


@traced
def deep_layers(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network and rate: the summary of `deep_runs` over seeds."""
    runs = deep_runs(study, role=role, scope=scope)
    return summarise(runs, [*NETWORK, "rate"], ["shallow_saturation", *_LAYER])


@traced
def pruned_saturation(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network: saturation of its deep layers, pruned at the highest `rate` measured and dense.

    In percent, over the seeds that both have.
    """
    runs, keys = deep_runs(study, role=role, scope=scope), [*NETWORK, "seed"]
    dense, pruned = runs[runs["rate"] == 0], runs[runs["rate"] > 0]
    pruned = pruned[pruned["rate"] == pruned["rate"].max()]
    both = pruned.merge(dense[[*keys, "saturation"]], on=keys, suffixes=("", "_dense"))
    return summarise(both, [*NETWORK, "rate"], ["saturation", "saturation_dense"])


@traced
def deep_pruning_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a part of a network, scope, rate and seed: accuracy when that part alone is pruned, in percent.

    `lost` is dense less that, in points. The part "deep" is the last third of the convolutions, "tail" those from the
    border layer on.
    """
    frame = study.frame("deep_pruning", "deep_pruning", role=role)
    frame = frame[frame["calibration_images"] == 0].reset_index(drop=True)
    return frame.assign(lost=frame["dense_accuracy"] - frame["accuracy"])


@traced
def deep_pruning(
    study: Study, *, role: RoleName = "small_images", part: str = "deep", rate: float | None = None
) -> pd.DataFrame:
    """Return one row a network, scope and rate: what pruning one part alone leaves and costs, over seeds.

    At one rate, or at all of them.
    """
    runs = chosen(deep_pruning_runs(study, role=role), part=part)
    by = [*NETWORK, "layers", "weight_share", "dead_share", "scope", "rate"]
    return summarise(runs if rate is None else chosen(runs, rate=rate), by, ["dense_accuracy", "accuracy", "lost"])


_SCOPES = {"global": ("pruned", "among all weights"), "live": ("live", "among live weights")}


@drawn
def draw_saturation_along_depth(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> Drawing:
    """Draw the saturation of every convolution in percent against its place, a line a pool kernel.

    Dense, and dashed as pruned at the highest rate measured, among "all" weights or "live" ones. The deep layers, the
    last third, are shaded.
    """
    frame = covered(layer_redundancy(study, role=role, scope=scope))
    rate = frame["rate"].max()
    lines: dict[float, dict[str, Any]] = {0.0: {"linestyle": "-"}, rate: {"linestyle": "--"}}
    groups = plots.by_architecture(frame)
    # Half the width is too little for the lines of fifty convolutions.
    figure, main, _ = plots.panels(list(groups), columns=1, height=2.6, extra=1.5)
    for axes, group in zip(main, groups.values(), strict=True):
        axes.axvspan(group.loc[group["deep"], "position"].min(), 1, color="#EFEFEF", zorder=0, label="deep layers")
        for kernel, rows in plots.by_kernel(group):
            for each, line in lines.items():
                summary = summarise(rows[rows["rate"] == each], ["position"], ["saturation"])
                label = f"k = {kernel}" if not each else "_"
                style = kernel_style(kernel) | {"marker": ""} | line
                plots.curve(axes, summary["position"], summary, "saturation", band=True, label=label, **style)
    main[-1].set_xlabel("place of the convolution")
    main[0].set_ylim(0, 100)
    plots.label_left(main, "saturation (%)")
    keys = [key("dense", **lines[0.0]), key(f"pruned at {rate:g}", **lines[rate])]
    legend(figure, columns=4, keys=keys, across=True)
    note(
        figure,
        f"{study.profile.roles[role].title}.",
        plots.spread_note(frame.groupby("architecture")["seed"].nunique(), "bands"),
    )
    return figure


@drawn
def draw_deep_pruning(
    study: Study, *, role: RoleName = "small_images", part: str = "deep", rate: float = 0.9
) -> Drawing:
    """Draw what pruning the deep layers alone costs in points, among all and among live weights, over pool kernels.

    The strip under each panel shows the share of dead taps among the weights of the part, in percent.
    """
    table = covered(deep_pruning(study, role=role, part=part, rate=rate))
    groups = plots.by_architecture(table.sort_values("pool_kernel", kind="stable"))
    figure, main, strips = plots.panels(list(groups), height=2.8, strip=0.8, extra=1.4)
    for axes, strip, group in zip(main, strips, groups.values(), strict=True):
        axes.axhline(0, color="#1A1A1A", linewidth=1)
        for scope, (quantity, label) in _SCOPES.items():
            rows = group[group["scope"] == scope]
            plots.curve(axes, rows["pool_kernel"], rows, "lost", label=label, **quantity_style(quantity))
        whole = group.drop_duplicates("pool_kernel")
        plots.dead_bars(strip, whole["pool_kernel"], whole["dead_share"], top=150)
        strip.set_xticks(whole["pool_kernel"].tolist())
        strip.set_xlabel("pool kernel k")
    plots.label_left(main, "lost accuracy (points)")
    plots.label_left(strips, "dead (%)")
    legend(figure, columns=2)
    title = f"{study.profile.roles[role].title}; the {part} layers alone pruned at {rate:g}."
    note(figure, title, plots.spread_note(table["n"]))
    return figure


def decide_low_saturation(readings: Readings) -> Finding:
    """PT-09: the saturation of the deep layers falls with the field; beside it, whether their filters grow alike."""
    frame = chosen(readings.over_roles(deep_runs), rate=0.0)
    grids = list(combinations(frame))
    found = [trend(where, by_seed(runs, "saturation"), -1, noticeable=NOTICEABLE_SATURATION) for where, runs in grids]
    alike = [trend(where, by_seed(runs, "similarity"), 1, noticeable=NOTICEABLE_SHARE) for where, runs in grids]
    shown = "; ".join(f"{each.where} ({each.effect:+z.2f})" for each in alike if each is not None)
    remark = f"Rank correlation of the mean |cosine| of their filters with k: {shown}." if shown else ""
    return Finding(found, remark=remark)


def decide_deep_pruning(readings: Readings) -> Finding:
    """PT-10: at the largest field, pruning the deep layers alone costs nothing; control: among live weights."""
    largest = _at_the_largest(readings)
    found, live = (
        corrected(known(_cost(readings, where, chosen(runs, scope=scope)) for where, runs in largest))
        for scope in _SCOPES
    )
    return Finding(found, control=beside(found, live, "Among live weights that is"))


def _at_the_largest(readings: Readings) -> list[tuple[str, pd.DataFrame]]:
    """Return what pruning the deep layers costs every network at its largest pool kernel."""
    pairs = []
    for where, runs in combinations(chosen(readings.over_roles(deep_pruning_runs), part="deep", rate=RATE)):
        largest = runs["pool_kernel"].max()
        if largest > runs["pool_kernel"].min():
            pairs.append((f"{where}, k = {largest}", runs[runs["pool_kernel"] == largest]))
    return pairs


def _cost(readings: Readings, where: str, runs: pd.DataFrame) -> Evidence | None:
    """Return whether pruning costs nothing; None where the dense network has nothing to lose."""
    if runs.empty or runs["dense_accuracy"].mean() <= readings.guess(runs["role"].iloc[0]) + GUESSING_POINTS:
        return None
    return within(where, runs.set_index("seed")["lost"], NOTICEABLE_POINTS)


CLAIMS = {
    "PT-09": Rule(
        decide_low_saturation,
        "The mean saturation of the deep layers, the last third of the convolutions, falls with the pool kernel. "
        f"{TREND}",
        "saturation of every layer at two or more pool kernels of one network",
        ("fig-saturation-along-depth",),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
    "PT-10": Rule(
        decide_deep_pruning,
        f"At the largest pool kernel, pruning the last third of the convolutions alone at rate {RATE:g} changes the "
        f"accuracy by no more than ± {NOTICEABLE_POINTS:g} point. {EQUIVALENCE}",
        f"pruning of the deep layers alone at rate {RATE:g}, at two or more pool kernels of a network that does better "
        "than guessing",
        ("fig-deep-pruning",),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
}
