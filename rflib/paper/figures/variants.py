"""Other ways to set the field, as the draft announced: pool dilation, and maps of constant size."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, legend, note, quantity_style
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_MAPS = {
    "shrinking": "shrinking maps (the paper)",
    "padded": "maps kept by padding",
    "dilated": "maps kept by dilation",
}


@drawn
def variants(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent, dense and pruned one-shot at `rate`, against the pool kernel, a panel a variant.

    Bars: the share of dead taps in percent of the prunable weights.
    """
    changed = tables.accuracy_and_pruning(study, role=role, rate=rate, purpose="variant")
    covered(changed)
    grid = tables.accuracy_and_pruning(study, role=role, rate=rate)
    name = changed["architecture"].iloc[0]
    same = grid[grid["architecture"] == name] if not grid.empty else grid
    table = pd.concat([part for part in (same, changed) if not part.empty])
    groups = {_title(*key): group for key, group in table.groupby(["map_size", "pool_dilation"], sort=False)}
    figure, main, _ = plots.panels(list(groups), height=2.4, extra=1.4)
    kernels = sorted(table["pool_kernel"].unique())
    for axes, group in zip(main, groups.values(), strict=True):
        _draw(axes, group, rate)
        axes.set_xticks(kernels)
        axes.set_xlim(kernels[0] - 0.4, kernels[-1] + 0.4)
    for axes in main[-2:]:
        axes.set_xlabel("pool kernel k")
    plots.accuracy_axis(main)
    legend(figure, columns=2)
    note(figure, f"{name}, {study.profile.roles[role].title}.", plots.spread_note(table["n"]))
    return figure


def _title(map_size: str, pool_dilation: int) -> str:
    return _MAPS[map_size] if pool_dilation == 1 else f"pool dilated by {pool_dilation}"


def _draw(axes: Axes, table: pd.DataFrame, rate: float) -> None:
    kernels = table["pool_kernel"]
    axes.bar(kernels, table["dead_share"], width=0.5, color="#DADADA", label="dead taps (% of weights)")
    labels = {"dense": "dense", "pruned": f"{rate:.0%} of all pruned", "live": f"{rate:.0%} of live pruned"}
    for quantity, label in labels.items():
        plots.curve(axes, kernels, table, quantity, label=label, **quantity_style(quantity))
