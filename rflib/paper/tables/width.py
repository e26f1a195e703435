"""Table 8: width multiples, the shallower network, and the cell the paper left pending."""

from __future__ import annotations

import pandas as pd

from rflib.paper import reported
from rflib.paper.frames import fields, one_shot, summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def width_and_depth(study: Study, *, role: RoleName = "large_images") -> pd.DataFrame:
    """Return one row a field and width multiple: dense accuracy in percent, measured and reported.

    `width_multiple` counts from the profile's own width. The reported cell for 318 at three times the width is
    missing because the paper prints "Pending".
    """
    plan = study.profile.roles[role].widths if role in study.profile.roles else None
    per_seed = one_shot(study, role, "width")
    if plan is None or per_seed.empty:
        return pd.DataFrame()
    per_seed = per_seed[per_seed["rate"] == max(per_seed["rate"])]
    keys = ["architecture", "pool_kernel", "width"]
    measured = summarise(per_seed, keys, ["dense", "pruned"])
    measured["width_multiple"] = (measured["width"] / study.profile.width).round().astype(int)
    table = fields(study, role, "width")[[*keys, "receptive_field", "dead_share"]].merge(measured, on=keys)
    printed = reported.table("Table 8")[
        ["pool_kernel", "width_multiplier", "dense_mean", "dense_std", "dense_mean_printed"]
    ]
    names = {
        "width_multiplier": "width_multiple",
        "dense_mean": "dense_reported_mean",
        "dense_std": "dense_reported_sd",
    }
    table = table.merge(printed.rename(columns=names), on=["pool_kernel", "width_multiple"], how="left")
    table["pending"] = (table["pool_kernel"] == 3) & (table["width_multiple"] == 3)
    table.insert(
        2,
        "label",
        [reported.label(*pair) for pair in zip(table["architecture"], table["pool_kernel"], strict=True)],
    )
    return table.drop(columns="dense_mean_printed")


@traced
def depth(study: Study, *, role: RoleName = "large_images") -> pd.DataFrame:
    """Return dense and pruned accuracy in percent of the shallow and the deep network, ordered by field in pixels."""
    parts = []
    for purpose in ("width", "shallow"):
        per_seed = one_shot(study, role, purpose)
        if per_seed.empty:
            continue
        per_seed = per_seed[(per_seed["rate"] == max(per_seed["rate"])) & (per_seed["width"] == study.profile.width)]
        measured = summarise(per_seed, ["architecture", "pool_kernel"], ["dense", "pruned"])
        network = fields(study, role, purpose)
        network = network[network["width"] == study.profile.width]
        parts.append(
            network[["architecture", "pool_kernel", "receptive_field", "dead_share"]].merge(
                measured, on=["architecture", "pool_kernel"]
            )
        )
    return pd.concat(parts).sort_values("receptive_field", ignore_index=True) if parts else pd.DataFrame()
