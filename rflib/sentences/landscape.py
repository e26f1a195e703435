"""Sentences about the loss landscape: spectra of the Hessian, training curves, and twice the training.

Fields are told by the pool kernel k, with which they grow. Verdicts are about a claim of the paper on these networks
and nothing further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import FEWEST_FOR_AN_INTERVAL, NOTHING, NOTICEABLE_POINTS, magnitude, percent, strength
from rflib.tables import direction, half_width, summarise, trend

_NETWORK = ["architecture", "pool_kernel"]
_MOMENTS = {"initial": "before training", "last": "after training"}
# Residuals above this share of the largest eigenvalue hide the smaller ones.
_SMALL_RESIDUAL = 0.1


def spectra(summary: pd.DataFrame) -> Sentences:
    """Say how the largest eigenvalue and the spread of the computed ones move with k (`tables.spectrum_summary`).

    The spread is the largest minus the smallest of the computed eigenvalues. Batch statistics only.
    """
    table = _by_network(summary)
    if table.empty:
        return NOTHING
    points = [
        f"`{name}` {_MOMENTS[str(checkpoint)]}: the largest eigenvalue {_path(group, 'largest_mean')}; the "
        f"spread of the computed ones {_spread(group)}."
        for (checkpoint, name), group in table.groupby(["checkpoint", "architecture"], sort=False)
    ]
    return Sentences((*points, strength(table)))


def wider_before_training(summary: pd.DataFrame) -> Sentences:
    """Say, for each network, whether its spectrum before training reaches higher and spreads wider with the field."""
    table = _by_network(summary)
    table = table[table["checkpoint"] == "initial"] if not table.empty else table
    if table.empty:
        return NOTHING
    points = []
    for name, group in table.groupby("architecture", sort=False):
        height, spread = (_sign(_trend(group, f"{quantity}_mean")) for quantity in ("largest", "spread"))
        if _unresolved(group):
            points.append(f"`{name}`: {_HEIGHT_ALONE[height]} The spread is not resolved, so the claim is half tested.")
        else:
            points.append(f"`{name}`: {_BOTH.get((height, spread), _MIXED)}")
    return Sentences((*points, strength(table)))


def cost(summary: pd.DataFrame) -> Sentences:
    """Say what the eigenvalues cost and how exact they are: Hessian products, residuals."""
    if summary.empty:
        return NOTHING
    worst = summary["worst_residual"].max()
    few, many = summary["products"].min(), summary["products"].max()
    doubtful = int((summary["worst_residual"] > _SMALL_RESIDUAL).sum())
    return Sentences(
        (
            f"{len(summary)} spectra of {summary['eigenvalues'].max()} eigenvalues on {summary['images'].max()} images "
            f"took between {few} and {many} Hessian products each.",
            f"The worst residual of a spectrum, divided by its largest eigenvalue, is {worst:.2g} at most; it exceeds "
            f"{_SMALL_RESIDUAL:g} in {doubtful} of {len(summary)} spectra. An eigenvalue that is small beside its "
            f"residual is known by its order of magnitude only.",
        )
    )


def frozen_statistics(summary: pd.DataFrame) -> Sentences:
    """Say how the largest eigenvalue changes when batch statistics are re-estimated once and frozen."""
    if summary.empty or not (summary["batch_statistics"] == "frozen").any():
        return NOTHING
    keys = [*_NETWORK, "checkpoint", "seed"]
    wide = summary.pivot_table(index=keys, columns="batch_statistics", values="largest").dropna().reset_index()
    points = [
        f"`{row['architecture']}` at k = {row['pool_kernel']}, {_MOMENTS[row['checkpoint']]}: "
        f"{magnitude(row['batch'])} with the statistics of each batch, {magnitude(row['frozen'])} with frozen ones."
        for _, row in wide.iterrows()
    ]
    return Sentences(tuple(points))


def curves(table: pd.DataFrame) -> Sentences:
    """Say how accuracy and training loss at the last epoch move with k, and what both together mean.

    `table` is `tables.training_curves`.
    """
    grid = table[table["purpose"] == "grid"] if not table.empty else table
    if grid.empty:
        return NOTHING
    ended = summarise(grid[grid["epoch"] == grid["epochs"]], _NETWORK, ["test_accuracy", "train_loss"])
    points = [
        f"`{name}`: test accuracy at the last epoch {_path(group, 'test_accuracy_mean', percent)}; training loss "
        f"{_path(group, 'train_loss_mean')}.{_fit(group.sort_values('pool_kernel'))}"
        for name, group in ended.groupby("architecture", sort=False)
    ]
    return Sentences((*points, strength(ended)))


def doubled(table: pd.DataFrame) -> Sentences:
    """Say whether twice the epochs let a large field match the smallest one trained once (`tables.training_curves`).

    Compares best test epochs of the same seed, as the claim does, and the last epochs beside them.
    """
    long = table[table["purpose"].str.startswith("doubled")] if not table.empty else table
    points = []
    for (name, kernel, period, seed), run in _runs(long):
        short = table[_is(table, purpose="grid", architecture=name, seed=seed)]
        short = short[short["pool_kernel"] == short["pool_kernel"].min()]
        if short.empty or short["pool_kernel"].iloc[0] >= kernel:
            points.append(f"`{name}` at k = {kernel}: this grid has no smaller field to compare with.")
            continue
        gap = run["test_accuracy"].max() - short["test_accuracy"].max()
        points.append(
            f"`{name}` at k = {kernel}, {run['epoch'].max()} epochs with T_max = {period}: {_best_and_last(run)}. At "
            f"k = {short['pool_kernel'].iloc[0]}, {short['epoch'].max()} epochs give {_best_and_last(short)}. "
            f"{_match(gap)}"
        )
    return Sentences((*dict.fromkeys(points), "One seed: an indication, without a spread.")) if points else NOTHING


def bump(table: pd.DataFrame) -> Sentences:
    """Say whether test accuracy in a doubled run stands higher around the middle than in the last quarter.

    With T_max as printed the learning rate is zero in the middle and back at its start at the end.
    """
    long = table[table["purpose"].str.startswith("doubled")] if not table.empty else table
    points, heights = [], {}
    for (name, kernel, period, _), run in _runs(long):
        epochs = run["epoch"].max()
        middle = run[(run["epoch"] - epochs / 2).abs() <= max(0.5, epochs / 40)]["test_accuracy"].mean()
        late = run[run["epoch"] > 0.75 * epochs]["test_accuracy"].mean()
        heights[(name, kernel, bool(period < epochs))] = middle - late
        points.append(
            f"`{name}` at k = {kernel}, T_max = {period}: around epoch {epochs // 2} test accuracy is {middle:.1f} %, "
            f"in the last quarter {late:.1f} %."
        )
    verdicts = [
        _bump_verdict(heights[(name, kernel, True)], heights[(name, kernel, False)])
        for name, kernel, printed in heights
        if printed and (name, kernel, False) in heights
    ]
    return Sentences((*points, *verdicts)) if points else NOTHING


_HEIGHT_ALONE = {
    1: "the largest eigenvalue rises with the field before training, as the paper says.",
    0: "the largest eigenvalue has no clear direction over the field before training, unlike the claim.",
    -1: "the largest eigenvalue falls as the field grows before training, the opposite of what the paper says.",
}
_BOTH = {
    (1, 1): "both the largest eigenvalue and the spread rise with the field before training, as the paper says.",
    (-1, -1): "both fall as the field grows, the opposite of what the paper says.",
}
_MIXED = "the largest eigenvalue and the spread do not both rise with the field; the claim is not borne out here."


def _by_network(summary: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds of the spectra on batch statistics, one row a network and checkpoint."""
    if summary.empty:
        return summary
    chosen = summary[summary["batch_statistics"] == "batch"]
    chosen = chosen.assign(spread=chosen["largest"] - chosen["smallest"])
    return summarise(chosen, [*_NETWORK, "checkpoint"], ["largest", "spread", "worst_residual"])


def _unresolved(group: pd.DataFrame) -> list[int]:
    """Return the pool kernels whose smallest computed eigenvalues are lost in their residuals."""
    return sorted(group[group["worst_residual_mean"] > _SMALL_RESIDUAL]["pool_kernel"])


def _spread(group: pd.DataFrame) -> str:
    kernels = ", ".join(str(kernel) for kernel in _unresolved(group))
    return f"is not resolved at k = {kernels}" if kernels else _path(group, "spread_mean")


def _fit(group: pd.DataFrame) -> str:
    """Say whether the largest field fits the training images less well, or only generalises less."""
    if len(group) == 1:
        return ""
    lost = group["test_accuracy_mean"].iloc[0] - group["test_accuracy_mean"].iloc[-1]
    higher_loss = group["train_loss_mean"].iloc[-1] > group["train_loss_mean"].iloc[0]
    if lost <= NOTICEABLE_POINTS:
        return f" The largest field does not end noticeably (more than {NOTICEABLE_POINTS:g} point) below the smallest."
    if lost <= _scatter(group):
        loss = "a higher training loss" if higher_loss else "no higher training loss"
        return f" The largest field ends lower at {loss}, by no more than the seeds scatter."
    if higher_loss:
        return " The largest field ends lower and with the higher training loss: it fits less well."
    return " The largest field ends lower at no higher training loss: it fits as well and generalises less."


def _scatter(group: pd.DataFrame) -> float:
    """Return by how much the 95 % intervals of the smallest and the largest field reach towards each other.

    Zero where a field has too few seeds for an interval.
    """
    both = group.iloc[[0, -1]]
    if both["n"].min() < FEWEST_FOR_AN_INTERVAL:
        return 0.0
    return sum(half_width(row["test_accuracy_sd"], int(row["n"])) for _, row in both.iterrows())


def _path(group: pd.DataFrame, column: str, written: Callable[[float], str] = magnitude) -> str:
    """Return how a column goes from the smallest k to the largest: both values, and the direction over all."""
    group = group.sort_values("pool_kernel")
    first, last = group.iloc[0], group.iloc[-1]
    start = f"{written(first[column])} at k = {first['pool_kernel']}"
    if len(group) == 1:
        return f"is {start}, the only field measured"
    word = direction(_trend(group, column))
    return f"goes from {start} to {written(last[column])} at k = {last['pool_kernel']} ({word})"


def _trend(group: pd.DataFrame, column: str) -> float:
    return trend(group["pool_kernel"].tolist(), group[column].tolist())


def _sign(correlation: float) -> int:
    """Return +1 or -1 for a clear direction, 0 for a mixed or flat one."""
    return 0 if direction(correlation) in ("mixed", "flat") else (1 if correlation > 0 else -1)


def _runs(frame: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield every run under its network, pool kernel, T_max and seed."""
    if not frame.empty:
        yield from frame.groupby([*_NETWORK, "cosine_period_epochs", "seed"], sort=False)


def _is(frame: pd.DataFrame, **values: object) -> pd.Series:
    return pd.concat([frame[column] == value for column, value in values.items()], axis=1).all(axis=1)


def _best_and_last(run: pd.DataFrame) -> str:
    accuracy = run.sort_values("epoch")["test_accuracy"]
    return f"{accuracy.max():.1f} % at the best test epoch and {accuracy.iloc[-1]:.1f} % at the last"


def _match(gap: float) -> str:
    if gap < -NOTICEABLE_POINTS:
        return f"The longer training stays {-gap:.1f} points below: it does not make up for the field."
    if gap > NOTICEABLE_POINTS:
        return f"The longer training ends {gap:.1f} points above, against the claim."
    return f"The two are within {NOTICEABLE_POINTS:g} point of each other, so the claim is not borne out here."


def _bump_verdict(printed: float, matching: float) -> str:
    if printed > NOTICEABLE_POINTS >= matching:
        return "Only the schedule with T_max as printed has the bump, so the schedule makes it, as the paper supposes."
    if printed > NOTICEABLE_POINTS:
        return "Both schedules stand higher in the middle than late, so the schedule alone does not explain it."
    return f"With T_max as printed there is no bump above {NOTICEABLE_POINTS:g} point to explain."
