"""How unequally the pixels of an image count, and what padded kernels change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rflib.config import SHIFT_CLASSES
from rflib.paper import plots
from rflib.paper.chapters.effective_receptive_field.runs import PADDED, padded_runs, pixel_runs, sensitivity_maps
from rflib.paper.frames import summarise
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, legend, new, note
from rflib.paper.verdicts.assessment import all_of, difference
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import (
    CLEAR_IMBALANCE,
    DEAD_PIXELS_PERCENT,
    GUESSING_POINTS,
    NOTICEABLE_IMBALANCE,
    NOTICEABLE_POINTS,
    NOTICEABLE_SHARE,
)
from rflib.paper.verdicts.readings import Readings, chosen, combinations, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def imbalance(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return one row a network without kernel padding: how unequal pixels of one period are, after training.

    `partially_dead` is in percent; `uniform_imbalance` follows from the architecture alone.
    """
    frame = pixel_runs(study, role=role, period=period)
    if frame.empty:
        return frame
    by = ["architecture", "strided_layers", "uneven_layers", "uniform_imbalance"]
    return summarise(frame, by, ["imbalance", "ratio", "partially_dead"])


@traced
def by_kernels(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `imbalance` with `kernels`: whether a network has some that their stride does not divide."""
    names = {True: "with kernels that their stride does not divide", False: "without such kernels"}
    return table.assign(kernels=(table["uneven_layers"] > 0).map(names)) if len(table) else table


@traced
def floors(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `kernel_padding` for shifts, and each version that is hardly above `guessing` them."""
    bound, columns = 100 / SHIFT_CLASSES + GUESSING_POINTS, ["architecture", "task", "guessing", "margin"]
    rows = [
        [row["architecture"], row["task"], version, GUESSING_POINTS]
        for row in table.to_dict("records")
        for version in ("plain", "padded")
        if row["task"] == "shifts" and row[f"accuracy_{version}_mean"] <= bound
    ]
    return pd.DataFrame(rows, columns=columns)


@traced
def kernel_padding(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return one row a network and task: plain and padded, and padded minus plain (`_change`), seed by seed.

    Quantities: `accuracy`, `partially_dead` and `prediction_change` in percent, their changes in points; `imbalance` of
    pixels of one period, and `output_change`.
    """
    both = padded_runs(study, role=role, period=period)
    if both.empty:
        return both
    versions = [f"{quantity}_{version}" for quantity in PADDED for version in ("plain", "padded", "change")]
    return summarise(both, ["architecture", "task"], versions)


_PLAIN: dict[str, Any] = {"color": "#1F4E9E", "marker": "o"}


_DRAW_PADDED: dict[str, Any] = {"color": "#D7301F", "marker": "s"}


_KINDS = {"trained": "trained", "uniform": "architecture alone"}


_QUANTITIES = {
    "accuracy": "test accuracy (%)",
    "imbalance": "imbalance of pixels",
    "prediction_change": "changed predictions (%)",
}


@drawn
def draw_sensitivity_maps(
    study: Study, architecture: str = "resnet18", *, role: RoleName = "small_images", task: str = "classes"
) -> Drawing:
    """Draw how strongly the output depends on each pixel, over the mean, with plain kernels and with padded ones.

    The upper row counts the paths of the architecture alone, all weights equal; the lower row is after training.
    """
    maps = sensitivity_maps(study, architecture, role=role, task=task)
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
def draw_kernel_padding(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy, imbalance and the response to shifts by one pixel, plain beside padded, for both tasks."""
    table = kernel_padding(study, role=role)
    covered(table)
    figure = new(3.9)
    panels = figure.subplots(1, len(_QUANTITIES))
    labels = [_task_label(row, table) for row in table.to_dict("records")]
    for axes, (quantity, name) in zip(panels, _QUANTITIES.items(), strict=True):
        for shift, version, style in ((-0.12, "plain", _PLAIN), (0.12, "padded", _DRAW_PADDED)):
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


def decide_unequal_pixels(readings: Readings) -> Finding:
    """DP-04: the pixels of residual networks contribute unequally, and some are partially dead."""
    found: list[Evidence | None] = []
    for where, runs in combinations(_pixel_runs(readings)):
        if "resnet" in where:
            by_seed = runs.set_index("seed")
            spread = _imbalance(f"{where}, imbalance", by_seed["imbalance"], 1, bound=CLEAR_IMBALANCE)
            share, here = by_seed["partially_dead"], f"{where}, partially dead"
            dead = difference(here, share, 1, bound=DEAD_PIXELS_PERCENT, noticeable=0.0, measure="% of the pixels")
            found.append(all_of(where, [spread, dead]))
    return Finding(found)


def decide_odd_kernels(readings: Readings) -> Finding:
    """DP-05: pixels are unequal where a stride does not divide its kernel, and alike where every stride does."""
    found: list[Evidence | None] = []
    for (role,), runs in groups(_pixel_runs(readings), "role"):
        even = runs[runs["uneven_layers"] == 0].groupby("seed")["imbalance"].mean()
        for (architecture,), group in groups(runs[runs["uneven_layers"] > 0], "architecture"):
            more = group.set_index("seed")["imbalance"] - even
            where = f"{architecture}, {images(role)}, beside networks of even kernels"
            found.append(_imbalance(where, more, 1, noticeable=NOTICEABLE_IMBALANCE))
    return Finding(found)


def decide_padding_evens_out(readings: Readings) -> Finding:
    """DP-06: with padded kernels the pixels are less unequal."""
    changes = _padded(readings, "imbalance_change")
    return Finding([_imbalance(where, sample, -1, noticeable=NOTICEABLE_IMBALANCE) for where, sample in changes])


def decide_padding_and_classes(readings: Readings) -> Finding:
    """DP-07: padded kernels do not help to tell classes."""
    gains = _padded(readings, "accuracy_change", task="classes")
    return Finding([difference(where, gain, -1, bound=NOTICEABLE_POINTS, noticeable=0.0) for where, gain in gains])


def decide_padding_and_shifts(readings: Readings) -> Finding:
    """DP-08: padded kernels help to tell shifts, and the output answers less to a shift of the whole image."""
    responses = dict(_padded(readings, "output_change_change", task="shifts"))
    found = []
    for where, gain in _padded(readings, "accuracy_change", task="shifts"):
        here, spread = f"{where}, response", "of the outputs' spread"
        calmer = difference(here, responses[where], -1, noticeable=NOTICEABLE_SHARE, measure=spread)
        found.append(all_of(where, [difference(f"{where}, accuracy", gain, 1), calmer]))
    return Finding(found)


def _pixel_runs(readings: Readings) -> pd.DataFrame:
    return readings.over_roles(pixel_runs)


def _padded(readings: Readings, quantity: str, **only: str) -> list[tuple[str, pd.Series]]:
    """Return padded minus plain by seed for each network and task, named."""
    frame = chosen(readings.over_roles(padded_runs), **only)
    return [
        (f"{architecture}, {images(role)}, {task}", runs.set_index("seed")[quantity])
        for (architecture, role, task), runs in groups(frame, "architecture", "role", "task")
    ]


def _imbalance(
    where: str, sample: pd.Series, expected: int, *, bound: float = 0.0, noticeable: float = 0.0
) -> Evidence | None:
    return difference(where, sample, expected, bound=bound, noticeable=noticeable, measure="imbalance")


_AS_PADDED = "one-sided differences padded minus plain, within a seed"


CLAIMS = {
    "DP-04": Rule(
        decide_unequal_pixels,
        f"Both must hold: the coefficient of variation of the four phases of pixels exceeds {CLEAR_IMBALANCE:g}, and "
        f"more than {DEAD_PIXELS_PERCENT:g} % of the pixels have less than half the sensitivity of their 2x2 cell. "
        f"{DIFFERENCE}",
        "pixel sensitivity of residual networks",
        ("fig-sensitivity-maps",),
    ),
    "DP-05": Rule(
        decide_odd_kernels,
        "The imbalance of a network with kernels that their stride does not divide exceeds the mean of the networks "
        f"without any (by more than {NOTICEABLE_IMBALANCE:g}). {DIFFERENCE}",
        "pixel sensitivity of networks with odd and with even strided kernels",
    ),
    "DP-06": Rule(
        decide_padding_evens_out,
        f"The imbalance of pixels, {_AS_PADDED}, is negative (by more than {NOTICEABLE_IMBALANCE:g}). {DIFFERENCE}",
        "pixel sensitivity with and without kernel padding",
        ("fig-kernel-padding",),
    ),
    "DP-07": Rule(
        decide_padding_and_classes,
        f"Test accuracy, {_AS_PADDED}, is below +{NOTICEABLE_POINTS:g} point. {DIFFERENCE}",
        "runs on classes with and without kernel padding",
        ("fig-kernel-padding",),
    ),
    "DP-08": Rule(
        decide_padding_and_shifts,
        f"Both must hold on the task of shifts, as {_AS_PADDED}: test accuracy rises (by more than "
        f"{NOTICEABLE_POINTS:g} point), and the change of the outputs when the image moves by one pixel falls (without "
        f"a test, by more than {NOTICEABLE_SHARE:.0%} of their spread). {DIFFERENCE}",
        "runs on shifts with and without kernel padding",
        ("fig-kernel-padding",),
    ),
}
