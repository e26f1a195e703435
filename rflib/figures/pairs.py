"""Networks before and after a change, each pair joined by a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes


def joined(
    axes: Axes,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    spreads: Sequence[float],
    looks: Mapping[str, Mapping[str, Any]],
) -> None:
    """Draw one network at two places with its name at the first; `looks` are the labels with their styles.

    `spreads` are the lengths of the bars; NaN draws none.
    """
    axes.plot(x, y, color="#9A9A9A", linewidth=1.2, zorder=1)
    for place, (label, style) in enumerate(looks.items()):
        axes.plot(x[place], y[place], label=label, **style)
        if pd.notna(spreads[place]):
            axes.errorbar(x[place], y[place], yerr=spreads[place], fmt="none", ecolor=style["color"], elinewidth=1.2)
    axes.annotate(name, (x[0], y[0]), xytext=(6, 6), textcoords="offset points", fontsize=9)
