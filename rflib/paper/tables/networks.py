"""The networks themselves: fields beside the paper's labels, map sizes, parameters, dead taps, visible input."""

from __future__ import annotations

import pandas as pd

from rflib.paper import reported
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def receptive_fields(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network: field of the last convolution in pixels, the paper's label, map side, parameters.

    `dead_share` is the share of prunable weights, `input_share` that of the image's pixels, both in percent.
    """
    rows = []
    for item, measurement in study.select("architecture", "grid", "large", role=role):
        model = item.key.settings.model  # type: ignore[attr-defined]
        if item.role == role:
            values = measurement.values
            rows.append(
                {
                    "architecture": model.architecture,
                    "pool_kernel": model.pool_kernel,
                    "label": reported.label(model.architecture, model.pool_kernel),
                    "receptive_field": values["receptive_field"],
                    "last_map_size": values["last_map_size"],
                    "parameters": values["parameters"],
                    "dead_share": 100 * values["dead_share"],
                    "input_share": 100 * values["input_share"],
                }
            )
    return pd.DataFrame(rows)


@traced
def field_growth(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network and convolution: its index, name, smallest and largest field, stride and map side."""
    frame = study.frame("architecture", "grid", "large", role=role)
    if frame.empty:
        return frame
    frame = frame[frame["role"] == role].drop(columns=["purpose"])
    frame["layer"] = frame.groupby(["architecture", "pool_kernel"]).cumcount() + 1
    return frame
