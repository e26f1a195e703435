"""Sentences about the loss landscape: spectra of the Hessian, training curves, and twice the training.

Fields are told by the pool kernel k, with which they grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, magnitude, over_seeds, percent, strength
from rflib.paper.tables import summarise
from rflib.paper.verdicts.margins import LARGEST_RESIDUAL

_NETWORK = ["architecture", "pool_kernel"]
_MOMENTS = {"initial": "before training", "last": "after training"}


def spectra(summary: pd.DataFrame) -> Sentences:
    """Give the largest eigenvalue and the spread of the computed ones at every k (`tables.spectrum_summary`).

    The spread is the largest minus the smallest of the computed eigenvalues. Batch statistics only.
    """
    table = _by_network(summary)
    if table.empty:
        return NOTHING
    points = [
        f"`{name}` {_MOMENTS[str(checkpoint)]}: the largest eigenvalue is {_path(group, 'largest_mean')}; the "
        f"spread of the computed ones {_spread(group)}."
        for (checkpoint, name), group in table.groupby(["checkpoint", "architecture"], sort=False)
    ]
    return Sentences((*points, strength(table)))


def cost(summary: pd.DataFrame) -> Sentences:
    """Say what the eigenvalues cost and how exact they are: Hessian products, residuals."""
    if summary.empty:
        return NOTHING
    worst = summary["worst_residual"].max()
    few, many = summary["products"].min(), summary["products"].max()
    doubtful = int((summary["worst_residual"] > LARGEST_RESIDUAL).sum())
    return Sentences(
        (
            f"{len(summary)} spectra of {summary['eigenvalues'].max()} eigenvalues on {summary['images'].max()} images "
            f"took between {few} and {many} Hessian products each.",
            f"The worst residual of a spectrum, divided by its largest eigenvalue, is {magnitude(worst)} at most; it "
            f"exceeds {LARGEST_RESIDUAL:g} in {doubtful} of {len(summary)} spectra. An eigenvalue that is small "
            f"beside its residual is known by its order of magnitude only.",
        )
    )


def frozen_statistics(summary: pd.DataFrame) -> Sentences:
    """Say how the largest eigenvalue changes when batch statistics are re-estimated once and frozen."""
    if summary.empty or not (summary["batch_statistics"] == "frozen").any():
        return NOTHING
    keys = [*_NETWORK, "checkpoint", "seed"]
    wide = summary.pivot_table(index=keys, columns="batch_statistics", values="largest").dropna().reset_index()
    means = summarise(wide, [*_NETWORK, "checkpoint"], ["batch", "frozen"])
    points = [
        f"`{row['architecture']}` at k = {row['pool_kernel']}, {_MOMENTS[row['checkpoint']]}: "
        f"{magnitude(row['batch_mean'])} with the statistics of each batch, {magnitude(row['frozen_mean'])} with "
        "frozen ones."
        for _, row in means.iterrows()
    ]
    return Sentences((*points, strength(means)))


def curves(table: pd.DataFrame) -> Sentences:
    """Give accuracy and training loss at the last epoch at every k; `table` is `tables.training_curves`."""
    grid = table[table["purpose"] == "grid"] if not table.empty else table
    if grid.empty:
        return NOTHING
    ended = summarise(grid[grid["epoch"] == grid["epochs"]], _NETWORK, ["test_accuracy", "train_loss"])
    points = [
        f"`{name}`: test accuracy at the last epoch is {_path(group, 'test_accuracy_mean', percent)}; training loss "
        f"is {_path(group, 'train_loss_mean')}."
        for name, group in ended.groupby("architecture", sort=False)
    ]
    return Sentences((*points, strength(ended)))


def doubled(table: pd.DataFrame) -> Sentences:
    """Set a large field after twice the epochs beside the smallest one trained once (`tables.training_curves`).

    Best test epochs of the same seeds, as in the claim, and the last epochs beside them.
    """
    points, seeds = [], []
    for (name, kernel, period), runs in _doubled(table):
        short = table[_is(table, purpose="grid", architecture=name) & table["seed"].isin(runs["seed"])]
        short = short[short["pool_kernel"] == short["pool_kernel"].min()]
        if short.empty or short["pool_kernel"].iloc[0] >= kernel:
            points.append(f"`{name}` at k = {kernel}: this grid has no smaller field to compare with.")
            continue
        runs = runs[runs["seed"].isin(short["seed"])]
        seeds.append(runs["seed"].nunique())
        points.append(
            f"`{name}` at k = {kernel}, {runs['epoch'].max()} epochs with T_max = {period}: {_best_and_last(runs)}. At "
            f"k = {short['pool_kernel'].iloc[0]}, {short['epoch'].max()} epochs give {_best_and_last(short)}."
        )
    if not points:
        return NOTHING
    return Sentences((*dict.fromkeys(points), *([over_seeds(pd.DataFrame({"n": seeds}))] if seeds else [])))


def bump(table: pd.DataFrame) -> Sentences:
    """Give test accuracy of a doubled run around the middle and in the last quarter, in means over seeds.

    With T_max as printed the learning rate is zero in the middle and back at its start at the end.
    """
    points, seeds = [], []
    for (name, kernel, period), runs in _doubled(table):
        epochs = runs["epoch"].max()
        middle = runs[(runs["epoch"] - epochs / 2).abs() <= max(0.5, epochs / 40)]["test_accuracy"].mean()
        late = runs[runs["epoch"] > 0.75 * epochs]["test_accuracy"].mean()
        seeds.append(runs["seed"].nunique())
        points.append(
            f"`{name}` at k = {kernel}, T_max = {period}: around epoch {epochs // 2} test accuracy is {middle:.1f} %, "
            f"in the last quarter {late:.1f} %."
        )
    return Sentences((*points, over_seeds(pd.DataFrame({"n": seeds})))) if points else NOTHING


def _by_network(summary: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds of the spectra on batch statistics, one row a network and checkpoint."""
    if summary.empty:
        return summary
    chosen = summary[summary["batch_statistics"] == "batch"]
    chosen = chosen.assign(spread=chosen["largest"] - chosen["smallest"])
    return summarise(chosen, [*_NETWORK, "checkpoint"], ["largest", "spread", "worst_residual"])


def _unresolved(group: pd.DataFrame) -> list[int]:
    """Return the pool kernels whose smallest computed eigenvalues are lost in their residuals."""
    return sorted(group[group["worst_residual_mean"] > LARGEST_RESIDUAL]["pool_kernel"])


def _spread(group: pd.DataFrame) -> str:
    kernels = ", ".join(str(kernel) for kernel in _unresolved(group))
    return f"is not resolved at k = {kernels}" if kernels else f"is {_path(group, 'spread_mean')}"


def _path(group: pd.DataFrame, column: str, written: Callable[[float], str] = magnitude) -> str:
    """Return the values of a column with their k, in its order."""
    rows = group.sort_values("pool_kernel").to_dict("records")
    return ", ".join(f"{written(row[column])} at k = {row['pool_kernel']}" for row in rows)


def _doubled(table: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield the runs of twice the training, all seeds together, under their network, pool kernel and T_max."""
    long = table[table["purpose"].str.startswith("doubled")] if not table.empty else table
    if not long.empty:
        yield from long.groupby([*_NETWORK, "cosine_period_epochs"], sort=False)


def _is(frame: pd.DataFrame, **values: object) -> pd.Series:
    return pd.concat([frame[column] == value for column, value in values.items()], axis=1).all(axis=1)


def _best_and_last(runs: pd.DataFrame) -> str:
    by_seed = runs.sort_values("epoch").groupby("seed")["test_accuracy"]
    return f"{by_seed.max().mean():.1f} % at the best test epoch and {by_seed.last().mean():.1f} % at the last"
