"""One-shot pruning against its rate: Tables S1 to S8 as curves, and the normalised difference of Section 3.8."""

from __future__ import annotations

from typing import Any

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_SCOPES: dict[str, dict[str, Any]] = {
    "all": {"linestyle": "-"},
    "live": {"linestyle": "--", "markerfacecolor": "white"},
}


@drawn
def pruning_rates(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy in percent against the pruning rate, a line a pool kernel, among all and among live weights.

    With the batch-norm statistics of training; `new_statistics` draws those beside re-estimated ones.
    """
    return _against_rate(study, role, {"all": "pruned", "live": "live"}, "test accuracy (%)", factor=1.0)


@drawn
def normalised_difference(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw the share of dense accuracy that one-shot pruning costs, in percent, against the pruning rate."""
    quantities = {"all": "normalised_difference", "live": "normalised_live_difference"}
    return _against_rate(study, role, quantities, "(dense - pruned) / dense (%)", factor=100.0)


def _against_rate(study: Study, role: RoleName, quantities: dict[str, str], label: str, *, factor: float) -> Drawing:
    per_seed = tables.one_shot(study, role)
    covered(per_seed)
    per_seed["normalised_live_difference"] = per_seed["live_difference"] / per_seed["dense"]
    by = ["architecture", "pool_kernel", "rate"]
    table = tables.summarise(per_seed, by, quantities.values()).sort_values(by)
    groups = plots.by_architecture(table)
    names = list(per_seed["architecture"].unique())
    figure, main, _ = plots.panels(names, height=3.2, extra=1.4)
    for axes, name in zip(main, names, strict=True):
        for kernel, group in plots.by_kernel(groups[name]):
            for scope, quantity in quantities.items():
                style = kernel_style(kernel) | _SCOPES[scope]
                text = f"k = {kernel}" if scope == "all" else "_"
                plots.curve(axes, 100 * group["rate"], group, quantity, band=True, factor=factor, label=text, **style)
        axes.set_xlabel("pruning rate (%)")
        axes.set_xticks(sorted(100 * table["rate"].unique()))
    if (table[[f"{quantity}_mean" for quantity in quantities.values()]] >= 0).all(axis=None):
        main[0].set_ylim(bottom=0)
    plots.label_left(main, label)
    keys = [key(f"among {scope} weights", **style) for scope, style in _SCOPES.items()]
    legend(figure, columns=4, keys=keys)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"], "bands"))
    return figure
