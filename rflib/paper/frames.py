"""Frames that chapters share: accuracy and pruning by network, seed and rate, and means over seeds.

They read measurements and never need torch. Accuracies are in percent, their differences in points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import Any

import pandas as pd

from rflib.errors import UsageError
from rflib.paper import reported
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

# In percent of accuracy: a network within so many points of guessing is said to guess.
GUESSING_POINTS = 5.0


@traced
def summarise(frame: pd.DataFrame, by: Sequence[str], quantities: Iterable[str]) -> pd.DataFrame:
    """Return mean, sample standard deviation and n of `quantities` for each group, in the order of appearance.

    Columns: `by`, then `QUANTITY_mean` and `QUANTITY_sd` (missing for one seed), then `n`.
    """
    groups = frame.groupby(list(by), sort=False, dropna=False)
    parts = {}
    for quantity in quantities:
        parts[f"{quantity}_mean"] = groups[quantity].mean()
        parts[f"{quantity}_sd"] = groups[quantity].std(ddof=1)
    parts["n"] = groups.size()
    return pd.DataFrame(parts).reset_index()


def half_width(deviation: float, seeds: int) -> float:
    """Return half the width of the 95 % interval of a mean over `seeds` (Student); NaN for one seed."""
    # Imported where it is used: it takes longer than all else that the command line loads.
    from scipy.stats import t as student

    return float(student.ppf(0.975, seeds - 1)) * deviation / sqrt(seeds) if seeds > 1 else float("nan")


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Spearman's rank correlation of `y` on `x`: +1 rises throughout, -1 falls throughout, NaN if constant."""
    pairs = [(a, b) for a, b in zip(x, y, strict=True) if a == a and b == b]
    if len({b for _, b in pairs}) < 2 or len({a for a, _ in pairs}) < 2:
        return float("nan")
    from scipy.stats import spearmanr

    return float(spearmanr(*zip(*pairs, strict=True)).statistic)


def at_the_ends(frame: pd.DataFrame, along: str = "receptive_field") -> pd.DataFrame:
    """Return of each network the rows with the smallest and with the largest field, or ends of another column."""
    ends = frame.groupby("architecture", sort=False)[along].agg(["min", "max"]).reindex(frame["architecture"])
    values = frame[along].to_numpy()
    return frame[(values == ends["min"].to_numpy()) | (values == ends["max"].to_numpy())]


def guessing_accuracy(study: Study, role: RoleName) -> float:
    """Return the accuracy of guessing, in percent; NaN for a role that the profile lacks."""
    return 100 / study.profile.roles[role].classes if role in study.profile.roles else float("nan")


NETWORK = ["architecture", "pool_kernel"]
# What sets the field of a network of the grid, where nothing else does.
_UNCHANGED: dict[str, Any] = {"map_size": "shrinking", "pool_dilation": 1, "omitted_downsamplings": 0}
_WHOLE = [*NETWORK, "width", *_UNCHANGED]
# What tells one trained network from another, whatever it is there for.
_RUN = ["purpose", *_WHOLE, "pool_stride", "pool_padding", "ceil_mode", "optimiser", "epochs", "seed"]
_ONE_SHOT = (
    *("pruned", "live", "layerwise", "pruned_dead_share", "difference", "normalised_difference", "live_difference"),
)
_CALIBRATED = ("dense_calibrated", "pruned_calibrated", "live_calibrated", "layerwise_calibrated")


@traced
def accuracy_and_pruning(
    study: Study, *, role: RoleName = "small_images", rate: float = 0.9, purpose: str = "grid"
) -> pd.DataFrame:
    """Return one row a network: field, accuracy dense and pruned one-shot, all in percent, over seeds.

    `pruned` ranks all prunable weights, `live` the same share of those that can receive gradient, `layerwise` each
    layer on its own. `difference` is dense minus pruned, seed by seed. `dead_share` and `input_share` are in percent.
    Columns that end in `_reported_mean` and `_reported_sd` are the paper's. `pruned_calibrated` and `live_calibrated`
    are with re-estimated batch-norm statistics, over `n_calibrated` seeds. Weights of the last epoch.
    """
    per_seed = one_shot(study, role, purpose)
    if per_seed.empty:
        return per_seed
    chosen = per_seed[(per_seed["rate"] - rate).abs() < 1e-9]
    if chosen.empty:
        raise UsageError(f"rate {rate}: expected one of {sorted(float(each) for each in per_seed['rate'].unique())}")
    quantities = ["dense", "pruned", "difference", "live", "layerwise", "pruned_calibrated", "live_calibrated"]
    measured = summarise(chosen, _WHOLE, quantities)
    again = chosen.groupby(_WHOLE, sort=False)["pruned_calibrated"].count().rename("n_calibrated")
    measured = measured.merge(again.reset_index(), on=_WHOLE)
    table = fields(study, role, purpose).merge(measured, on=_WHOLE, how="right")
    table.insert(2, "label", [_label(row) for row in table.itertuples()])
    printed = _reported(role, rate).assign(**_UNCHANGED)
    return table.merge(printed, on=[*NETWORK, *_UNCHANGED], how="left")


@traced
def near_guessing(
    study: Study, *, role: RoleName = "small_images", rate: float = 0.9, purpose: str = "grid"
) -> pd.DataFrame:
    """Return one row: of how many `networks` each ranking leaves no more than `margin` points above guessing."""
    table = accuracy_and_pruning(study, role=role, rate=rate, purpose=purpose)
    ways = ("dense", "pruned", "live", "layerwise")
    columns = ["networks", "margin", *(f"{way}_guess" for way in ways)]
    bound = guessing_accuracy(study, role) + GUESSING_POINTS
    near = [int((table[f"{way}_mean"] <= bound).sum()) for way in ways] if len(table) else []
    return pd.DataFrame([[len(table), GUESSING_POINTS, *near]] if near else [], columns=columns)


@traced
def one_shot(study: Study, role: RoleName, purpose: str = "grid", *, apart: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row a seed and rate: accuracy dense, pruned globally, among live weights and by layer, in percent.

    Columns that end in `_calibrated` are those with batch-norm statistics re-estimated, NaN where that was not measured
    (`recalibrated` has them at every rate). `apart` names further columns of `Study.frame` that tell runs of this
    purpose apart.
    """
    frame, runs = study.frame("one_shot", purpose, role=role), [*_WHOLE, *apart, "seed"]
    again = _calibrated(frame[frame["calibration_images"] > 0], runs)
    frame = frame[frame["calibration_images"] == 0]
    if frame.empty:
        return pd.DataFrame(columns=[*runs, "dense", "rate", *_ONE_SHOT, *_CALIBRATED])
    index = [*runs, "dense_accuracy", "rate"]
    wide = frame.pivot_table(index=index, columns="scope", values="pruned_accuracy", sort=False).reset_index()
    wide = wide.rename(columns={"dense_accuracy": "dense", "global": "pruned"}).rename_axis(columns=None)
    counts = frame[frame["scope"] == "global"].set_index([*runs, "rate"])
    share = 100 * counts["pruned_dead"] / counts["pruned"].clip(lower=1)
    wide = wide.merge(share.rename("pruned_dead_share").reset_index(), on=[*runs, "rate"])
    # A pivot over missing cells may change the order of the networks; lines are drawn in it.
    wide = frame[runs].drop_duplicates().merge(wide, on=runs)
    wide["difference"] = wide["dense"] - wide["pruned"]
    wide["normalised_difference"] = wide["difference"] / wide["dense"]
    wide["live_difference"] = wide["dense"] - wide["live"]
    return (
        wide.assign(**dict.fromkeys(_CALIBRATED, float("nan")))
        if again.empty
        else wide.merge(again, on=[*runs, "rate"], how="left")
    )


@traced
def pruned_copies(study: Study, role: RoleName, *purposes: str) -> pd.DataFrame:
    """Return one row a seed, ranking (`scope`) and rate of some purposes: what one-shot pruning leaves and takes.

    `dense` and `pruned` are accuracies in percent with the statistics of training, `dense_calibrated` and
    `pruned_calibrated` with re-estimated ones, NaN where that was not measured; all four are of one trained network.
    `kept` and `kept_calibrated` are the accuracy above guessing that is left, in percent of the dense network's with
    the same statistics. `dead_share` is in percent of the prunable weights, `live_left` counts the live weights that
    are left, `live_pruned_share` is the share of them, in percent, that went, and `pruned_dead_share` that of dead
    weights in all that went.
    """
    frame = study.frame("one_shot", *purposes, role=role)
    # A measurement with new statistics has the old ones too, and more rates.
    best = frame.groupby(_RUN, sort=False)["calibration_images"].transform("max")
    frame = frame[frame["calibration_images"] == best].reset_index(drop=True)
    live, went = frame["prunable"] - frame["dead"], frame["pruned"] - frame["pruned_dead"]
    names = {
        "dense": "dense_accuracy",
        "dense_calibrated": "dense_calibrated_accuracy",
        "pruned": "pruned_accuracy",
        "pruned_calibrated": "calibrated_accuracy",
    }
    found = frame[[*_RUN, "scope", "rate"]].assign(
        **{name: frame.get(recorded, float("nan")) for name, recorded in names.items()},
        dead_share=100 * frame["dead"] / frame["prunable"],
        live_left=live - went,
        live_pruned_share=100 * went / live,
        pruned_dead_share=100 * frame["pruned_dead"] / frame["pruned"].clip(lower=1),
    )
    guess = guessing_accuracy(study, role)
    for end in ("", "_calibrated"):
        found[f"kept{end}"] = 100 * (found[f"pruned{end}"] - guess) / (found[f"dense{end}"] - guess)
    return found


@traced
def recalibrated(study: Study, *, role: RoleName = "small_images", purpose: str = "grid") -> pd.DataFrame:
    """Return the rows of `pruned_copies` that were measured with re-estimated statistics."""
    return pruned_copies(study, role, purpose).dropna(subset="pruned_calibrated")


def _calibrated(frame: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """Return one row a seed and rate of measurements with re-estimated statistics, in the columns `_CALIBRATED`."""
    if frame.empty:
        return pd.DataFrame()
    index = [*runs, "dense_calibrated_accuracy", "rate"]
    wide = frame.pivot_table(index=index, columns="scope", values="calibrated_accuracy").reset_index()
    names = dict(zip(("dense_calibrated_accuracy", "global", "live", "layerwise"), _CALIBRATED, strict=True))
    return wide.rename(columns=names).rename_axis(columns=None).reindex(columns=[*runs, "rate", *_CALIBRATED])


@traced
def beside_the_smallest(study: Study, *, role: RoleName = "small_images", purpose: str = "large") -> pd.DataFrame:
    """Return one row a network: dense accuracy minus that at its architecture's smallest k of the grid, in points.

    `change` is taken seed by seed, over the seeds that both networks have.
    """
    runs, grid = (one_shot(study, role, each) for each in (purpose, "grid"))
    if runs.empty or grid.empty:
        return pd.DataFrame()
    keys = ["architecture", "seed"]
    smallest = grid[grid["pool_kernel"] == grid.groupby("architecture")["pool_kernel"].transform("min")]
    base = smallest.drop_duplicates(keys)[[*keys, "dense"]].rename(columns={"dense": "base"})
    both = runs.drop_duplicates([*NETWORK, "seed"]).merge(base, on=keys)
    return summarise(both.assign(change=both["dense"] - both["base"]), NETWORK, ["change"])


@traced
def fields(study: Study, role: RoleName, purpose: str = "grid") -> pd.DataFrame:
    """Return one row a network: computed field of the last convolution in pixels, dead taps and visible input."""
    columns = [*_WHOLE, "receptive_field", "last_map_size", "dead_share", "input_share"]
    rows = [
        {
            **{name: getattr(item.key.settings.model, name) for name in _WHOLE},  # type: ignore[attr-defined]
            "receptive_field": measurement.values["receptive_field"],
            "last_map_size": measurement.values["last_map_size"],
            "dead_share": 100 * measurement.values["dead_share"],
            "input_share": 100 * measurement.values["input_share"],
        }
        for item, measurement in study.select("architecture", purpose, role=role)
    ]
    return pd.DataFrame(rows, columns=columns)


def _label(row: object) -> int | None:
    standard = all(getattr(row, name) == value for name, value in _UNCHANGED.items())
    return reported.label(row.architecture, row.pool_kernel) if standard else None  # type: ignore[attr-defined]


def _reported(role: RoleName, rate: float) -> pd.DataFrame:
    """Return the paper's one-shot values at a rate; Tables 1, 2, 6 and 7 for 0.9, S1 to S8 below."""
    frame = reported.accuracy()
    chosen = (frame["role"] == role) & (frame["finetune_epochs"] == 0) & ((frame["pruning_rate"] - rate).abs() < 1e-9)
    return renamed(frame[chosen & (frame["width_multiplier"] == 1)])


def renamed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's columns under the names that tables here use; `_printed` ones are the text as it stands."""
    names = {
        f"{quantity}_{part}{form}": f"{quantity}_reported_{short}{form}"
        for quantity in ("dense", "pruned", "difference")
        for part, short in (("mean", "mean"), ("std", "sd"))
        for form in ("", "_printed")
    }
    return frame.rename(columns=names)[[*NETWORK, *names.values()]]


@traced
def training_curves(study: Study, *, role: RoleName = "small_images", architecture: str | None = None) -> pd.DataFrame:
    """Return one row an epoch of every dense run: losses, accuracies in percent, learning rate."""
    frame = study.frame("history", role=role, architecture=architecture)
    return frame[~frame["purpose"].astype(str).str.contains("fine_tuned|continued")]
