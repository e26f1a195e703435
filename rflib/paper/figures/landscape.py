"""Hessian spectra before and after training (Figures 1 and 2) and the course of training (Figure 3)."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_MOMENTS = {"initial": "at initialisation", "last": "after training"}
_FAINT = 0.12


@drawn
def spectra(
    study: Study, *, architecture: str, role: RoleName = "small_images", highlighted: int | None = None
) -> Drawing:
    """Draw the largest Hessian eigenvalues against their rank, before and after training, a line a pool kernel.

    Logarithmic where all are positive; otherwise linear around zero, and the note says up to where. With a
    `highlighted` pool kernel the lines of the others are faint.
    """
    frame = tables.spectra(study, role=role)
    frame = frame if frame.empty else frame[frame["architecture"] == architecture]
    covered(frame)
    by = ["checkpoint", "batch_statistics", "pool_kernel", "rank"]
    ranges = frame.groupby(by)["eigenvalue"].agg(["mean", "min", "max", "size"]).reset_index()
    figure, main, _ = plots.panels(list(_MOMENTS.values()), height=3.4, extra=1.6)
    for axes, checkpoint in zip(main, _MOMENTS, strict=True):
        _draw_spectra(axes, ranges[ranges["checkpoint"] == checkpoint], architecture, highlighted)
        axes.set_xlabel("rank of the eigenvalue")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    scale = _scale(main[0], ranges)
    plots.label_left(main, "eigenvalue of the Hessian")
    keys = []
    if (ranges["batch_statistics"] == "frozen").any():
        keys.append(key("frozen batch statistics", linestyle=":", linewidth=1))
    legend(figure, columns=2, keys=keys)
    seeds = int(ranges["size"].max())
    spread = f"Mean of n = {seeds} seeds; bands: smallest to largest." if seeds > 1 else "n = 1 seed, so no spread."
    images = f"Training loss of {frame['images'].max()} images."
    note(figure, f"{architecture}, {study.profile.roles[role].title}.", images, spread, scale)
    return figure


def _draw_spectra(axes: Axes, ranges: pd.DataFrame, architecture: str, highlighted: int | None) -> None:
    for kernel, rows in plots.by_kernel(ranges):
        alpha = 1.0 if highlighted in (None, kernel) else _FAINT
        frozen = rows[rows["batch_statistics"] == "frozen"]
        style = kernel_style(kernel) | {"linestyle": ":", "linewidth": 1.0, "marker": "none", "alpha": alpha}
        axes.plot(frozen["rank"], frozen["mean"], label="_", **style)
        group = rows[rows["batch_statistics"] == "batch"]
        style = kernel_style(kernel) | {"markersize": 3.5, "alpha": alpha}
        axes.plot(group["rank"], group["mean"], label=plots.kernel_label(architecture, kernel), **style)
        if (group["size"] > 1).any():
            band = {"color": style["color"], "alpha": 0.18 * alpha, "linewidth": 0}
            axes.fill_between(group["rank"], group["min"], group["max"], **band)


def _scale(axes: Axes, ranges: pd.DataFrame) -> str:
    """Choose the scale of the panels' common y axis; return the sentence that explains it, if it needs one."""
    if (ranges["min"] > 0).all():
        axes.set_yscale("log")
        return ""
    # Fine enough for the panel with the smaller eigenvalues: training shrinks them a thousandfold.
    largest = min(panel[["min", "max"]].abs().to_numpy().max() for _, panel in ranges.groupby("checkpoint"))
    linear = 10.0 ** math.floor(math.log10(1e-3 * (largest or 1.0)))
    axes.set_yscale("symlog", linthresh=linear)
    axes.axhline(0, color="#777777", linewidth=0.8)
    return f"The axis is linear between ±{linear:g} and logarithmic beyond."


@drawn
def training_curves(study: Study, *, role: RoleName = "small_images", architecture: str = "rf_resnet50") -> Drawing:
    """Draw test accuracy in percent and training loss against the epoch, a line a pool kernel.

    Runs of twice the epochs are dashed with T_max as it was and dotted with T_max doubled.
    """
    frame = tables.training_curves(study, role=role, architecture=architecture)
    frame = covered(frame[frame["purpose"].astype(str).str.match("grid$|doubled_")])
    settings = study.profile.roles[role]
    schedule = ["epochs", "cosine_period_epochs"]
    by = ["pool_kernel", *schedule, "epoch"]
    table = tables.summarise(frame, by, ["test_accuracy", "train_loss"]).sort_values(by)
    figure, (accuracy,), (loss,) = plots.panels([architecture], height=3.4, strip=1.5, extra=2.2)
    keys = []
    for epochs, period in table[schedule].drop_duplicates().sort_values(schedule).itertuples(index=False):
        line = "-" if epochs == settings.training.epochs else "--" if period < epochs else ":"
        keys.append(key(rf"{epochs} epochs, $T_{{max}}$ = {period}", linestyle=line))
        rows = table[(table["epochs"] == epochs) & (table["cosine_period_epochs"] == period)]
        for kernel, group in plots.by_kernel(rows):
            style = kernel_style(kernel) | {"linestyle": line, "marker": "none"}
            label = f"k = {kernel}"
            plots.curve(accuracy, group["epoch"], group, "test_accuracy", band=True, label=label, **style)
            plots.curve(loss, group["epoch"], group, "train_loss", band=True, **style)
    accuracy.set_ylabel("test accuracy (%)")
    loss.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    loss.set(xlabel="epoch", ylabel="training loss")
    legend(figure, columns=2, keys=keys)
    note(figure, f"{settings.title}.", plots.spread_note(table["n"], "bands"))
    return figure
