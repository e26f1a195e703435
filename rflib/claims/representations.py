"""Claims about representations: Section 3.5 of the paper, Figure 4. Debiased CKA decides, untrained networks control.

A pair of seeds is what a seed is elsewhere: one value.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rflib.claims.assessment import all_of, difference, trend, within
from rflib.claims.evidence import SIMILARITY, TREND
from rflib.claims.margins import HIGH_SIMILARITY, MIDDLE_LAYER, NOTICEABLE_SIMILARITY
from rflib.claims.readings import Readings, by_seed, chosen, combinations
from rflib.claims.statistics import rank_correlation
from rflib.claims.verdict import Finding, Rule

_CHAPTER = "representations"


def deep_layers(readings: Readings) -> Finding:
    """RR-15: matching deep layers of two seeds are less similar at larger fields, more so than untrained ones."""
    return _falling(_similarities(readings, own=False), "deep")


def shallow_layers(readings: Readings) -> Finding:
    """RR-16: matching shallow layers of two seeds are similar at every field and change little."""
    frame = _similarities(readings, own=False)
    found, controls = [], []
    for where, group in combinations(chosen(frame, checkpoint="last")):
        grid = by_seed(group, "shallow").dropna()
        if grid.shape[1] < 2 or grid.empty:
            continue
        high = difference(
            f"{where}, lowest over k", grid.min(axis=1), 1, bound=HIGH_SIMILARITY, noticeable=0.0, measure=SIMILARITY
        )
        change = within(f"{where}, change", _change(grid), NOTICEABLE_SIMILARITY, measure=SIMILARITY)
        found.append(all_of(where, [high, change]))
        controls.append(_untrained(frame, where, "shallow"))
    return Finding(found, control=" ".join(filter(None, controls)))


def deep_against_shallow(readings: Readings) -> Finding:
    """RR-17: deep layers are less similar to the shallow ones of their own network at larger fields."""
    return _falling(_similarities(readings, own=True), "across")


def _falling(frame: pd.DataFrame, value: str) -> Finding:
    """Return whether a similarity falls with k in trained networks, and falls beside that of untrained ones."""
    found, controls, alike = [], [], []
    for where, group in combinations(chosen(frame, checkpoint="last")):
        trained = by_seed(group, value)
        untrained = by_seed(_same(frame, where, "initial"), value) if len(_same(frame, where, "initial")) else None
        if untrained is None:
            continue
        learned = (trained - untrained).dropna(how="all", axis=1).dropna(how="all")
        parts = [
            trend(f"{where}, {name}", grid, -1, noticeable=NOTICEABLE_SIMILARITY)
            for name, grid in (("trained", trained), ("trained minus untrained", learned))
        ]
        found.append(all_of(where, parts))
        controls.append(_untrained(frame, where, value))
        if all(parts) and [part.agrees for part in parts if part] == [True, False]:
            alike.append(where)
    remark = f"It falls in trained networks, but not beyond what untrained ones do: {'; '.join(alike)}."
    return Finding(found, control=" ".join(filter(None, controls)), remark=remark if alike else "")


def _similarities(readings: Readings, *, own: bool) -> pd.DataFrame:
    """Return one row a pair of runs and checkpoint: mean debiased similarity of `deep` and `shallow` matching layers.

    `across` is that of every deep with every shallow layer. `own`: the two runs of a pair are one and the same. A pair
    that shares a run with an earlier one is left out, since the two would not be independent.
    """
    rows, used = [], set[tuple[str, str, str]]()
    for item, measurement in readings.study.select("similarity"):
        checkpoint, runs = item.key.settings.checkpoint, item.key.runs  # type: ignore[attr-defined]
        mine = {(item.role, checkpoint, run.id) for run in runs}
        if (len(mine) == 1) != own or mine & used:
            continue
        used |= mine
        model, values = runs[0].config.model, measurement.arrays["debiased"]
        rows.append(
            {
                "role": item.role,
                "architecture": model.architecture,
                "pool_kernel": model.pool_kernel,
                "seed": str(runs[0].seed) if own else f"{runs[0].seed} and {runs[1].seed}",
                "checkpoint": checkpoint,
                "shallow": _mean(np.diag(values)[:MIDDLE_LAYER]),
                "deep": _mean(np.diag(values)[MIDDLE_LAYER:]),
                "across": _mean(values[MIDDLE_LAYER:, :MIDDLE_LAYER]),
            }
        )
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> float:
    """Return the mean of what is defined, NaN if nothing is."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _same(frame: pd.DataFrame, where: str, checkpoint: str) -> pd.DataFrame:
    return dict(combinations(chosen(frame, checkpoint=checkpoint))).get(where, pd.DataFrame())


def _change(grid: pd.DataFrame) -> pd.Series:
    return grid.iloc[:, -1] - grid.iloc[:, 0]


def _untrained(frame: pd.DataFrame, where: str, value: str) -> str:
    """Say how the same similarity moves in the networks before training."""
    group = _same(frame, where, "initial")
    grid = by_seed(group, value).dropna() if len(group) else group
    if grid.shape[1] < 2 or grid.empty:
        return ""
    return (
        f"Untrained, {where}: from the smallest kernel to the largest the similarity changes by "
        f"{_change(grid).mean():+.2f} (rank correlation {rank_correlation(grid):+.2f})."
    )


_FALLS_WITHIN = (
    "Both must hold: it falls with k in trained networks, and so does trained minus untrained (without a test, by more "
    f"than {NOTICEABLE_SIMILARITY:g}). {TREND}"
)
_FALLS = f"{_FALLS_WITHIN} Pairs of seeds take the place of seeds."

RULES = {
    "RR-15": Rule(
        deep_layers,
        f"Mean debiased CKA of matching layers after the {MIDDLE_LAYER}th convolution. {_FALLS}",
        "similarities of two seeds, trained and untrained, at two or more pool kernels",
        _CHAPTER,
        ("figure-4", "fig-similarity-untrained"),
    ),
    "RR-16": Rule(
        shallow_layers,
        f"Mean debiased CKA of matching layers up to the {MIDDLE_LAYER}th convolution. Both must hold: it stays above "
        f"{HIGH_SIMILARITY:.2f} (the cosine of 45 degrees) at every kernel, and from the smallest to the largest it "
        f"changes by no more than {NOTICEABLE_SIMILARITY:g} (equivalence, two one-sided t tests). Pairs of seeds take "
        "the place of seeds.",
        "similarities of two seeds at two or more pool kernels",
        _CHAPTER,
        ("figure-4", "fig-similarity-untrained"),
    ),
    "RR-17": Rule(
        deep_against_shallow,
        f"Mean debiased CKA of each deep with each shallow layer of the same network. {_FALLS_WITHIN}",
        "similarities within one network, trained and untrained, at two or more pool kernels",
        _CHAPTER,
        ("fig-similarity-within",),
    ),
}
