"""The pruning advantage of large fields, under plain pruning and among weights that can learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import tables
from rflib.paper.style import Drawing, NothingToDraw, drawn, legend, new, note, quantity_style
from rflib.study.study import Study

_MAPS = {"shrinking": "", "padded": ", padded maps", "dilated": ", dilated"}
_SHOWN = {
    "gain": ("pruned", "all weights pruned alike", -0.14),
    "gain_live": ("live", "only live weights pruned", 0.14),
}
_ROW_INCHES = 0.42


@drawn
def dead_tap_control(study: Study) -> Drawing:
    """Draw what each network keeps beyond the smallest field of its architecture, plain and among live weights.

    A panel a role, a row a network, with the share of its dead taps; in points of kept accuracy, with 95 % intervals.
    """
    frames = {role: tables.advantage(study, role=role) for role in study.profile.roles}
    frames = {role: frame for role, frame in frames.items() if not frame.empty}
    if not frames:
        raise NothingToDraw
    heights = [len(frame) * _ROW_INCHES + 0.6 for frame in frames.values()]
    figure = new(sum(heights) + 1.5)
    grid = figure.add_gridspec(len(frames), 1, height_ratios=heights)
    first: Axes | None = None
    for index, (role, frame) in enumerate(frames.items()):
        axes = figure.add_subplot(grid[index, 0], sharex=first)
        first = first or axes
        _draw(axes, frame)
        axes.set_title(study.profile.roles[role].title)
        axes.set_ylabel("network")
    axes.set_xlabel("kept beyond the smallest field (points)")
    legend(figure, columns=2)
    seeds = pd.concat(list(frames.values()))["n"]
    lines = "Lines: 95 % intervals over seeds." if seeds.max() > 1 else ""
    titles = " and ".join(study.profile.roles[role].title for role in frames)
    note(
        figure,
        f"{titles}.",
        "Kept: accuracy above guessing as a share of the dense network's, averaged over the rates.",
        f"n = {seeds.min()} to {seeds.max()} seeds." if seeds.min() < seeds.max() else f"n = {seeds.max()}.",
        lines,
    )
    return figure


def _draw(axes: Axes, frame: pd.DataFrame) -> None:
    rows = np.arange(len(frame))
    for quantity, (style, label, offset) in _SHOWN.items():
        look = quantity_style(style) | {"linestyle": "none"}
        widths = [
            tables.half_width(deviation, seeds)
            for deviation, seeds in zip(frame[f"{quantity}_sd"], frame["n"], strict=True)
        ]
        axes.plot(frame[f"{quantity}_mean"], rows + offset, label=label, clip_on=False, **look)
        axes.errorbar(frame[f"{quantity}_mean"], rows + offset, xerr=widths, fmt="none", ecolor=look["color"])
    axes.axvline(0, color="#777777", linewidth=0.8)
    axes.set_yticks(rows, [_name(row) for _, row in frame.iterrows()])
    axes.set_ylim(len(frame) - 0.5, -0.5)


def _name(row: pd.Series) -> str:
    change = _MAPS[row["map_size"]] + (f", pool dilated by {row['pool_dilation']}" if row["pool_dilation"] > 1 else "")
    return f"{row['architecture']}, k = {row['pool_kernel']}{change}\n{row['dead_share']:.0f} % dead taps"
