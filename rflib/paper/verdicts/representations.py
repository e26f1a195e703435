"""Claims about representations: Section 3.5 of the paper, Figure 4. Debiased CKA of trained networks decides.

What untrained networks show stands beside it: a part of a trend may be there before anything is learned.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rflib.paper.verdicts.assessment import all_of, difference, trend, within
from rflib.paper.verdicts.evidence import SIMILARITY, TREND, Evidence, signed
from rflib.paper.verdicts.margins import HIGH_SIMILARITY, MIDDLE_LAYER, NOTICEABLE_SIMILARITY
from rflib.paper.verdicts.readings import Readings, by_seed, chosen, combinations
from rflib.paper.verdicts.statistics import pseudo_values
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "representations"
Pair = tuple[int, int]


def deep_layers(readings: Readings) -> Finding:
    """RR-15: matching deep layers of two seeds are less similar at larger fields."""
    frame = _similarities(readings, own=False)
    found = []
    for where, group in combinations(chosen(frame, checkpoint="last")):
        changes = _changes(group, "deep")
        found.append(difference(where, _sample(changes), -1, noticeable=NOTICEABLE_SIMILARITY, measure=SIMILARITY))
    return Finding(found, control=_untrained(frame, "deep"))


def shallow_layers(readings: Readings) -> Finding:
    """RR-16: matching shallow layers of two seeds are similar at every field and change little."""
    frame = _similarities(readings, own=False)
    found = []
    for where, group in combinations(chosen(frame, checkpoint="last")):
        changes, lowest = _changes(group, "shallow"), _pairs(_by_pair(group, "shallow").min(axis=1))
        if not changes:
            continue
        here = f"{where}, lowest over k"
        high = difference(here, _sample(lowest), 1, bound=HIGH_SIMILARITY, noticeable=0.0, measure=SIMILARITY)
        change = within(f"{where}, change", _sample(changes), NOTICEABLE_SIMILARITY, measure=SIMILARITY)
        found.append(all_of(where, [high, change]))
    return Finding(found, control=_untrained(frame, "shallow"))


def deep_against_shallow(readings: Readings) -> Finding:
    """RR-17: deep layers are less similar to the shallow ones of their own network at larger fields."""
    frame = _similarities(readings, own=True)
    grids = combinations(chosen(frame, checkpoint="last"))
    found = [trend(where, by_seed(group, "across"), -1, noticeable=NOTICEABLE_SIMILARITY) for where, group in grids]
    return Finding(found, control=_untrained(frame, "across"))


def _similarities(readings: Readings, *, own: bool) -> pd.DataFrame:
    """Return one row a pair of runs and checkpoint: mean debiased similarity of `deep` and `shallow` matching layers.

    `across` is that of every deep with every shallow layer. `own`: the two runs of a pair are one and the same.
    """
    rows = []
    for item, measurement in readings.study.select("similarity"):
        first, second = item.key.runs
        if (first.id == second.id) != own:
            continue
        model, values = first.config.model, measurement.arrays["debiased"]
        rows.append(
            {
                "role": item.role,
                "architecture": model.architecture,
                "pool_kernel": model.pool_kernel,
                "seed": first.seed,
                "second_seed": second.seed,
                "checkpoint": item.key.settings.checkpoint,  # type: ignore[attr-defined]
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


def _by_pair(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return one row a pair of seeds and one column a pool kernel, ascending; pairs that lack a kernel are left out."""
    wide = frame.pivot_table(index=["seed", "second_seed"], columns="pool_kernel", values=value, aggfunc="mean")
    return wide.dropna()


def _changes(frame: pd.DataFrame, value: str) -> dict[Pair, float]:
    """Return, by pair, the change from the smallest kernel to the largest; nothing with a single kernel."""
    wide = _by_pair(frame, value)
    return _pairs(wide.iloc[:, -1] - wide.iloc[:, 0]) if wide.shape[1] > 1 else {}


def _pairs(values: pd.Series) -> dict[Pair, float]:
    firsts, seconds = (values.index.get_level_values(level).tolist() for level in (0, 1))
    return dict(zip(zip(firsts, seconds, strict=True), values.tolist(), strict=True))


def _sample(pairs: Mapping[Pair, float]) -> pd.Series:
    """Return one value a seed for all pairs of three or more seeds, else the mean over the pairs as a single value."""
    values = pseudo_values(pairs) if pairs else np.array([])
    return pd.Series([np.mean(list(pairs.values()))] if values is None else values, dtype=float)


def _untrained(frame: pd.DataFrame, value: str) -> str:
    """Say how the same similarity moves in networks before training, and what training adds to that."""
    if frame.empty:
        return ""
    trained, untrained = (dict(combinations(chosen(frame, checkpoint=name))) for name in ("last", "initial"))
    said = []
    for where in (where for where in trained if where in untrained):
        before, after = _changes(untrained[where], value), _changes(trained[where], value)
        both = {pair: after[pair] - before[pair] for pair in after.keys() & before.keys()}
        if both:
            said.append(
                f"In untrained networks it changes by {_described(before)}, and training adds {_described(both)} to "
                f"that ({where}, from the smallest kernel to the largest)."
            )
    return " ".join(said)


def _described(pairs: Mapping[Pair, float]) -> str:
    evidence = difference("", _sample(pairs), 1, measure=SIMILARITY)
    assert isinstance(evidence, Evidence)  # there is at least one pair
    if evidence.interval is None:
        return signed(evidence.effect)
    low, high = (signed(end) for end in evidence.interval)
    return f"{signed(evidence.effect)} [{low}, {high}]"


_FALLS = (
    f"The change from the smallest kernel to the largest is negative (by more than {NOTICEABLE_SIMILARITY:g}). All "
    "pairs of seeds count: Student's t of the pseudo-values that leaving out one seed at a time gives, one-sided, "
    "Holm-corrected; a single pair is not tested."
)

RULES = {
    "RR-15": Rule(
        deep_layers,
        f"Mean debiased CKA of matching layers after the {MIDDLE_LAYER}th convolution, of trained networks. {_FALLS}",
        "similarities of two trained seeds at two or more pool kernels",
        _CHAPTER,
        ("figure-4", "fig-similarity-untrained"),
    ),
    "RR-16": Rule(
        shallow_layers,
        f"Mean debiased CKA of matching layers up to the {MIDDLE_LAYER}th convolution. Both must hold: it stays above "
        f"{HIGH_SIMILARITY:.2f} (the cosine of 45 degrees) at every kernel, and from the smallest to the largest it "
        f"changes by no more than {NOTICEABLE_SIMILARITY:g} (equivalence, two one-sided t tests). All pairs of seeds "
        "count, as pseudo-values by seed; a single pair is not tested.",
        "similarities of two trained seeds at two or more pool kernels",
        _CHAPTER,
        ("figure-4", "fig-similarity-untrained"),
    ),
    "RR-17": Rule(
        deep_against_shallow,
        "Mean debiased CKA of each deep with each shallow layer of the same trained network: it falls with k (by more "
        f"than {NOTICEABLE_SIMILARITY:g}). {TREND}",
        "similarities within one trained network at two or more pool kernels",
        _CHAPTER,
        ("fig-similarity-within",),
    ),
}
