"""What stands behind one-shot pruning beside the field: statistics, live weights, the size of dead taps, recipe, size.

Accuracies are in percent; see `tables.pruned_copies` for what is kept and what became of the live weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rflib.paper import reported
from rflib.paper.frames import NETWORK, fields, pruned_copies, recalibrated, summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_RATE = 0.9
RECIPES = {
    "grid": "as trained here",
    "undecayed": "without weight decay",
    "printed_norm": "as printed, clipped by norm",
    "printed_value": "as printed, clipped by value",
    "printed_none": "as printed, without clipping",
}
READINGS = {
    "grid": "window k, stride k",
    "overlapping": "window k + 1, stride k, padding 1",
    "other_reading": "VGG16, window k, stride k",
}


@traced
def new_statistics(
    study: Study, *, role: RoleName = "small_images", rate: float = _RATE, purpose: str = "grid"
) -> pd.DataFrame:
    """Return one row a network: accuracy pruned with old statistics and with re-estimated ones, over seeds.

    Among all weights (`pruned`, `pruned_calibrated`), among live ones (`live`, `live_calibrated`) and layer by layer;
    all of a row are of the same trained networks.
    """
    frame = recalibrated(study, role=role, purpose=purpose)
    frame = frame[(frame["rate"] - rate).abs() < 1e-9] if len(frame) else frame
    if frame.empty:
        return frame
    keys = [*NETWORK, "seed", "dense", "dense_calibrated"]
    wide = frame.pivot_table(index=keys, columns="scope", values=["pruned", "pruned_calibrated"], sort=False)
    names = {"global": "pruned", "live": "live", "layerwise": "layerwise"}
    wide.columns = wide.columns.map(lambda pair: pair[0].replace("pruned", names[pair[1]]))
    quantities = [f"{name}{end}" for name in ("dense", *names.values()) for end in ("", "_calibrated")]
    measured = summarise(wide.reset_index(), NETWORK, [each for each in quantities if each in {*keys, *wide.columns}])
    return fields(study, role, purpose)[[*NETWORK, "receptive_field", "dead_share"]].merge(measured, on=NETWORK)


@traced
def rescaled_taps(
    study: Study, *, role: RoleName = "small_images", rates: Sequence[float] | None = None
) -> pd.DataFrame:
    """Return one row a network with dead taps, factor of these taps and rate: accuracy before and after pruning.

    `largest_change` is that of a logit before pruning, `live_pruned_share` the share of live weights, in percent, that
    pruning takes; over seeds. `rates` None are all that were measured.
    """
    frame = study.frame("rescaled_taps", "rescaled", role=role)
    frame = frame[(frame["role"] == role) & (frame["dead_share"] > 0)] if len(frame) else frame
    if frame.empty:
        return frame
    frame = frame.rename(columns={"pruned_accuracy": "pruned", "live_share_pruned": "live_pruned_share"})
    frame = frame if rates is None else frame[frame["rate"].isin(rates)]
    return summarise(
        frame,
        [*NETWORK, "dead_share", "factor", "rate"],
        ["largest_change", "accuracy", "pruned", "live_pruned_share"],
    )


@traced
def recipes(study: Study, *, role: RoleName = "small_images", rate: float = 0.8) -> pd.DataFrame:
    """Return one row a network and recipe of training: which live weights pruning at `rate` takes, and what is left.

    Of those networks that were trained by more than one recipe. The printed protocol is that of its first epochs.
    """
    frame = pruned_copies(study, role, *RECIPES)
    frame = frame[frame["scope"].eq("global") & ((frame["rate"] - rate).abs() < 1e-9)] if len(frame) else frame
    if frame.empty:
        return frame
    others = frame.loc[frame["purpose"] != "grid", NETWORK].drop_duplicates()
    frame = frame.merge(others, on=NETWORK).assign(recipe=lambda rows: rows["purpose"].map(RECIPES))
    measured = summarise(frame, [*NETWORK, "recipe"], ["dense", "pruned", "pruned_calibrated", "live_pruned_share"])
    shares = frame.groupby(NETWORK, sort=False)["dead_share"].first().reset_index()
    return shares.merge(measured, on=NETWORK)


@traced
def enlarged(
    study: Study, *, role: RoleName = "small_images", rates: Sequence[float] = (0.6, 0.8, 0.9)
) -> pd.DataFrame:
    """Return one row a network, side of the images and rate: the same pictures at two sizes, pruned, over seeds.

    `kept` is with old statistics, `kept_calibrated` with re-estimated ones.
    """
    plan = study.profile.roles[role].controls if role in study.profile.roles else None
    frame = pruned_copies(study, role, "unenlarged", "enlarged")
    if frame.empty or plan is None or plan.enlarged is None:
        return pd.DataFrame()
    frame = frame[frame["scope"].eq("global") & frame["rate"].isin(rates)]
    own = study.profile.roles[role].side_pixels
    sides = {"unenlarged": own, "enlarged": plan.enlarged.image_size}
    frame = frame.assign(image_size=frame["purpose"].map(sides))
    by = ["architecture", "image_size", "pool_kernel", "dead_share", "rate"]
    return summarise(frame, by, ["dense", "pruned", "kept", "pruned_calibrated", "kept_calibrated"])


@traced
def readings(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a reading of the paper's networks and k: field beside the paper's label, map, dead taps, input.

    The label is that of the architecture that the reading stands for.
    """
    rows = []
    for item, measurement in study.select("architecture", *READINGS, role=role):
        model, values = item.key.settings.model, measurement.values  # type: ignore[attr-defined]
        if item.role == role:
            name = "rf_vgg19" if model.architecture == "rf_vgg16" else model.architecture
            rows.append(
                {
                    "architecture": name,
                    "reading": _reading(item.purpose, ceil=model.ceil_mode),
                    "pool_kernel": model.pool_stride,
                    "label": reported.label(name, model.pool_stride),
                    **{column: values[column] for column in ("receptive_field", "last_map_size")},
                    **{column: 100 * values[column] for column in ("dead_share", "input_share")},
                }
            )
    return pd.DataFrame(rows)


@traced
def measured_readings(study: Study, *, role: RoleName = "small_images", rate: float = _RATE) -> pd.DataFrame:
    """Return one row a reading and k: accuracy dense and pruned at `rate`, with old and with new statistics."""
    frame = pruned_copies(study, role, *READINGS)
    frame = frame[frame["scope"].eq("global") & ((frame["rate"] - rate).abs() < 1e-9)] if len(frame) else frame
    if frame.empty or (frame["purpose"] == "grid").all():
        return pd.DataFrame()
    labelled = [_reading(p, ceil=c) for p, c in zip(frame["purpose"], frame["ceil_mode"], strict=True)]
    names = frame["architecture"].replace("rf_vgg16", "rf_vgg19")
    frame = frame.assign(reading=labelled, architecture=names, pool_kernel=frame["pool_stride"])
    other = frame.loc[frame["purpose"] != "grid", ["architecture", "pool_kernel"]].drop_duplicates()
    frame = frame.merge(other, on=["architecture", "pool_kernel"])
    by = ["architecture", "pool_kernel", "reading", "dead_share"]
    return summarise(frame, by, ["dense", "pruned", "pruned_calibrated"]).sort_values(by[:3], ignore_index=True)


def _reading(purpose: str, *, ceil: bool) -> str:
    return READINGS[purpose] + (", rounded up" if purpose == "other_reading" and ceil else "")
