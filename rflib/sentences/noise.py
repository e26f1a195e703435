"""Sentences about noise before pruning: does it help, at which rates, after fine-tuning, and what it does inside."""

from __future__ import annotations

import pandas as pd

from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import NOTHING, NOTICEABLE_POINTS, over_seeds, value

_NETWORK = ["architecture", "pool_kernel"]


def benefit(table: pd.DataFrame) -> Sentences:
    """Say what the selected copy gains at each rate beside its control; takes `tables.noise_benefit`."""
    if table.empty:
        return NOTHING
    before, after = (table[table["order"] == order].set_index([*_NETWORK, "rate"]) for order in ("before", "after"))
    points = []
    for rate, group in before.groupby("rate"):
        gains, means = group["benefit_mean"], group["mean_benefit_mean"]
        clear = int((gains > NOTICEABLE_POINTS).sum())
        text = (
            f"Rate {rate:g}: the selected copy gains {_range(gains)} points over pruning without noise, more than "
            f"{NOTICEABLE_POINTS:g} point in {clear} of {len(group)} networks; the mean copy gains {_range(means)}."
        )
        beyond = (gains - after["benefit_mean"]).dropna()
        if len(beyond):
            text += f" Beside noise after pruning, selected in the same way, that is {_range(beyond)} points more."
        points.append(text)
    return Sentences((*points, over_seeds(table)))


def fine_tuned(table: pd.DataFrame) -> Sentences:
    """Say what is left of noise after fine-tuning; takes `tables.noisy_tuning`."""
    if table.empty:
        return NOTHING
    points = [
        f"`{row['architecture']}`, k = {row['pool_kernel']}, rate {row['rate']:g}, {row['kind']} noise of scale "
        f"{row['scale']:g}: fine-tuned {value(row, 'fine_tuned')} without noise and {value(row, 'noisy_fine_tuned')} "
        f"with it ({row['benefit_mean']:+.1f} points)."
        for _, row in table.iterrows()
    ]
    better = int((table["benefit_mean"] > NOTICEABLE_POINTS).sum())
    total = f"Noise gains more than {NOTICEABLE_POINTS:g} point after fine-tuning in {better} of {len(table)} cases."
    return Sentences((*points, total, over_seeds(table)))


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
        ends = [plain.loc[plain["rate"] == rate, "discrepancy_mean"] for rate in (low, high)]
        text = f"{statistics}, the discrepancy is {_sizes(ends[0])} at rate {low:g} and {_sizes(ends[1])} at {high:g}."
        for order in ("before", "after"):
            noisy = group[(group["order"] == order) & (group["rate"] == high)]
            if len(noisy):
                text += f" Noise {order} pruning at {high:g} changes it by {_range(noisy['change_mean'], 2)}."
        points.append(text)
    return Sentences((*points, over_seeds(table)))


def _range(values: pd.Series, digits: int = 1) -> str:
    low, high = f"{values.min():+.{digits}f}", f"{values.max():+.{digits}f}"
    return low if low == high else f"{low} to {high}"


def _sizes(values: pd.Series) -> str:
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return low if low == high else f"{low} to {high}"
