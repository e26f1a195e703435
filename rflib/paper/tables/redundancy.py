"""Redundancy of deep layers: saturation and filters along the depth, what pruning them alone costs, the best field."""

from __future__ import annotations

import pandas as pd

from rflib.paper.frames import GUESSING_POINTS, accuracy_and_pruning, fields, one_shot, summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

NETWORK = ["architecture", "pool_kernel"]
REDUNDANCY_SCOPES = {"all": "redundancy", "live": "redundancy_live"}
WAYS = ("dense", "pruned", "live")
# What has no meaning among fields at which all networks guess.
_OPTIMUM = ("receptive_field", "margin_mean", "margin_sd", "seeds_agreeing", "at_the_edge")
_BY_FIELD = ("grid", "smaller_fields")
_LAYER = ("saturation", "similarity", "relative_rank", "zero_filters")


@traced
def layer_redundancy(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a convolution, rate (0: dense), network and seed; columns as the measurement `redundancy`.

    `position` is the convolution's place in the network, 0 for the first and 1 for the last. `scope`: pruned among
    "all" weights or among "live" ones.
    """
    frame = study.frame("redundancy", REDUNDANCY_SCOPES[scope], role=role)
    if frame.empty:
        return frame
    last = frame.groupby("architecture")["layer"].transform("max")
    frame["position"] = (frame["layer"] - 1) / (last - 1).clip(lower=1)
    return frame


@traced
def deep_runs(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network, rate (0: dense) and seed: means over its deep convolutions, in percent but cosines.

    `shallow_saturation` is the mean over the other convolutions.
    """
    frame = layer_redundancy(study, role=role, scope=scope)
    if frame.empty:
        return frame
    keys = [*NETWORK, "rate", "seed"]
    deep = frame[frame["deep"]].groupby(keys, sort=False)[list(_LAYER)].mean()
    deep["shallow_saturation"] = frame[~frame["deep"]].groupby(keys, sort=False)["saturation"].mean()
    return deep.reset_index()


@traced
def deep_layers(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network and rate: the summary of `deep_runs` over seeds."""
    runs = deep_runs(study, role=role, scope=scope)
    return runs if runs.empty else summarise(runs, [*NETWORK, "rate"], ["shallow_saturation", *_LAYER])


@traced
def deep_pruning_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a part of a network, scope, rate and seed: accuracy when that part alone is pruned, in percent.

    `lost` is dense less that, in points. The part "deep" is the last third of the convolutions, "tail" those from the
    border layer on.
    """
    frame = study.frame("deep_pruning", "deep_pruning", role=role)
    if frame.empty:
        return frame
    frame = frame[(frame["role"] == role) & (frame["calibration_images"] == 0)].reset_index(drop=True)
    frame["lost"] = frame["dense_accuracy"] - frame["accuracy"]
    return frame


@traced
def deep_pruning(study: Study, *, role: RoleName = "small_images", part: str = "deep") -> pd.DataFrame:
    """Return one row a network, scope and rate: what pruning one part alone leaves and costs, over seeds."""
    runs = deep_pruning_runs(study, role=role)
    if runs.empty:
        return runs
    by = [*NETWORK, "layers", "weight_share", "dead_share", "scope", "rate"]
    return summarise(runs[runs["part"] == part], by, ["dense_accuracy", "accuracy", "lost"])


@traced
def accuracy_by_field(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return the rows of `accuracy_and_pruning` of the grid and of the smaller fields, each network's by field."""
    parts = [accuracy_and_pruning(study, role=role, rate=rate, purpose=purpose) for purpose in _BY_FIELD]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame()
    networks = pd.concat(parts).groupby("architecture", sort=False)
    return pd.concat([rows.sort_values("receptive_field") for _, rows in networks], ignore_index=True)


@traced
def field_accuracy_runs(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network and seed: its field in pixels, and accuracy in percent, of the grid and below it.

    Columns `dense`, `pruned` and `live` (pruned among live weights). A smaller field that lacks a seed of the grid is
    left out: an optimum is one among fields that are measured alike.
    """
    grid, smaller = (_by_field(study, role, purpose, rate) for purpose in _BY_FIELD)
    if grid.empty or smaller.empty:
        return pd.concat([grid, smaller])
    seeds = grid.groupby("architecture")["seed"].agg(set)
    whole = smaller.groupby([*NETWORK, "receptive_field"]).filter(
        lambda runs: seeds.get(runs["architecture"].iloc[0], set()) <= set(runs["seed"])
    )
    return pd.concat([grid, whole], ignore_index=True)


@traced
def best_fields(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network and a way to prune: the field in pixels where accuracy in percent is highest.

    The ways are dense, pruned among all weights (`pruned`) and among live ones (`live`). `seeds_agreeing` is the share
    of seeds, in percent, whose own best field it is, and `margin` by how many points it lies above the field of the
    second best mean. `at_the_edge`: no smaller, or no larger, field was measured, so the optimum may lie beyond.
    `above_guessing` is in points: an optimum among networks that guess is none, so that what describes it is missing.
    """
    guess = 100 / study.profile.roles[role].classes
    runs = field_accuracy_runs(study, role=role, rate=rate)
    rows = []
    for architecture, group in runs.groupby("architecture", sort=False) if len(runs) else ():
        for way in WAYS:
            grid = group.pivot_table(index="seed", columns="receptive_field", values=way).dropna()
            if len(grid) and grid.shape[1] > 1:
                rows.append({"architecture": architecture, "way": way, **_best(grid, guess)})
    return pd.DataFrame(rows)


def _by_field(study: Study, role: RoleName, purpose: str, rate: float) -> pd.DataFrame:
    """Return one row a network and seed of a purpose: its field, and accuracy by every way at a rate."""
    runs, known = one_shot(study, role, purpose), fields(study, role, purpose)
    if runs.empty or known.empty:
        return pd.DataFrame()
    place = known[[*NETWORK, "omitted_downsamplings", "receptive_field"]]
    chosen = runs[(runs["rate"] - rate).abs() < 1e-9].merge(place)
    return chosen[[*NETWORK, "seed", "receptive_field", *WAYS]]


def _best(grid: pd.DataFrame, guess: float) -> dict[str, object]:
    """Describe where the mean of the rows of `grid`, one a seed, is highest over its columns, the fields."""
    best, second = grid.mean().sort_values(ascending=False, kind="stable").index[:2]
    margin = grid[best] - grid[second]
    found = {
        "receptive_field": float(best),
        "fields": grid.shape[1],
        "accuracy_mean": grid[best].mean(),
        "accuracy_sd": grid[best].std(ddof=1),
        "above_guessing": grid[best].mean() - guess,
        "margin_mean": margin.mean(),
        "margin_sd": margin.std(ddof=1),
        "seeds_agreeing": 100 * float((grid.idxmax(axis=1) == best).mean()),
        "at_the_edge": bool(best in (grid.columns.min(), grid.columns.max())),
        "n": len(grid),
    }
    return found if found["above_guessing"] > GUESSING_POINTS else found | dict.fromkeys(_OPTIMUM)
