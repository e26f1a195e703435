"""Fields far larger than the image: what is left of accuracy, and what pruning takes of it."""

from __future__ import annotations

import pandas as pd

from rflib.paper import plots
from rflib.paper.frames import NETWORK, accuracy_and_pruning, fields, one_shot, pruned_copies, summarise
from rflib.paper.style import Drawing, covered, drawn, legend, note, quantity_style
from rflib.paper.verdicts.assessment import difference, within
from rflib.paper.verdicts.evidence import DIFFERENCE, EQUIVALENCE, Evidence
from rflib.paper.verdicts.margins import COLLAPSE_POINTS, GUESSING_POINTS, NOTICEABLE_POINTS, RATE
from rflib.paper.verdicts.readings import (
    RESNET_LARGE,
    RESNET_SMALL,
    Readings,
    by_seed,
    chosen,
    combinations,
    groups,
)
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def beside_the_smallest(study: Study, *, role: RoleName = "small_images", purpose: str = "large") -> pd.DataFrame:
    """Return one row a network: dense accuracy minus that at its architecture's smallest k of the grid, in points.

    `change` is taken seed by seed, over the seeds that both networks have.
    """
    runs, grid = (one_shot(study, role, each) for each in (purpose, "grid"))
    keys = ["architecture", "seed"]
    smallest = grid[grid["pool_kernel"] == grid.groupby("architecture")["pool_kernel"].transform("min")]
    base = smallest.drop_duplicates(keys)[[*keys, "dense"]].rename(columns={"dense": "base"})
    both = runs.drop_duplicates([*NETWORK, "seed"]).merge(base, on=keys)
    changes = summarise(both.assign(change=both["dense"] - both["base"]), NETWORK, ["change"])
    return fields(study, role, purpose)[[*NETWORK, "receptive_field"]].merge(changes, on=NETWORK)


@traced
def what_went(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a large field: dead taps, what pruning at `rate` took of dead and of live weights, accuracies."""
    copies = pruned_copies(study, role, "large")
    copies = copies[(copies["scope"] == "global") & ((copies["rate"] - rate).abs() < 1e-9)]
    went = summarise(copies, NETWORK, ["pruned_dead_share", "live_pruned_share"]).drop(columns="n")
    table = accuracy_and_pruning(study, role=role, rate=rate, purpose="large")
    return table.merge(went, on=NETWORK) if len(table) else table


@drawn
def draw_large_fields(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent of rf_resnet50 up to fields far larger than the image, over what it sees and uses.

    Below: the share of the image's pixels that can reach the output, and the share of dead taps, both in percent.
    """
    large = accuracy_and_pruning(study, role=role, rate=rate, purpose="large")
    covered(large)
    grid = accuracy_and_pruning(study, role=role, rate=rate)
    parts = [part for part in (grid, large) if not part.empty]
    table = pd.concat([part[part["architecture"] == "rf_resnet50"] for part in parts])
    table = table.drop_duplicates("pool_kernel").sort_values("receptive_field", ignore_index=True)
    figure, (axes,), (strip,) = plots.panels(["rf_resnet50"], strip=1.0, height=3.0, extra=1.8)
    plots.draw_accuracies(axes, table, rate)
    for quantity, label in (("input_share", "input pixels that are seen"), ("dead_share", "dead taps")):
        style = {"marker": "s", "linestyle": "--"} | quantity_style(quantity)
        strip.plot(table["receptive_field"], table[quantity], label=label, **style)
    plots.field_axis(strip, table, logarithmic=True)
    strip.set(ylim=(-8, 112), yticks=[0, 50, 100], ylabel="share (%)")
    plots.accuracy_axis([axes])
    legend(figure, columns=2)
    title = study.profile.roles[role].title
    again = plots.new_statistics_note(table)
    note(figure, f"{title}.", plots.spread_note(table["n"]), again, plots.paper_note(table, role))
    return figure


def decide_free_pruning(readings: Readings) -> Finding:
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


def decide_collapse(readings: Readings) -> Finding:
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


CLAIMS = {
    "RR-19": Rule(
        decide_free_pruning,
        f"Dense minus pruned accuracy at rate {RATE:g} lies within ± {NOTICEABLE_POINTS:g} point at each large field. "
        f"{EQUIVALENCE}",
        f"one-shot pruning at rate {RATE:g} of networks with large fields that do better than guessing",
        ("table-6", "table-7"),
        scope=(RESNET_SMALL, RESNET_LARGE),
    ),
    "RR-20": Rule(
        decide_collapse,
        f"Dense accuracy at each large field is more than {COLLAPSE_POINTS:g} points below that at the smallest field "
        f"of the grid. {DIFFERENCE}",
        "dense accuracy at large fields and on the ordinary grid",
        ("table-6", "table-7"),
        scope=(RESNET_SMALL, RESNET_LARGE),
    ),
}
