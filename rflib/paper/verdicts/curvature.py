"""Claims of the thesis about width: whether it makes up for a large field, in accuracy and in curvature."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rflib.paper import tables
from rflib.paper.verdicts.assessment import difference
from rflib.paper.verdicts.evidence import DIFFERENCE
from rflib.paper.verdicts.margins import NOTICEABLE_DECADES, NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import Readings, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "width-and-curvature"
_SPECTRA = {"initial": "before training", "last": "after training"}


def wider_is_easier(readings: Readings) -> Finding:
    """PT-13: at the largest field the widest network is more accurate than the narrowest, and its spectrum narrower."""
    found, remarks = [], []
    for role in readings.study.profile.roles:
        for (architecture,), runs in groups(tables.curvature_runs(readings.study, role=role), "architecture"):
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


RULES = {
    "PT-13": Rule(
        wider_is_easier,
        "Three quantities at the largest kernel, each on its own, of the widest network minus the narrowest within a "
        f"seed: dense accuracy is higher (by more than {NOTICEABLE_POINTS:g} point), and the largest "
        "eigenvalue of the Hessian, before and after training, is smaller (its logarithm; by more than "
        f"{NOTICEABLE_DECADES:g} decades). {DIFFERENCE}",
        "training runs and spectra of two or more widths of one network",
        _CHAPTER,
        ("fig-width-and-curvature",),
    ),
}
