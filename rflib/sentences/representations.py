"""Sentences about the similarity of two seeds' representations, with untrained networks as control.

Functions take `tables.similarity_summary`, mean similarity of matching layers up to and after the middle one; `within`
takes `tables.similarity_within`.
"""

from __future__ import annotations

import pandas as pd

from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import NOTHING
from rflib.tables import direction, trend

# Two similarities closer than this are called equal; the scale ends at 1.
NOTICEABLE_SIMILARITY = 0.05
_ONE_SEED = "One seed: an indication, without a spread."
_ONE_PAIR = "One pair of seeds: an indication, without a spread."


def deep_layers(summary: pd.DataFrame) -> Sentences:
    """Say how the similarity after the middle layer moves with k, trained and untrained, and what training adds."""
    return _half(summary, "after the middle")


def shallow_layers(summary: pd.DataFrame) -> Sentences:
    """Say how the similarity up to the middle layer moves with k, trained and untrained."""
    return _half(summary, "up to the middle")


def bias(summary: pd.DataFrame) -> Sentences:
    """Say how far apart the two estimators are, and how the biased one moves where nothing was learned."""
    untrained = _part(summary, "after the middle", "initial")
    if untrained.empty:
        return NOTHING
    apart = summary["biased"] - summary["debiased"]
    above, below = (side.clip(lower=0).max() for side in (apart, -apart))
    return Sentences(
        (
            f"Untrained, after the middle: the biased estimate {_path(untrained, 'biased')}, the debiased one "
            f"{_path(untrained, 'debiased')}.",
            f"Over all halves and networks the biased estimate stands at most {above:.2f} above and {below:.2f} below "
            f"the debiased one.",
        )
    )


def within(similarities: pd.DataFrame) -> Sentences:
    """Say how alike the deep and the shallow layers of one network are as k grows, trained and untrained."""
    if similarities.empty:
        return NOTHING
    means = similarities.groupby(["checkpoint", "pool_kernel"])["debiased"].mean().reset_index()
    trained, untrained = (means[means["checkpoint"] == checkpoint] for checkpoint in ("last", "initial"))
    if trained.empty or untrained.empty:
        return NOTHING
    text = "Mean similarity of the layers after the middle with those up to it, within one network: trained it "
    points = [f"{text}{_path(trained, 'debiased')}; untrained it {_path(untrained, 'debiased')}."]
    if len(trained) > 1:
        points.append(_reading(_change(trained), _change(untrained)))
    return Sentences((*points, _seeds(similarities)))


def _seeds(similarities: pd.DataFrame) -> str:
    fewest = int(similarities.groupby(["checkpoint", "pool_kernel"])["seed"].nunique().min())
    return f"Means over {fewest} or more seeds at each field." if fewest > 1 else _ONE_SEED


def _half(summary: pd.DataFrame, half: str) -> Sentences:
    trained, untrained = _part(summary, half, "last"), _part(summary, half, "initial")
    if trained.empty or untrained.empty:
        return NOTHING
    text = f"Mean similarity of matching layers {half}: trained it {_path(trained, 'debiased')}; untrained it "
    points = [f"{text}{_path(untrained, 'debiased')}."]
    if len(trained) > 1:
        points.append(_reading(_change(trained), _change(untrained)))
    return Sentences((*points, _ONE_PAIR))


def _part(summary: pd.DataFrame, half: str, checkpoint: str) -> pd.DataFrame:
    if summary.empty:
        return summary
    chosen = summary[(summary["half"] == half) & (summary["checkpoint"] == checkpoint)]
    return chosen.sort_values("pool_kernel")


def _path(part: pd.DataFrame, column: str) -> str:
    first, last = part.iloc[0], part.iloc[-1]
    start = f"{first[column]:.2f} at k = {first['pool_kernel']}"
    if len(part) == 1:
        return f"is {start}, the only field measured"
    word = direction(trend(part["pool_kernel"].tolist(), part[column].tolist()))
    return f"goes from {start} to {last[column]:.2f} at k = {last['pool_kernel']} ({word})"


def _change(part: pd.DataFrame) -> float:
    """Return debiased similarity at the largest k minus that at the smallest."""
    return float(part["debiased"].iloc[-1] - part["debiased"].iloc[0])


def _reading(trained: float, untrained: float) -> str:
    """Say what a change in similarity over the field means beside the change of networks that learned nothing."""
    if abs(trained) <= NOTICEABLE_SIMILARITY:
        return "From the smallest field to the largest the trained networks' similarity hardly changes."
    verb = "falls" if trained < 0 else "rises"
    text = f"From the smallest field to the largest the trained networks' similarity {verb} by {abs(trained):.2f}"
    same = trained * untrained > 0 and abs(untrained) > NOTICEABLE_SIMILARITY
    if same and abs(untrained) >= abs(trained):
        return f"{text}, and that of untrained ones does so at least as much: the architecture alone may be the cause."
    if same:
        return (
            f"{text}, that of untrained ones by {abs(untrained):.2f}: a part of it is there before anything is learned."
        )
    return f"{text}, and that of untrained ones does not: the change comes with training."
