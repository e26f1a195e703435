"""Noise before pruning: what it brings the best copy and the mean one, fine-tuned too, and to features' variances."""

from __future__ import annotations

import pandas as pd

from rflib.paper.frames import summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

NETWORK = ["architecture", "pool_kernel"]
_BENEFITS = ("pruned_tested", "tested", "benefit", "mean_benefit")
_NOISE = ["mask_noise_kind", "mask_noise_scale", "mask_rate"]
# How copies are pruned and scored, by the purpose of the measurement.
SWEEPS = {"all": "noise", "live": "noise_live", "recalibrated": "noise_calibrated"}
VARIANCE_SCOPES = {"all": "variance", "live": "variance_live"}


@traced
def noise_recipes(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a recipe (kind, scale, rate, order), network and seed; columns as the measurement `noise`.

    `sweep` is "all" for pruning among all weights, "live" among those that can receive gradient, and "recalibrated"
    among all with batch-norm statistics re-estimated.
    """
    return _of(study, "noise", SWEEPS[sweep], role)


@traced
def noise_runs(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a network, rate, order and seed: the recipe whose best copy did best where copies are selected.

    So kind and scale are selected as the copy is, and `tested`, on other images, is free of the selection; of equal
    recipes the first. `mean_benefit` is that of the chosen recipe.
    """
    frame = noise_recipes(study, role=role, sweep=sweep)
    if frame.empty:
        return frame
    ordered = frame.sort_values("selected", ascending=False, kind="stable")
    best = ordered.drop_duplicates([*NETWORK, "seed", "rate", "order"])
    return best.sort_index().reset_index(drop=True)


@traced
def noise_benefit(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a network, rate and order: test accuracy pruned without noise and of the selected copy.

    In percent; `benefit` is their difference and `mean_benefit` that of the mean copy, in points, seed by seed.
    """
    runs = noise_runs(study, role=role, sweep=sweep)
    if runs.empty:
        return runs
    table = summarise(runs, [*NETWORK, "rate", "order"], _BENEFITS)
    # The chosen recipes decide in which order the runs come: networks as they are planned, before ahead of after.
    ordered = table.sort_values(["rate", "order"], ascending=[True, False])
    return runs[NETWORK].drop_duplicates().merge(ordered, on=NETWORK)


@traced
def noisy_tuning_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a noise, network and seed: accuracy fine-tuned without and with it, means over draws.

    In percent; `benefit` is their difference in points.
    """
    plain, noisy = (_last_epochs(study, role, purpose) for purpose in ("fine_tuned", "noisy_fine_tuned"))
    if plain.empty or noisy.empty:
        return pd.DataFrame()
    keys = [*NETWORK, "seed", "mask_rate"]
    means = noisy.groupby([*NETWORK, "seed", *_NOISE], sort=False)["accuracy"].mean().reset_index()
    both = means.merge(plain[[*keys, "accuracy"]], on=keys, suffixes=("_noisy", ""))
    both["benefit"] = both["accuracy_noisy"] - both["accuracy"]
    names = {"mask_rate": "rate", "mask_noise_kind": "kind", "mask_noise_scale": "scale"}
    return both.rename(columns={**names, "accuracy_noisy": "noisy_fine_tuned", "accuracy": "fine_tuned"})


@traced
def noisy_tuning(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a noise and network: the summary of `noisy_tuning_runs` over seeds."""
    runs = noisy_tuning_runs(study, role=role)
    by = [*NETWORK, "rate", "kind", "scale"]
    return runs if runs.empty else summarise(runs, by, ["fine_tuned", "noisy_fine_tuned", "benefit"])


@traced
def variance_runs(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a rate, noise, network and seed: how far features' variances are from the dense network's.

    Columns as the measurement `feature_variance`; `change` is the discrepancy with noise less that without.
    """
    frame = _of(study, "feature_variance", VARIANCE_SCOPES[scope], role)
    if frame.empty:
        return frame
    keys = [*NETWORK, "seed", "rate", "calibrated"]
    plain = frame[frame["order"] == "none"][[*keys, "discrepancy"]].rename(columns={"discrepancy": "plain"})
    frame = frame.merge(plain, on=keys)
    frame["change"] = frame["discrepancy"] - frame["plain"]
    return frame


@traced
def feature_variances(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a rate, noise and network: the summary of `variance_runs` over seeds; scale 0 is without noise."""
    runs = variance_runs(study, role=role, scope=scope)
    by = [*NETWORK, "calibrated", "rate", "order", "scale"]
    return runs if runs.empty else summarise(runs, by, ["discrepancy", "dispersion", "dense_dispersion", "change"])


def _of(study: Study, analysis: str, purpose: str, role: RoleName) -> pd.DataFrame:
    return study.frame(analysis, purpose, role=role)


def _last_epochs(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    frame = _of(study, "history", purpose, role)
    if frame.empty:
        return frame
    return frame[frame["epoch"] == frame["epochs"]].rename(columns={"test_accuracy": "accuracy"})
