"""The first epochs under the printed protocol and under this profile's schedule."""

from __future__ import annotations

from typing import Any

from matplotlib.ticker import MaxNLocator

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, legend, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

# Not the colours of pool kernels: each panel has one network.
_STYLES: dict[str, dict[str, Any]] = {
    "usual": {"color": "#1A1A1A", "marker": "o", "linestyle": "-"},
    "printed_norm": {"color": "#D7301F", "marker": "s", "linestyle": "-"},
    "printed_value": {"color": "#E08A00", "marker": "^", "linestyle": "--"},
    "printed_none": {"color": "#6A51A3", "marker": "v", "linestyle": ":"},
}


@drawn
def early_training(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw test accuracy in percent over the first epochs, a panel a network, a line a schedule.

    Dotted across: what the paper reports for the network at the end of its training.
    """
    frame = tables.early_epochs(study, role=role)
    covered(frame)
    by = ["architecture", "pool_kernel", "purpose", "epoch"]
    table = tables.summarise(frame, by, ["test_accuracy"])
    ends = tables.printed_protocol(study, role=role)
    groups = {f"{name}, k = {kernel}": group for (name, kernel), group in table.groupby(by[:2], sort=False)}
    figure, main, _ = plots.panels(list(groups), height=3.0, extra=1.6)
    for axes, group in zip(main, groups.values(), strict=True):
        for purpose, rows in group.groupby("purpose", sort=False):
            style = _STYLES[str(purpose)]
            plots.curve(axes, rows["epoch"], rows, "test_accuracy", label=tables.SCHEDULES[str(purpose)], **style)
        same = ends[(ends[by[:2]] == group[by[:2]].iloc[0]).all(axis=1)]
        for reported in same["dense_reported"].dropna().unique():
            axes.axhline(reported, color="#777777", linestyle=":", linewidth=1.2, label="the paper, at the end")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    plots.accuracy_axis(main)
    main[0].set_ylim(0, 100)
    legend(figure, columns=2)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"]))
    return figure
