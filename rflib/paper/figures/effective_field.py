"""Effective fields along the depth, field beside accuracy, maps of pixel sensitivity, and what kernel padding does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, legend, new, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_THEORY: dict[str, Any] = {"color": "#8A8A8A", "linestyle": "-", "marker": ""}
_UNTRAINED: dict[str, Any] = {"color": "#E08A00", "linestyle": "--", "marker": "s", "markersize": 5}
_TRAINED: dict[str, Any] = {"color": "#1F4E9E", "linestyle": "-", "marker": "o", "markersize": 5}
_PLAIN: dict[str, Any] = {"color": "#1F4E9E", "marker": "o"}
_PADDED: dict[str, Any] = {"color": "#D7301F", "marker": "s"}
_KINDS = {"trained": "trained", "uniform": "architecture alone"}
_QUANTITIES = {
    "accuracy": "test accuracy (%)",
    "imbalance": "imbalance of pixels",
    "prediction_change": "changed predictions (%)",
}


@drawn
def field_and_accuracy(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw test accuracy in percent against the theoretical and against the effective field, a point a network."""
    table = tables.field_and_accuracy(study, role=role)
    covered(table)
    figure, (theory, effective), _ = plots.panels(["in theory", "effective"], height=3.6, extra=1.0)
    for axes, x in ((theory, "theoretical_field"), (effective, "trained_mean")):
        for number, row in enumerate(table.to_dict("records"), start=1):
            axes.errorbar(row[x], row["accuracy_mean"], yerr=row["accuracy_sd"], color="#1F4E9E", marker="o", capsize=0)
            label = (row[x], row["accuracy_mean"])
            axes.annotate(str(number), label, xytext=(5, 5), textcoords="offset points", fontsize=9.5)
        axes.margins(x=0.15, y=0.15)
    theory.set_xlabel("receptive field (px)")
    effective.set_xlabel("effective field (px)")
    plots.label_left([theory, effective], "test accuracy (%)")
    names = ", ".join(f"{number} {name}" for number, name in enumerate(table["architecture"], start=1))
    note(figure, f"{study.profile.roles[role].title}. {names}.", plots.spread_note(table["n"]))
    return figure


@drawn
def effective_fields(study: Study, *, role: RoleName = "small_images", mirrored: bool = False) -> Drawing:
    """Draw the field of convolutions along the depth in pixels, in theory, untrained and trained, a panel a network.

    Measured on the images as they are, or `mirrored` beyond their border.
    """
    frame = tables.effective_fields(study, role=role, mirrored=mirrored)
    covered(frame)
    names = list(frame["architecture"].unique())
    figure, main, _ = plots.panels(names, height=2.1, extra=1.3)
    for name, axes in zip(names, main, strict=True):
        _draw_fields(axes, frame[frame["architecture"] == name])
    plots.label_left(main, "side (px)")
    legend(figure, columns=2)
    seeds = frame.groupby("architecture")["seed"].nunique()
    definition = "Effective: side of a square of as many pixels as hold 95 % of the gradient."
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(seeds), definition)
    return figure


def _draw_fields(axes: Axes, frame: pd.DataFrame) -> None:
    theory = frame.drop_duplicates("depth").sort_values("depth")
    axes.plot(theory["depth"], theory["theoretical_field"], label="in theory", **_THEORY)
    axes.axhline(frame["input_size"].iloc[0], label="side of the input", color="#1A1A1A", linestyle=":", linewidth=1.4)
    for checkpoint, label, style in (("initial", "untrained", _UNTRAINED), ("last", "trained", _TRAINED)):
        chosen = frame[frame["checkpoint"] == checkpoint].sort_values("depth")
        summary = tables.summarise(chosen, ["depth"], ["area_side"])
        plots.curve(axes, summary["depth"], summary, "area_side", label=f"effective, {label}", **style)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("convolution whose field grows")


@drawn
def sensitivity_maps(
    study: Study, architecture: str = "resnet18", *, role: RoleName = "small_images", task: str = "classes"
) -> Drawing:
    """Draw how strongly the output depends on each pixel, over the mean, with plain kernels and with padded ones.

    The upper row counts the paths of the architecture alone, all weights equal; the lower row is after training.
    """
    maps = tables.sensitivity_maps(study, architecture, role=role, task=task)
    if len(maps) < 2 * len(_KINDS):
        raise NothingToDraw
    figure = new(6.3)
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    for row, kind in zip(grid, ("uniform", "trained"), strict=True):
        top = max(float(maps[kind, padding].max()) for padding in (False, True))
        for axes, padding in zip(row, (False, True), strict=True):
            shown = axes.imshow(maps[kind, padding], cmap="cividis", vmin=0, vmax=top, interpolation="nearest")
            axes.set_title(f"{_KINDS[kind]}, {'padded' if padding else 'plain'}")
            axes.grid(visible=False)
        figure.colorbar(shown, ax=list(row), label="sensitivity / mean")
    for axes in grid[:, 0]:
        axes.set_ylabel("row (px)")
    for axes in grid[1]:
        axes.set_xlabel("column (px)")
    seeds = len(study.profile.roles[role].seeds)
    over = "one seed" if seeds == 1 else f"the mean of {seeds} seeds"
    note(figure, f"{study.profile.roles[role].title}, {architecture}. Trained: {over}.")
    return figure


@drawn
def kernel_padding(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy, imbalance and the response to shifts by one pixel, plain beside padded, for both tasks."""
    table = tables.kernel_padding(study, role=role)
    covered(table)
    figure = new(3.9)
    panels = figure.subplots(1, len(_QUANTITIES))
    labels = [_task_label(row, table) for row in table.to_dict("records")]
    for axes, (quantity, name) in zip(panels, _QUANTITIES.items(), strict=True):
        for shift, version, style in ((-0.12, "plain", _PLAIN), (0.12, "padded", _PADDED)):
            x, column = np.arange(len(table)) + shift, f"{quantity}_{version}"
            spread = table[f"{column}_sd"].fillna(0)
            label = {"plain": "plain kernels", "padded": "padded kernels"}[version]
            axes.errorbar(x, table[f"{column}_mean"], yerr=spread, linestyle="none", label=label, capsize=0, **style)
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylabel(name)
        axes.set_ylim(bottom=0)
    panels[len(panels) // 2].set_xlabel("task")
    legend(figure, columns=2)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"]))
    return figure


def _task_label(row: dict[Any, Any], table: pd.DataFrame) -> str:
    return row["task"] if table["architecture"].nunique() == 1 else f"{row['architecture']}\n{row['task']}"
