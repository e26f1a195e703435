"""Dense and one-shot pruned accuracy against the field: Tables 1, 2, 6 and 7 as curves."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, legend, note, quantity_style
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@drawn
def accuracy_and_pruning(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent against the field in pixels, a panel a network, over the share of dead taps.

    Dense, and pruned one-shot at `rate` among all weights and among live ones, with the batch-norm statistics of
    training and, where that was measured, with re-estimated ones.
    """
    table = tables.accuracy_and_pruning(study, role=role, rate=rate)
    covered(table)
    groups = plots.by_architecture(table)
    figure, main, strips = plots.panels(list(groups), columns=plots.columns_for(table), strip=1.25, extra=1.5)
    for axes, strip, group in zip(main, strips, groups.values(), strict=True):
        draw_accuracies(axes, group, rate)
        plots.dead_bars(strip, group["receptive_field"], group["dead_share"], top=130)
        plots.field_axis(strip, group)
    plots.accuracy_axis(main)
    plots.label_left(strips, "dead taps (%)")
    legend(figure, columns=2)
    title = study.profile.roles[role].title
    again = plots.new_statistics_note(table)
    note(figure, f"{title}.", plots.spread_note(table["n"]), again, plots.paper_note(table, role))
    return figure


@drawn
def large_fields(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent of rf_resnet50 up to fields far larger than the image, over what it sees and uses.

    Below: the share of the image's pixels that can reach the output, and the share of dead taps, both in percent.
    """
    large = tables.accuracy_and_pruning(study, role=role, rate=rate, purpose="large")
    covered(large)
    grid = tables.accuracy_and_pruning(study, role=role, rate=rate)
    parts = [part for part in (grid, large) if not part.empty]
    table = pd.concat([part[part["architecture"] == "rf_resnet50"] for part in parts])
    table = table.drop_duplicates("pool_kernel").sort_values("receptive_field", ignore_index=True)
    figure, (axes,), (strip,) = plots.panels(["rf_resnet50"], strip=1.0, height=3.0, extra=1.8)
    draw_accuracies(axes, table, rate)
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


def draw_accuracies(axes: Axes, table: pd.DataFrame, rate: float) -> None:
    """Draw dense and pruned accuracy in percent, measured and reported, against the field in pixels."""
    labels = {
        "dense": "dense",
        "pruned": f"{rate:.0%} of all pruned",
        "live": f"{rate:.0%} of live pruned",
    }
    for quantity, label in labels.items():
        plots.curve(axes, table["receptive_field"], table, quantity, label=label, **quantity_style(quantity))
        again = table.dropna(subset=f"{quantity}_calibrated_mean") if quantity != "dense" else table.iloc[:0]
        if len(again):
            name = f"{quantity}_calibrated"
            plots.curve(axes, again["receptive_field"], again, name, label=f"{label}, anew", **quantity_style(name))
    plots.hollow(axes, table, "dense", "dense, paper")
    plots.hollow(axes, table, "pruned", f"{rate:.0%} pruned, paper")
