"""Sentences about width and curvature: what widening does at every field."""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, magnitude, strength, value


def training(table: pd.DataFrame) -> Sentences:
    """Say how accuracy and training loss move from the narrowest network to the widest; takes `tables.by_width`."""
    points = [
        f"k = {kernel} ({narrow['receptive_field']:.0f} px): from ×{narrow['width_multiple']:g} to "
        f"×{wide['width_multiple']:g} dense accuracy goes from {value(narrow, 'dense')} to {value(wide, 'dense')}, "
        f"training loss from {magnitude(narrow['train_loss_mean'])} to {magnitude(wide['train_loss_mean'])}."
        for kernel, narrow, wide in _ends(table)
    ]
    return Sentences((*points, strength(table))) if points else NOTHING


def spectra(table: pd.DataFrame) -> Sentences:
    """Say how the top of the spectrum moves with the width, before and after training."""
    points = []
    for kernel, narrow, wide in _ends(table):
        parts = [
            f"{moment} it is {magnitude(wide[f'{quantity}_mean'] / narrow[f'{quantity}_mean'])} times as large"
            for quantity, moment in (("largest_initial", "before training"), ("largest_last", "after training"))
        ]
        points.append(
            f"k = {kernel}: the largest eigenvalue of the widest network beside that of the narrowest: "
            f"{' and '.join(parts)}."
        )
    return Sentences((*points, strength(table))) if points else NOTHING


def limits(table: pd.DataFrame) -> Sentences:
    """Set what the largest field changes in the narrowest network beside what widening changes at that field."""
    ends = list(_ends(table))
    if len(ends) < 2:
        return NOTHING
    (small, narrow_small, _), (large, narrow_large, wide_large) = ends[0], ends[-1]
    field = narrow_large["dense_mean"] - narrow_small["dense_mean"]
    width = wide_large["dense_mean"] - narrow_large["dense_mean"]
    return Sentences(
        (
            f"The step from k = {small} to k = {large} changes dense accuracy of the narrowest network by "
            f"{field:+z.1f} points; the step to the widest network changes it by {width:+z.1f} points at k = {large}.",
        )
    )


def pruning(table: pd.DataFrame) -> Sentences:
    """Say how what pruning takes moves with the width, globally and among live weights."""
    points = [
        f"k = {kernel}: pruning takes {narrow['lost_mean']:.1f} points from the narrowest network and "
        f"{wide['lost_mean']:.1f} from the widest; among live weights {narrow['lost_live_mean']:.1f} and "
        f"{wide['lost_live_mean']:.1f}."
        for kernel, narrow, wide in _ends(table)
    ]
    return Sentences((*points, strength(table))) if points else NOTHING


def _ends(table: pd.DataFrame) -> list[tuple[int, pd.Series, pd.Series]]:
    """Return each kernel with its narrowest and its widest network, where there are two."""
    kernels = sorted(table["pool_kernel"].unique()) if len(table) else []
    ordered = ((int(k), table[table["pool_kernel"] == k].sort_values("width_multiple")) for k in kernels)
    return [(kernel, rows.iloc[0], rows.iloc[-1]) for kernel, rows in ordered if len(rows) > 1]
