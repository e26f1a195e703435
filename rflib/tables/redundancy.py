"""Redundancy of deep layers: saturation and filters along the depth, what pruning them alone costs, the best field."""

from __future__ import annotations

import pandas as pd

from rflib.pipeline.origin import traced
from rflib.pipeline.profiles import RoleName
from rflib.pipeline.study import Study
from rflib.tables.accuracy import fields, one_shot
from rflib.tables.statistics import summarise

NETWORK = ["architecture", "pool_kernel"]
REDUNDANCY_SCOPES = {"all": "redundancy", "live": "redundancy_live"}
_LAYER = ("saturation", "similarity", "relative_rank", "zero_filters")


@traced
def layer_redundancy(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a convolution, rate (0: dense), network and seed; columns as the measurement `redundancy`.

    `position` is the convolution's place in the network, 0 for the first and 1 for the last. `scope`: pruned among
    "all" weights or among "live" ones.
    """
    frame = study.frame("redundancy", REDUNDANCY_SCOPES[scope])
    if frame.empty:
        return frame
    frame = frame[frame["role"] == role].reset_index(drop=True)
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
    frame = study.frame("deep_pruning", "deep_pruning")
    if frame.empty:
        return frame
    frame = frame[frame["role"] == role].reset_index(drop=True)
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
def best_fields(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network and a way to prune: the field in pixels where accuracy in percent is highest.

    The ways are dense, pruned among all weights (`pruned`) and among live ones (`live`). `seeds_agreeing` is the share
    of seeds, in percent, whose own best field it is, and `margin` by how many points the mean lies above that of the
    second best. `at_the_edge`: no smaller, or no larger, field was measured, so the optimum may lie beyond.
    """
    runs = one_shot(study, role)
    if runs.empty:
        return runs
    usual = runs[(runs["rate"] - rate).abs() < 1e-9].merge(fields(study, role)[[*NETWORK, "receptive_field"]])
    rows = []
    for architecture, group in usual.groupby("architecture", sort=False):
        for way in ("dense", "pruned", "live"):
            grid = group.pivot_table(index="seed", columns="receptive_field", values=way).dropna()
            if len(grid) and grid.shape[1] > 1:
                rows.append({"architecture": architecture, "way": way, **_best(grid)})
    return pd.DataFrame(rows)


def _best(grid: pd.DataFrame) -> dict[str, object]:
    """Describe where the mean of the rows of `grid`, one a seed, is highest over its columns, the fields."""
    means = grid.mean().sort_values(ascending=False, kind="stable")
    best = means.index[0]
    return {
        "receptive_field": float(best),
        "accuracy_mean": means.iloc[0],
        "accuracy_sd": grid[best].std(ddof=1),
        "margin": means.iloc[0] - means.iloc[1],
        "seeds_agreeing": 100 * float((grid.idxmax(axis=1) == best).mean()),
        "at_the_edge": bool(best in (grid.columns.min(), grid.columns.max())),
        "n": len(grid),
    }
