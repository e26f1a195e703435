"""Sentences about the similarity of two seeds' representations, with untrained networks as control.

Functions take `tables.similarity_summary`, mean similarity of matching layers up to and after the middle one; `within`
takes `tables.similarity_within`.
"""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, counted_seeds, span

_ONE_SEED = "One seed, so no spread."


def deep_layers(summary: pd.DataFrame) -> Sentences:
    """Give the similarity after the middle layer at every k, trained and untrained."""
    return _half(summary, "after the middle")


def shallow_layers(summary: pd.DataFrame) -> Sentences:
    """Give the similarity up to the middle layer at every k, trained and untrained."""
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
    said = f"{text}{_path(trained, 'debiased')}; untrained it {_path(untrained, 'debiased')}."
    return Sentences((said, _seeds(similarities)))


def _seeds(similarities: pd.DataFrame) -> str:
    seeds = similarities.groupby(["checkpoint", "pool_kernel"])["seed"].nunique()
    return _ONE_SEED if seeds.max() == 1 else f"Means over {counted_seeds(seeds)} at each field."


def _pairs(summary: pd.DataFrame) -> str:
    """Say over how many pairs of seeds the means of trained networks are."""
    pairs = summary.loc[summary["checkpoint"] == "last", "pairs"].astype(int)
    return "One pair of seeds, so no spread." if pairs.max() == 1 else f"Means over {span(pairs, 'd')} pairs of seeds."


def _half(summary: pd.DataFrame, half: str) -> Sentences:
    trained, untrained = _part(summary, half, "last"), _part(summary, half, "initial")
    if trained.empty or untrained.empty:
        return NOTHING
    text = f"Mean similarity of matching layers {half}: trained it {_path(trained, 'debiased')}; untrained it "
    return Sentences((f"{text}{_path(untrained, 'debiased')}.", _pairs(summary)))


def _part(summary: pd.DataFrame, half: str, checkpoint: str) -> pd.DataFrame:
    if summary.empty:
        return summary
    chosen = summary[(summary["half"] == half) & (summary["checkpoint"] == checkpoint)]
    return chosen.sort_values("pool_kernel")


def _path(part: pd.DataFrame, column: str) -> str:
    return "is " + ", ".join(f"{row[column]:.2f} at k = {row['pool_kernel']}" for row in part.to_dict("records"))
