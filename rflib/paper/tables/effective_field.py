"""Fields and pixels of "Dead Pixel Test": field beside accuracy and effective field, and what kernel padding does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rflib.paper.frames import summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_RUN = ["architecture", "width", "cardinality", "kernel_padding", "task", "seed"]
# What kernel padding may change.
_PADDED = ("accuracy", "imbalance", "partially_dead", "prediction_change", "output_change")


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
def field_and_accuracy(study: Study, *, role: RoleName = "small_images", mirrored: bool = False) -> pd.DataFrame:
    """Return one row a network: the field of its last convolution, theory and trained, and test accuracy in percent.

    `growth` is the trained effective field minus the untrained one, `early` how much the trained one grows from the
    first layer looked at to the one in the middle, `late` from there to the last; all in pixels, seed by seed.
    """
    per_seed = field_runs(study, role=role, mirrored=mirrored)
    if per_seed.empty:
        return per_seed
    theory = ["architecture", "convolutions", "theoretical_field", "visible_field"]
    return summarise(per_seed, theory, ["untrained", "trained", "growth", "early", "late", "accuracy"])


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
def constant_field(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a width and cardinality of one architecture: field in pixels, parameters, accuracy in percent.

    `change` is the accuracy minus that of the first row in points, seed by seed.
    """
    runs = scaled_runs(study, role=role)
    if runs.empty:
        return runs
    by = ["architecture", "width", "cardinality", "receptive_field", "parameters"]
    return summarise(runs, by, ["accuracy", "change"])


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
def imbalance(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return one row a network without kernel padding: how unequal pixels of one period are, after training.

    `partially_dead` is in percent; `uniform_imbalance` follows from the architecture alone.
    """
    frame = pixel_runs(study, role=role, period=period)
    if frame.empty:
        return frame
    by = ["architecture", "strided_layers", "uneven_layers", "uniform_imbalance"]
    return summarise(frame, by, ["imbalance", "ratio", "partially_dead"])


@traced
def pixel_runs(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return what `imbalance` is the summary of, one row a network and seed."""
    frame = _of(study, "pixel_sensitivity", role, "field")
    return frame if frame.empty else frame[frame["period"] == period]


@traced
def kernel_padding(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return one row a network and task: plain and padded, and padded minus plain (`_change`), seed by seed.

    Quantities: `accuracy`, `partially_dead` and `prediction_change` in percent, their changes in points; `imbalance` of
    pixels of one period, and `output_change`.
    """
    both = padded_runs(study, role=role, period=period)
    if both.empty:
        return both
    versions = [f"{quantity}_{version}" for quantity in _PADDED for version in ("plain", "padded", "change")]
    return summarise(both, ["architecture", "task"], versions)


@traced
def padded_runs(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return what `kernel_padding` is the summary of, one row a network, task and seed."""
    accuracy = _accuracies(study, role, "kernel_padding")
    pixels = _of(study, "pixel_sensitivity", role, "kernel_padding")
    if accuracy.empty or pixels.empty:
        return pd.DataFrame()
    frame = pixels[pixels["period"] == period].merge(accuracy, on=_RUN)
    keys = ["architecture", "task", "seed"]
    plain, padded = (frame[frame["kernel_padding"] == padding][[*keys, *_PADDED]] for padding in (False, True))
    both = plain.merge(padded, on=keys, suffixes=("_plain", "_padded"))
    for quantity in _PADDED:
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
    return last[[*_RUN, "test_accuracy"]].rename(columns={"test_accuracy": "accuracy"})
