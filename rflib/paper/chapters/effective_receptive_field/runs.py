"""Effective fields, pixels and accuracies of every run, as they were measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

RUN = ["architecture", "width", "cardinality", "kernel_padding", "task", "seed"]


# What kernel padding may change.
PADDED = ("accuracy", "imbalance", "partially_dead", "prediction_change", "output_change")


@traced
def effective_fields(study: Study, *, role: RoleName = "small_images", mirrored: bool = False) -> pd.DataFrame:
    """Return one row a layer along the depth, network, checkpoint and seed: fields in pixels.

    Measured on the images as they are, or `mirrored` beyond their border. `visible_field` is the theoretical field cut
    to the side of what was put in, the most that could be found; `area_side`, `square_side` and `gaussian_width` as the
    measurement `effective_field` defines them.
    """
    frame = _of(study, "effective_field", role, "mirrored" if mirrored else "field")
    if frame.empty:
        return frame
    frame["visible_field"] = frame["theoretical_field"].clip(upper=frame["input_size"])
    columns = ["architecture", "seed", "checkpoint", "name", "depth", "image_size", "input_size", "theoretical_field"]
    return frame[[*columns, "visible_field", "area_side", "square_side", "gaussian_width"]].reset_index(drop=True)


@traced
def field_runs(study: Study, *, role: RoleName = "small_images", mirrored: bool = False) -> pd.DataFrame:
    """Return what `field_and_accuracy` is the summary of, one row a network and seed."""
    fields = effective_fields(study, role=role, mirrored=mirrored)
    accuracy = _accuracies(study, role, "field")
    if accuracy.empty or set(fields.get("checkpoint", ())) != {"initial", "last"}:
        return pd.DataFrame()
    both = fields.groupby(["architecture", "seed"], sort=False).filter(lambda run: run["checkpoint"].nunique() == 2)
    rows = [_along(group) for _, group in both.groupby(["architecture", "seed"], sort=False)]
    return pd.DataFrame(rows).merge(accuracy[["architecture", "seed", "accuracy"]], on=["architecture", "seed"])


def _along(group: pd.DataFrame) -> dict[str, object]:
    """Describe the effective fields of one network of one seed, before and after training."""
    before, after = (group[group["checkpoint"] == each].sort_values("depth") for each in ("initial", "last"))
    last, sides = after.iloc[-1], after["area_side"].to_numpy()
    middle = sides[len(sides) // 2]
    return {
        **{name: last[name] for name in ("architecture", "seed", "theoretical_field", "visible_field")},
        "convolutions": last["depth"],
        "untrained": before["area_side"].iloc[-1],
        "trained": sides[-1],
        "growth": sides[-1] - before["area_side"].iloc[-1],
        "early": middle - sides[0],
        "late": sides[-1] - middle,
    }


@traced
def scaled_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return what `constant_field` is the summary of, one row a width, cardinality and seed."""
    accuracy = _accuracies(study, role, "constant_field")
    if accuracy.empty:
        return accuracy
    scale = ["architecture", "width", "cardinality"]
    networks = pd.DataFrame(
        {
            **{name: getattr(item.key.settings.model, name) for name in scale},  # type: ignore[attr-defined]
            "receptive_field": max(row["r_max"] for row in measurement.values["rows"]),
            "parameters": measurement.values["parameters"],
        }
        for item, measurement in study.select("layers", "constant_field", role=role)
    )
    if networks.empty:
        return networks
    first = accuracy[(accuracy[scale] == accuracy.iloc[0][scale]).all(axis=1)].set_index("seed")["accuracy"]
    accuracy["change"] = accuracy["accuracy"] - accuracy["seed"].map(first)
    return networks.merge(accuracy, on=scale)


@traced
def pixel_runs(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return what `imbalance` is the summary of, one row a network and seed."""
    frame = _of(study, "pixel_sensitivity", role, "field")
    return frame if frame.empty else frame[frame["period"] == period]


@traced
def padded_runs(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return what `kernel_padding` is the summary of, one row a network, task and seed."""
    accuracy = _accuracies(study, role, "kernel_padding")
    pixels = _of(study, "pixel_sensitivity", role, "kernel_padding")
    if accuracy.empty or pixels.empty:
        return pd.DataFrame()
    frame = pixels[pixels["period"] == period].merge(accuracy, on=RUN)
    keys = ["architecture", "task", "seed"]
    plain, padded = (frame[frame["kernel_padding"] == padding][[*keys, *PADDED]] for padding in (False, True))
    both = plain.merge(padded, on=keys, suffixes=("_plain", "_padded"))
    for quantity in PADDED:
        both[f"{quantity}_change"] = both[f"{quantity}_padded"] - both[f"{quantity}_plain"]
    return both


def sensitivity_maps(
    study: Study, architecture: str, *, role: RoleName = "small_images", task: str = "classes"
) -> dict[tuple[str, bool], np.ndarray]:
    """Return maps (height, width) by kind and kernel padding, each over its mean, as means over seeds.

    The kind is "trained" or "uniform", which the architecture alone decides.
    """
    found: dict[tuple[str, bool], list[np.ndarray]] = {}
    for item, measurement in study.select("pixel_sensitivity", "kernel_padding", role=role):
        config = item.key.runs[0].config
        if (item.role, config.model.architecture, config.data.task) == (role, architecture, task):
            for kind, array in (("trained", "map"), ("uniform", "uniform")):
                values = np.asarray(measurement.arrays[array])
                found.setdefault((kind, config.model.kernel_padding), []).append(values / values.mean())
    return {key: np.mean(maps, axis=0) for key, maps in found.items()}


def _of(study: Study, analysis: str, role: RoleName, purpose: str) -> pd.DataFrame:
    return study.frame(analysis, purpose, role=role)


def _accuracies(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    """Return one row a run: test accuracy after its last epoch, in percent."""
    frame = _of(study, "history", role, purpose)
    if frame.empty:
        return frame
    last = frame[frame["epoch"] == frame["epochs"]]
    return last[[*RUN, "test_accuracy"]].rename(columns={"test_accuracy": "accuracy"})


_TASKS = {"classes": "telling classes", "shifts": "telling shifts"}
