"""Spectra of the Hessian before and after training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rflib.paper import plots
from rflib.paper.frames import NETWORK, summarise
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.paper.verdicts.assessment import trend
from rflib.paper.verdicts.evidence import TREND
from rflib.paper.verdicts.margins import LARGEST_RESIDUAL
from rflib.paper.verdicts.readings import (
    RESNET_SMALL,
    VGG_SMALL,
    Readings,
    by_seed,
    chosen,
    combinations,
)
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def spectra(
    study: Study,
    *,
    role: RoleName = "small_images",
    purposes: Sequence[str] = ("grid", "frozen"),
    architecture: str | None = None,
) -> pd.DataFrame:
    """Return one row an eigenvalue of the grid: network, seed, checkpoint, statistics, rank, eigenvalue, residual.

    The purpose "initial" has a few eigenvalues before training alone, of more seeds.
    """
    return study.frame("spectrum", *purposes, role=role, architecture=architecture)


@traced
def spectrum_summary(
    study: Study, *, role: RoleName = "small_images", purposes: Sequence[str] = ("grid", "frozen")
) -> pd.DataFrame:
    """Return one row a network and checkpoint: largest and k-th eigenvalue, products, relative residual."""
    frame = spectra(study, role=role, purposes=purposes)
    keys = ["architecture", "pool_kernel", "checkpoint", "batch_statistics", "seed"]
    groups = frame.groupby(keys, sort=False)
    summary = groups.agg(
        largest=("eigenvalue", "max"),
        smallest=("eigenvalue", "min"),
        eigenvalues=("rank", "max"),
        images=("images", "first"),
        products=("products", "first"),
        worst_residual=("residual", "max"),
    ).reset_index()
    summary["worst_residual"] /= summary["largest"]
    return summary


_MOMENTS = {"initial": "at initialisation", "last": "after training"}


_FAINT = 0.12


@drawn
def draw_spectra(
    study: Study, *, architecture: str, role: RoleName = "small_images", highlighted: int | None = None
) -> Drawing:
    """Draw the largest Hessian eigenvalues against their rank, before and after training, a line a pool kernel.

    Logarithmic where all are positive; otherwise linear around zero, and the note says up to where. With a
    `highlighted` pool kernel the lines of the others are faint.
    """
    frame = covered(spectra(study, role=role, architecture=architecture))
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


@traced
def by_network(study: Study, *, purposes: Sequence[str] = ("grid",)) -> pd.DataFrame:
    """Return one row a network and checkpoint: `largest` and `spread`, largest minus smallest, of the eigenvalues.

    Means over seeds, on batch statistics. The spread is missing where the smallest computed eigenvalue is lost in its
    residual.
    """
    summary = spectrum_summary(study, purposes=purposes)
    summary = summary[summary["batch_statistics"] == "batch"]
    resolved = summary["worst_residual"] <= LARGEST_RESIDUAL
    spread = (summary["largest"] - summary["smallest"]).where(resolved)
    return summarise(summary.assign(spread=spread), [*NETWORK, "checkpoint"], ["largest", "spread", "smallest"])


@traced
def frozen_statistics(study: Study) -> pd.DataFrame:
    """Return one row a network and checkpoint: the largest eigenvalue with the statistics of each batch and frozen."""
    keys = [*NETWORK, "checkpoint"]
    summary = spectrum_summary(study)
    wide = summary.pivot_table(index=[*keys, "seed"], columns="batch_statistics", values="largest")
    return summarise(wide.reindex(columns=["batch", "frozen"]).dropna().reset_index(), keys, ["batch", "frozen"])


def decide_wider_before_training(readings: Readings) -> Finding:
    """RR-11: before training the largest eigenvalue and the spread of the computed ones rise with the field."""
    found, unresolved = [], []
    frame = _before_training(readings)
    for where, group in combinations(frame):
        found.append(trend(f"{where}, largest eigenvalue", by_seed(group, "largest"), 1, noticeable=0.0))
        if (group["worst_residual"] > LARGEST_RESIDUAL).any():
            unresolved.append(where)
        else:
            spread = group.assign(spread=group["largest"] - group["smallest"])
            found.append(trend(f"{where}, spread", by_seed(spread, "spread"), 1, noticeable=0.0))
    remark = (
        f"Not decided is the spread where residuals exceed {LARGEST_RESIDUAL:.0%} of the largest eigenvalue: "
        f"{'; '.join(unresolved)}."
    )
    return Finding(found, remark=remark if unresolved else "")


def _before_training(readings: Readings) -> pd.DataFrame:
    """Return the spectra before training of the purpose that holds the most seeds, all of one number of eigenvalues."""
    purposes = (
        readings.over_roles(spectrum_summary, purposes=(purpose,)).assign(purpose=purpose)
        for purpose in ("grid", "initial")
    )
    frame = pd.concat([each for each in purposes if len(each)] or [pd.DataFrame()])
    frame = chosen(frame, checkpoint="initial", batch_statistics="batch")
    if frame.empty:
        return frame
    seeds = frame.groupby("purpose")["seed"].nunique()
    return chosen(frame, purpose=str(seeds.idxmax()))


CLAIMS = {
    "RR-11": Rule(
        decide_wider_before_training,
        f"Two quantities, each on its own: the largest eigenvalue rises, and so does the largest minus the smallest of "
        f"the computed ones. {TREND} The family is every network, image size and quantity.",
        "Hessian spectra before training at two or more pool kernels of one network",
        ("figure-1", "figure-2"),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
}
