"""Mean, spread and rank correlation of what several seeds measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt

import pandas as pd

from rflib.study.origin import traced

# In percent of accuracy: a network within so many points of guessing is said to guess.
GUESSING_POINTS = 5.0


@traced
def summarise(frame: pd.DataFrame, by: Sequence[str], quantities: Iterable[str]) -> pd.DataFrame:
    """Return mean, sample standard deviation and n of `quantities` for each group, in the order of appearance.

    Columns: `by`, then `QUANTITY_mean` and `QUANTITY_sd` (missing for one seed), then `n`.
    """
    groups = frame.groupby(list(by), sort=False, dropna=False)
    parts = {}
    for quantity in quantities:
        parts[f"{quantity}_mean"] = groups[quantity].mean()
        parts[f"{quantity}_sd"] = groups[quantity].std(ddof=1)
    parts["n"] = groups.size()
    return pd.DataFrame(parts).reset_index()


def half_width(deviation: float, seeds: int) -> float:
    """Return half the width of the 95 % interval of a mean over `seeds` (Student); NaN for one seed."""
    # Imported where it is used: it takes longer than all else that the command line loads.
    from scipy.stats import t as student

    return float(student.ppf(0.975, seeds - 1)) * deviation / sqrt(seeds) if seeds > 1 else float("nan")


def trend(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Spearman's rank correlation of `y` on `x`: +1 rises throughout, -1 falls throughout, NaN if constant."""
    pairs = [(a, b) for a, b in zip(x, y, strict=True) if a == a and b == b]
    if len({b for _, b in pairs}) < 2 or len({a for a, _ in pairs}) < 2:
        return float("nan")
    from scipy.stats import spearmanr

    return float(spearmanr(*zip(*pairs, strict=True)).statistic)
