"""How much pruning a network tolerates over all rates, under the plain ranking and under the control."""

from __future__ import annotations

import pandas as pd

from rflib.paper.frames import GUESSING_POINTS, fields, one_shot, summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_NETWORK = ["architecture", "pool_kernel", "map_size", "pool_dilation", "width"]


@traced
def tolerance(
    study: Study, *, role: RoleName = "small_images", purpose: str = "grid", margin: float = GUESSING_POINTS
) -> pd.DataFrame:
    """Return one row a network: accuracy above guessing that is kept, averaged over the study's rates, in percent.

    `kept` ranks all weights, `kept_live` (the control) only those that can receive gradient; 100 is the dense network,
    0 is guessing. A mean over rates cannot sit at its floor or ceiling for one rate's sake. `advantage` is their
    difference, seed by seed. `dead_share` in percent, `receptive_field` in pixels. Left out are runs whose dense
    accuracy is within `margin` points of guessing: they have nothing to keep.
    """
    by_seed = _by_seed(study, role, purpose, margin)
    if by_seed.empty:
        return by_seed
    measured = summarise(by_seed, _NETWORK, ["kept", "kept_live", "advantage"])
    return fields(study, role, purpose)[[*_NETWORK, "receptive_field", "dead_share"]].merge(measured, on=_NETWORK)


@traced
def advantage(study: Study, *, role: RoleName = "small_images", margin: float = GUESSING_POINTS) -> pd.DataFrame:
    """Return what each network keeps beyond the one with the smallest field of its architecture, in points, by seed.

    One row a network of the grid and of its variants: `gain` ranks all weights, `gain_live` (the control) only those
    that can receive gradient, `removed` is their difference; means over the seeds that both networks have, with their
    standard deviation. `base_kernel` names the network compared with. See `tolerance` for what is kept.
    """
    grid = _by_seed(study, role, "grid", margin)
    if grid.empty:
        return grid
    base = grid[grid["pool_kernel"] == grid.groupby("architecture")["pool_kernel"].transform("min")]
    base = base.rename(columns={"pool_kernel": "base_kernel", "kept": "base", "kept_live": "base_live"})
    every = pd.concat([grid, _by_seed(study, role, "variant", margin)])
    both = every.merge(base[["architecture", "seed", "base_kernel", "base", "base_live"]], on=["architecture", "seed"])
    both = both[(both["pool_kernel"] != both["base_kernel"]) | (both["map_size"] != "shrinking")]
    both["gain"], both["gain_live"] = both["kept"] - both["base"], both["kept_live"] - both["base_live"]
    both["removed"] = both["gain"] - both["gain_live"]
    measured = summarise(both, [*_NETWORK, "base_kernel"], ["gain", "gain_live", "removed"])
    networks = pd.concat([fields(study, role, "grid"), fields(study, role, "variant")])
    return networks[[*_NETWORK, "receptive_field", "dead_share"]].merge(measured, on=_NETWORK)


def _by_seed(study: Study, role: RoleName, purpose: str, margin: float) -> pd.DataFrame:
    per_seed = one_shot(study, role, purpose)
    if per_seed.empty:
        return per_seed
    guess = 100 / study.profile.roles[role].classes
    able = per_seed[per_seed["dense"] > guess + margin].copy()
    if able.empty:
        return pd.DataFrame()
    for column, accuracy in (("kept", "pruned"), ("kept_live", "live")):
        above = (able[accuracy] - guess) / (able["dense"] - guess)
        able[column] = 100 * above.clip(lower=0, upper=1)
    able["advantage"] = able["kept"] - able["kept_live"]
    return able.groupby([*_NETWORK, "seed"], sort=False)[["kept", "kept_live", "advantage"]].mean().reset_index()
