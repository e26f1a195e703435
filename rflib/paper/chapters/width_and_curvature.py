"""Width against field: accuracy, training loss and the top of the Hessian spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rflib.paper import plots
from rflib.paper.frames import one_shot, summarise
from rflib.paper.style import Drawing, NothingToDraw, drawn, kernel_style, key, legend, new, note
from rflib.paper.verdicts.assessment import difference
from rflib.paper.verdicts.evidence import DIFFERENCE
from rflib.paper.verdicts.margins import NOTICEABLE_DECADES, NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import Readings, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_RUN = ["architecture", "pool_kernel", "width", "seed"]
_ACCURACY = ("dense", "pruned", "live", "lost", "lost_live")
_SPECTRUM = ("largest_initial", "spread_initial", "largest_last", "spread_last")


@traced
def curvature_runs(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network, width and seed: accuracy in percent, training loss, and its spectra.

    `width_multiple` counts from the profile's own width. `largest` is the largest eigenvalue and `spread` that minus
    the smallest of the computed ones, at `_initial` and `_last` weights; `lost` and `lost_live` are dense minus pruned
    at `rate`, globally and among live weights; `receptive_field` is in pixels.
    """
    frame = one_shot(study, role, "curvature")
    analyses = ("history", "spectrum", "architecture")
    history, spectra, networks = (study.frame(name, "curvature", role=role) for name in analyses)
    if frame.empty or any(each.empty for each in (history, spectra, networks)):
        return pd.DataFrame()
    frame = frame[(frame["rate"] - rate).abs() < 1e-9]
    frame = frame.rename(columns={"difference": "lost", "live_difference": "lost_live"})
    frame = frame[[*_RUN, *_ACCURACY]].assign(width_multiple=frame["width"] / study.profile.width)
    ended = history[history["epoch"] == history["epochs"]]
    frame = frame.merge(ended[[*_RUN, "train_loss"]], on=_RUN)
    fields = networks.drop_duplicates(["architecture", "pool_kernel"])
    frame = frame.merge(fields[["architecture", "pool_kernel", "receptive_field"]], on=["architecture", "pool_kernel"])
    return frame.merge(_spectra(spectra), on=_RUN)


@traced
def by_width(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean, spread and n of every quantity of `curvature_runs`, one row a field and width."""
    if runs.empty:
        return runs
    keys = ["architecture", "pool_kernel", "receptive_field", "width_multiple"]
    table = summarise(runs, keys, [*_ACCURACY, "train_loss", *_SPECTRUM])
    return table.sort_values(["architecture", "pool_kernel", "width_multiple"], ignore_index=True)


def _spectra(frame: pd.DataFrame) -> pd.DataFrame:
    ends = frame.groupby([*_RUN, "checkpoint"])["eigenvalue"].agg(largest="max", smallest="min").reset_index()
    ends["spread"] = ends["largest"] - ends["smallest"]
    wide = ends.pivot(index=_RUN, columns="checkpoint", values=["largest", "spread"])
    wide.columns = ["_".join(names) for names in wide.columns]
    return wide.reset_index()


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
def draw_width_and_curvature(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw dense accuracy, training loss and the top of the spectrum against the width, a line a pool kernel."""
    return _by_width(study, role, _TRAINING, dashed="before training")


@drawn
def draw_width_and_pruning(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy after pruning at 0.9 and what it takes against the width, globally and among live weights."""
    return _by_width(study, role, _PRUNING, dashed="among live weights")


def _by_width(
    study: Study, role: RoleName, panels: tuple[tuple[str, str | None, str, bool], ...], *, dashed: str
) -> Drawing:
    table = by_width(curvature_runs(study, role=role))
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


_SPECTRA = {"initial": "before training", "last": "after training"}


def decide_wider_is_easier(readings: Readings) -> Finding:
    """PT-13: at the largest field the widest network is more accurate than the narrowest, and its spectrum narrower."""
    found, remarks = [], []
    for role in readings.study.profile.roles:
        for (architecture,), runs in groups(curvature_runs(readings.study, role=role), "architecture"):
            largest = runs[runs["pool_kernel"] == runs["pool_kernel"].max()]
            where = f"{architecture}, {images(role)}, k = {largest['pool_kernel'].iloc[0]}"
            found.append(difference(f"{where}, dense accuracy", _widest_minus_narrowest(largest["dense"], largest), 1))
            for checkpoint, moment in _SPECTRA.items():
                change = _widest_minus_narrowest(np.log10(largest[f"largest_{checkpoint}"]), largest)
                name = f"{where}, largest eigenvalue {moment}"
                found.append(difference(name, change, -1, noticeable=NOTICEABLE_DECADES, measure="decades"))
            remarks += [_short_of(where, runs, largest)]
    return Finding(found, remark=" ".join(remarks))


def _widest_minus_narrowest(values: pd.Series, runs: pd.DataFrame) -> pd.Series:
    """Return, by seed, a quantity of the widest network minus that of the narrowest; empty with a single width."""
    wide = pd.DataFrame({"value": values, "width": runs["width"], "seed": runs["seed"]}).pivot(
        index="seed", columns="width", values="value"
    )
    return wide[wide.columns.max()] - wide[wide.columns.min()] if wide.shape[1] > 1 else pd.Series(dtype=float)


def _short_of(where: str, runs: pd.DataFrame, largest: pd.DataFrame) -> str:
    """Say what the widest network at the largest field lacks of the narrowest at the smallest."""
    smallest = runs[runs["pool_kernel"] == runs["pool_kernel"].min()]
    wide = largest[largest["width"] == largest["width"].max()]["dense"].mean()
    narrow = smallest[smallest["width"] == smallest["width"].min()]["dense"].mean()
    return f"{where}: the widest network is {wide - narrow:+z.1f} points from the narrowest one at the smallest field."


CLAIMS = {
    "PT-13": Rule(
        decide_wider_is_easier,
        "Three quantities at the largest kernel, each on its own, of the widest network minus the narrowest within a "
        f"seed: dense accuracy is higher (by more than {NOTICEABLE_POINTS:g} point), and the largest "
        "eigenvalue of the Hessian, before and after training, is smaller (its logarithm; by more than "
        f"{NOTICEABLE_DECADES:g} decades). {DIFFERENCE}",
        "training runs and spectra of two or more widths of one network",
        ("fig-width-and-curvature",),
    ),
}
