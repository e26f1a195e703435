"""The effects behind the verdicts: how far each combination goes in the direction of its claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rflib.paper.claims import Evidence, Verdict, decide
from rflib.paper.style import Drawing, NothingToDraw, drawn, legend, new, note
from rflib.paper.verdicts.evidence import POINTS, RANK_CORRELATION
from rflib.study.study import Study

_LABELS = {
    RANK_CORRELATION: "rank correlation with k, positive as claimed",
    POINTS: "points of accuracy beyond what the claim needs",
}
_DOT: dict[str, Any] = {"linestyle": "none", "markersize": 5}
_MARKS: dict[bool, dict[str, Any]] = {
    True: {**_DOT, "color": "#1F4E9E", "marker": "o"},
    False: {**_DOT, "color": "#D7301F", "marker": "s", "markerfacecolor": "white"},
}
_NAMES = {True: "holds", False: "not shown"}
# The share of a row's height over which its combinations are spread.
_SPREAD = 0.6
_ROW_INCHES = 0.3

Rows = dict[str, list[tuple[Evidence, bool]]]


@drawn
def claims(study: Study) -> Drawing:
    """Draw every combination of every decided claim by its effect in the claimed direction.

    Above, rank correlations with the pool kernel; below, differences in points of accuracy with their 95 % intervals,
    over seeds and over the choice of the test images. A claim of several parts
    shows each of them; exact claims and equivalences have no direction and are left out.
    """
    verdicts = decide(study)
    panels = {measure: rows for measure in _LABELS if (rows := _rows(verdicts, measure))}
    if not panels:
        raise NothingToDraw
    heights = [_ROW_INCHES * (len(rows) + 1) for rows in panels.values()]
    figure = new(sum(heights) + 0.5 * len(panels) + 1.2)
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for index, (measure, rows) in enumerate(panels.items()):
        _draw(figure.add_subplot(grid[index, 0]), rows, measure)
    legend(figure, columns=2, keys=[Line2D([], [], label=_NAMES[holds], **style) for holds, style in _MARKS.items()])
    titles = " and ".join(role.title for role in study.profile.roles.values())
    note(figure, f"{titles}.", "Lines: 95 % intervals of differences.")
    return figure


def _rows(verdicts: Sequence[Verdict], measure: str) -> Rows:
    """Return, for each claim, its effects in `measure` and whether the combination that each belongs to holds."""
    rows: Rows = {}
    for verdict in verdicts:
        for whole in verdict.evidence:
            for part in whole.parts or (whole,):
                if part.measure == measure and part.expected:
                    rows.setdefault(verdict.id, []).append((part, whole.holds))
    return rows


def _draw(axes: Axes, rows: Rows, measure: str) -> None:
    for row, effects in enumerate(rows.values()):
        if row % 2:
            axes.axhspan(row - 0.5, row + 0.5, color="#F4F4F4", zorder=0)
        offsets = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(effects)) if len(effects) > 1 else [0.0]
        for offset, (part, holds) in zip(offsets, effects, strict=True):
            style = _MARKS[holds]
            # The interval of a trend is that of its change, in units of its own.
            if part.interval is not None and measure != RANK_CORRELATION:
                ends = [part.expected * (end - part.bound) for end in part.interval]
                axes.plot(ends, [row + offset] * 2, color=style["color"], linewidth=1, alpha=0.5)
            axes.plot([part.beyond], [row + offset], clip_on=False, **style)
    axes.axvline(0, color="#777777", linewidth=0.8)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=_LABELS[measure], ylabel="claim")
    if measure == RANK_CORRELATION:
        axes.set_xlim(-1.05, 1.05)
    axes.grid(axis="y", visible=False)
