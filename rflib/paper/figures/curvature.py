"""Width against field: accuracy, training loss and the largest eigenvalue of the Hessian."""

from __future__ import annotations

from typing import Any

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, NothingToDraw, drawn, kernel_style, key, legend, new, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_HOLLOW: dict[str, Any] = {"linestyle": "--", "markerfacecolor": "none"}
# One panel each: the column that is drawn whole, the one that is drawn dashed, label, whether the axis is logarithmic.
_TRAINING = (
    ("dense", None, "test accuracy (%)", False),
    ("train_loss", None, "training loss", False),
    ("largest_last", "largest_initial", "largest eigenvalue", True),
    ("spread_last", "spread_initial", "spread of eigenvalues", True),
)
_PRUNING = (
    ("pruned", "live", "pruned accuracy (%)", False),
    ("lost", "lost_live", "accuracy lost (points)", False),
)


@drawn
def width_and_curvature(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw dense accuracy, training loss and the top of the spectrum against the width, a line a pool kernel."""
    return _by_width(study, role, _TRAINING, dashed="before training")


@drawn
def width_and_pruning(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy after pruning at 0.9 and what it takes against the width, globally and among live weights."""
    return _by_width(study, role, _PRUNING, dashed="among live weights")


def _by_width(
    study: Study, role: RoleName, panels: tuple[tuple[str, str | None, str, bool], ...], *, dashed: str
) -> Drawing:
    table = tables.by_width(tables.curvature_runs(study, role=role))
    # One width compares nothing.
    if table.empty or table["width_multiple"].nunique() < 2:
        raise NothingToDraw
    figure = new(2.3 * (len(panels) // 2) + 1.3)
    grid = figure.subplots(len(panels) // 2, 2).flatten()
    for axes, (whole, broken, label, logarithmic) in zip(grid, panels, strict=True):
        for kernel, group in plots.by_kernel(table):
            style, name = kernel_style(kernel), f"k = {kernel} ({group['receptive_field'].iloc[0]:.0f} px)"
            plots.curve(axes, group["width_multiple"], group, whole, label=name, **style)
            if broken:
                plots.curve(axes, group["width_multiple"], group, broken, **style | _HOLLOW)
        axes.set_xticks(sorted(table["width_multiple"].unique()))
        axes.set_ylabel(label)
        if logarithmic:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    for axes in grid[-2:]:
        axes.set_xlabel("multiple of the width")
    legend(figure, columns=2, keys=[key(dashed, marker="o", **_HOLLOW)])
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"]))
    return figure
