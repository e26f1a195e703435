"""Networks layer by layer: probe accuracy and saturation with the border, and what truncation changes."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rflib.errors import unknown
from rflib.paper import plots, tables
from rflib.paper.plots import before_and_after
from rflib.paper.style import Drawing, covered, drawn, legend, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_EVERY = "every"
_KINDS = ("sequential", "multi_path", "residual", "attention", _EVERY)
_ATTENTION = ("spatial", "squeeze_excitation", "cbam")
_PROBE: dict[str, Any] = {"color": "#1F4E9E", "marker": "o", "markersize": 4}
_SATURATION: dict[str, Any] = {"color": "#E08A00", "width": 0.7}
_BORDER: dict[str, Any] = {"color": "#1A1A1A", "linewidth": 2.2}
_UNPRODUCTIVE: dict[str, Any] = {"color": "#EFEFEF"}


@drawn
def layer_profiles(study: Study, *, kind: str = "sequential", role: RoleName = "small_images") -> Drawing:
    """Draw probe accuracy in percent and saturation of each convolution, a panel a network, with the border layer.

    The tail behind the black line is shaded. `kind` is `sequential`, `multi_path`, `residual` or `attention`, as the
    paper's sections are, or `every`; another name is a `UsageError`.
    """
    if kind not in _KINDS:
        raise unknown("kind of network", kind, _KINDS)
    frame = tables.layers(study, role=role)
    if kind != _EVERY and len(frame):
        frame = frame[frame["architecture"].map(_kind) == kind]
    covered(frame)
    chosen = list(frame["architecture"].unique())
    figure, main, strips = plots.panels(chosen, height=2.0, strip=0.8, extra=1.2)
    for name, above, below in zip(chosen, main, strips, strict=True):
        _draw(above, below, frame[frame["architecture"] == name])
    plots.label_left(main, "probe (%)")
    plots.label_left(strips, "saturation")
    legend(figure, columns=2)
    seeds = frame.groupby("architecture")["seed"].nunique()
    title = study.profile.roles[role].title
    note(figure, f"{title}.", plots.spread_note(seeds), "Saturation: share of directions for 99 % of the variance.")
    return figure


def _kind(architecture: str) -> str:
    """Return which section of the paper a network belongs to."""
    if any(word in architecture for word in _ATTENTION):
        return "attention"
    if architecture.startswith("mpnet"):
        return "multi_path"
    return "sequential" if architecture.startswith("vgg") or architecture.endswith("_no_skips") else "residual"


def _draw(above: Axes, below: Axes, frame: pd.DataFrame) -> None:
    by_layer = tables.summarise(frame.sort_values("layer"), ["layer"], ["accuracy", "saturation"])
    tail = _border(frame)
    for axes in (above, below):
        if tail is not None:
            last = by_layer["layer"].max() + 0.5
            axes.axvspan(tail - 0.5, last, label="from the border on", zorder=0, **_UNPRODUCTIVE)
            axes.axvline(tail - 0.5, label="border layer", **_BORDER)
    plots.curve(above, by_layer["layer"], by_layer, "accuracy", label="probe accuracy", **_PROBE)
    below.bar(by_layer["layer"], by_layer["saturation_mean"], label="saturation", **_SATURATION)
    below.set_ylim(0, 1)
    below.set_xlim(0.3, by_layer["layer"].max() + 0.7)
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.set_xlabel("convolution")


def _border(frame: pd.DataFrame) -> int | None:
    """Return the index of the first convolution that is unproductive by the paper's rule."""
    unproductive = frame.loc[frame["unproductive_paper"], "layer"]
    return None if unproductive.empty else int(unproductive.min())


@drawn
def truncation(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw test accuracy in percent against parameters, each network whole and without its tail, joined by a line."""
    table = tables.truncation(study, role=role)
    covered(table)
    return before_and_after(
        table,
        {"full": "whole", "truncated": "truncated at the border"},
        cost="parameters",
        title="each network whole, and without its tail",
        label="parameters",
        images=study.profile.roles[role].title,
    )
