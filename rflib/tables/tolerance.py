"""How much pruning a network tolerates over all rates, under the plain ranking and under the control."""

from __future__ import annotations

import pandas as pd

from rflib.pipeline.profiles import RoleName
from rflib.pipeline.study import Study
from rflib.tables.accuracy import fields, one_shot
from rflib.tables.statistics import summarise

_NETWORK = ["architecture", "pool_kernel", "map_size", "pool_dilation", "width"]


def tolerance(
    study: Study, *, role: RoleName = "small_images", purpose: str = "grid", margin: float = 5.0
) -> pd.DataFrame:
    """Return one row a network: accuracy above guessing that is kept, averaged over the study's rates, in percent.

    `kept` ranks all weights, `kept_live` (the control) only those that can receive gradient; 100 is the dense network,
    0 is guessing. A mean over rates cannot sit at its floor or ceiling for one rate's sake. `advantage` is their
    difference, seed by seed. `dead_share` in percent, `receptive_field` in pixels. Left out are runs whose dense
    accuracy is within `margin` points of guessing: they have nothing to keep.
    """
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
    by_seed = able.groupby([*_NETWORK, "seed"], sort=False)[["kept", "kept_live", "advantage"]].mean().reset_index()
    measured = summarise(by_seed, _NETWORK, ["kept", "kept_live", "advantage"])
    return fields(study, role, purpose)[[*_NETWORK, "receptive_field", "dead_share"]].merge(measured, on=_NETWORK)
