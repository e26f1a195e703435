"""Spectra, training curves and similarities as tidy frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rflib.errors import unknown
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def spectra(
    study: Study, *, role: RoleName = "small_images", purposes: Sequence[str] = ("grid", "frozen")
) -> pd.DataFrame:
    """Return one row an eigenvalue of the grid: network, seed, checkpoint, statistics, rank, eigenvalue, residual.

    The purpose "initial" has a few eigenvalues before training alone, of more seeds.
    """
    return study.frame("spectrum", *purposes, role=role)


@traced
def spectrum_summary(
    study: Study, *, role: RoleName = "small_images", purposes: Sequence[str] = ("grid", "frozen")
) -> pd.DataFrame:
    """Return one row a network and checkpoint: largest and k-th eigenvalue, products, relative residual."""
    frame = spectra(study, role=role, purposes=purposes)
    if frame.empty:
        return frame
    keys = ["architecture", "pool_kernel", "checkpoint", "batch_statistics", "seed"]
    groups = frame.groupby(keys, sort=False)
    summary = groups.agg(
        largest=("eigenvalue", "max"),
        smallest=("eigenvalue", "min"),
        eigenvalues=("rank", "max"),
        images=("images", "first"),
        products=("products", "first"),
        worst_residual=("residual", "max"),
    ).reset_index()
    summary["worst_residual"] /= summary["largest"]
    return summary


@traced
def training_curves(study: Study, *, role: RoleName = "small_images", architecture: str | None = None) -> pd.DataFrame:
    """Return one row an epoch of every dense run: losses, accuracies in percent, learning rate."""
    frame = study.frame("history", role=role, architecture=architecture)
    return frame[~frame["purpose"].astype(str).str.contains("fine_tuned|continued")]


@traced
def similarity_by_layer(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a convolution: similarity of the same layer of two seeds, debiased and biased."""
    return study.frame("similarity", "grid", role=role)


@traced
def similarity_summary(study: Study, *, role: RoleName = "small_images", middle: int = 25) -> pd.DataFrame:
    """Return mean similarity of matching layers up to and after the middle layer (the paper's 25th), over all pairs."""
    frame = similarity_by_layer(study, role=role)
    if frame.empty:
        return frame
    frame = frame.assign(half=(frame["layer"] > middle).map({False: "up to the middle", True: "after the middle"}))
    groups = frame.groupby(["architecture", "pool_kernel", "checkpoint", "half"], sort=False)
    pairs = groups[["seed", "second_seed"]].apply(lambda pair: len(pair.drop_duplicates())).rename("pairs")
    return groups[["debiased", "biased"]].mean().join(pairs).reset_index()


def similarity_matrices(
    study: Study, *, role: RoleName = "small_images", checkpoint: str = "last", estimator: str = "debiased"
) -> dict[int, pd.DataFrame]:
    """Return, by pool kernel, the similarity of every layer of one seed with every layer of the next: the first pair.

    `estimator` is `debiased` or `biased`; another name raises `UsageError`.
    """
    if estimator not in ("debiased", "biased"):
        raise unknown("estimator", estimator, ("debiased", "biased"))
    found: dict[int, pd.DataFrame] = {}
    for item, measurement in study.select("similarity", "grid", role=role):
        kernel, layers = item.key.runs[0].config.model.pool_kernel, measurement.values["layers"]
        if item.role == role and item.key.settings.checkpoint == checkpoint:  # type: ignore[attr-defined]
            found.setdefault(kernel, pd.DataFrame(measurement.arrays[estimator], index=layers, columns=layers))
    return found


@traced
def similarity_within(study: Study, *, role: RoleName = "small_images", middle: int = 25) -> pd.DataFrame:
    """Return one row a network: mean debiased similarity of its layers after the middle with those up to it.

    A network of no more than `middle` convolutions has no such layers, and no row.
    """
    rows = [
        {
            "architecture": item.key.runs[0].config.model.architecture,
            "pool_kernel": item.key.runs[0].config.model.pool_kernel,
            "seed": item.key.runs[0].seed,
            "checkpoint": item.key.settings.checkpoint,  # type: ignore[attr-defined]
            "images": measurement.values["images"],
            "debiased": float(np.nanmean(values)),
        }
        for item, measurement in study.select("similarity", "within", role=role)
        if item.role == role and np.isfinite(values := measurement.arrays["debiased"][middle:, :middle]).any()
    ]
    return pd.DataFrame(rows)
