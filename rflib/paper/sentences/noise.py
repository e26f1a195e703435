"""Sentences about noise before pruning: what it brings by rate, after fine-tuning, and what it does inside."""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, over_seeds, span, value

_NETWORK = ["architecture", "pool_kernel"]


def benefit(table: pd.DataFrame) -> Sentences:
    """Say what the selected copy gains at each rate beside its control; takes `tables.noise_benefit`."""
    if table.empty:
        return NOTHING
    before, after = (table[table["order"] == order].set_index([*_NETWORK, "rate"]) for order in ("before", "after"))
    points = []
    for rate, group in before.groupby("rate"):
        gains, means = group["benefit_mean"], group["mean_benefit_mean"]
        text = (
            f"Rate {rate:g}: the selected copy is {span(gains, '+z.1f')} points from pruning without noise over "
            f"{len(group)} networks, the mean copy {span(means, '+z.1f')}."
        )
        beyond = (gains - after["benefit_mean"]).dropna()
        if len(beyond):
            text += (
                f" Beside noise after pruning, selected in the same way, that is {span(beyond, '+z.1f')} points more."
            )
        points.append(text)
    return Sentences((*points, over_seeds(table)))


def fine_tuned(table: pd.DataFrame) -> Sentences:
    """Say what is left of noise after fine-tuning; takes `tables.noisy_tuning`."""
    if table.empty:
        return NOTHING
    points = [
        f"`{row['architecture']}`, k = {row['pool_kernel']}, rate {row['rate']:g}, {row['kind']} noise of scale "
        f"{row['scale']:g}: fine-tuned {value(row, 'fine_tuned')} without noise and {value(row, 'noisy_fine_tuned')} "
        f"with it ({row['benefit_mean']:+z.1f} points)."
        for _, row in table.iterrows()
    ]
    return Sentences((*points, over_seeds(table)))


def variances(table: pd.DataFrame) -> Sentences:
    """Say how the discrepancy grows with the rate, and what noise makes of it; takes `tables.feature_variances`."""
    if table.empty:
        return NOTHING
    points = []
    for calibrated, group in table.groupby("calibrated"):
        statistics = (
            "With batch-norm statistics re-estimated" if calibrated else "With batch-norm statistics as they were"
        )
        plain = group[group["order"] == "none"]
        low, high = plain["rate"].min(), plain["rate"].max()
        ends = [span(plain.loc[plain["rate"] == rate, "discrepancy_mean"], ".2f") for rate in (low, high)]
        text = f"{statistics}, the discrepancy is {ends[0]} at rate {low:g} and {ends[1]} at {high:g}."
        for order in ("before", "after"):
            noisy = group[(group["order"] == order) & (group["rate"] == high)]
            if len(noisy):
                text += f" Noise {order} pruning at {high:g} changes it by {span(noisy['change_mean'], '+z.2f')}."
        points.append(text)
    return Sentences((*points, over_seeds(table)))
