"""What each frame of a figure with a slider shows, in numbers: plain text, read out and shown beside the slider."""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import magnitude, networks

_NOTHING = "This profile holds no measurements for this picture."
_QUANTITIES = {"dense_mean": "dense", "pruned_mean": "pruned among all weights", "live_mean": "among live weights"}
_CHECKPOINTS = {"initial": "before training", "last": "after it"}


def accuracies(table: pd.DataFrame) -> str:
    """Return the mean accuracies of every network, in percent, from `tables.accuracy_and_pruning` at one rate."""
    if table.empty:
        return _NOTHING
    return " ".join(_accuracies(name, group) for name, group in networks(table))


def _accuracies(name: str, group: pd.DataFrame) -> str:
    kernels = ", ".join(f"{kernel}" for kernel in group["pool_kernel"])
    parts = [f"{_listed(group[column])} % {word}" for column, word in _QUANTITIES.items()]
    return f"{name} at k = {kernels}: {'; '.join(parts)}."


def _listed(values: pd.Series) -> str:
    return ", ".join("–" if pd.isna(value) else f"{value:.0f}" for value in values)


def spectrum(summary: pd.DataFrame, *, architecture: str, pool_kernel: int) -> str:
    """Return the largest eigenvalue of a network before and after training, from `tables.spectrum_summary`.

    On batch statistics, means over seeds; beside each stands the smallest eigenvalue that was computed.
    """
    if summary.empty:
        return _NOTHING
    rows = summary[(summary["architecture"] == architecture) & (summary["pool_kernel"] == pool_kernel)]
    rows = rows[rows["batch_statistics"] == "batch"]
    parts = [_largest(rows[rows["checkpoint"] == name], word) for name, word in _CHECKPOINTS.items()]
    found = [part for part in parts if part]
    return f"{architecture} at k = {pool_kernel}: {', '.join(found)}." if found else _NOTHING


def _largest(rows: pd.DataFrame, when: str) -> str:
    if rows.empty:
        return ""
    last = f"number {rows['eigenvalues'].max()} is {magnitude(rows['smallest'].mean())}"
    return f"the largest eigenvalue {when} is {magnitude(rows['largest'].mean())} and {last}"
