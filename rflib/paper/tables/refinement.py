"""Receptive field refinement: what it would change in many networks, and what it does to those that are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rflib.paper.frames import summarise
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_PURPOSES = ("original", "refined")
_KEYS = ["architecture", "seed"]


@traced
def resolutions(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network: smallest and largest feasible resolution in pixels, and a cell for every image size.

    A cell says how many convolutions are unproductive, and how many changes refine the network; or that it cannot take
    the image, with the layer that runs out of pixels.
    """
    frame = refinements(study, role=role)
    if frame.empty:
        return frame
    columns = ["architecture", "smallest_pixels", "largest_pixels", "parameters"]
    table = frame.dropna(subset=["smallest_pixels"]).drop_duplicates("architecture", keep="last")[columns]
    cells = frame.assign(cell=[_cell(row) for row in frame.to_dict("records")])
    wide = cells.pivot_table(index="architecture", columns="image_size", values="cell", aggfunc="first", sort=False)
    wide.columns = [f"at {size} px" for size in wide.columns]
    return table.merge(wide.reset_index(), on="architecture")


@traced
def refinements(study: Study, *, image_size: int | None = None, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network and image size: unproductive convolutions, and the cheapest refinement.

    `changes`, `refinement` and what is `_refined` are missing where none is needed or none was found.
    `flops_ratio` is FLOPs of one image after the change over before. With `image_size`, only that one.
    """
    frame = study.frame("resolutions", "resolutions", role=role)
    if frame.empty:
        return frame
    wanted = frame["role"] == role
    if image_size is not None:
        wanted &= frame["image_size"] == image_size
    expected = ["failing_layer", "smallest_pixels", "largest_pixels", "convolutions", "unproductive"]
    expected += ["needs_refinement", "changes", "refinement", "smallest_pixels_refined", "forward_flops"]
    expected += ["forward_flops_refined", "parameters_refined"]
    frame = frame[wanted].reindex(columns=["architecture", "parameters", "image_size", "takes_image", *expected])
    return frame.assign(flops_ratio=frame["forward_flops_refined"] / frame["forward_flops"]).reset_index(drop=True)


@traced
def trained_refinements(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network trained as it is and refined: accuracy in percent, parameters, FLOPs of one image.

    `gain` is refined minus original in points, seed by seed; `efficiency` is accuracy in points a million parameters.
    """
    both = refinement_runs(study, role=role)
    if both.empty:
        return both
    quantities = ["accuracy_original", "accuracy_refined", "gain", "efficiency_original", "efficiency_refined"]
    costs = ["parameters_original", "parameters_refined", "forward_flops_original", "forward_flops_refined"]
    return summarise(both, ["architecture"], quantities).merge(
        both.drop_duplicates("architecture")[["architecture", *costs]], on="architecture"
    )


@traced
def refinement_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network and seed, trained as it is and refined, with the columns of `trained_refinements`."""
    parts = {purpose: _trained(study, role, purpose) for purpose in _PURPOSES}
    if any(part.empty for part in parts.values()):
        return pd.DataFrame()
    both = parts["original"].merge(parts["refined"], on=_KEYS, suffixes=("_original", "_refined"))
    for purpose in _PURPOSES:
        both[f"efficiency_{purpose}"] = 1e6 * both[f"accuracy_{purpose}"] / both[f"parameters_{purpose}"]
    return both.assign(gain=both["accuracy_refined"] - both["accuracy_original"])


@traced
def predicted_layers(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network and seed, trained as it is: what probes gain before and behind the predicted layers.

    The first unproductive convolution divides them. `gain_before` is the best probe before it minus that of the first
    convolution, `gain_behind` the best from it on minus the best before it, in points.
    """
    fields, probes = (_of(study, analysis, role, "original") for analysis in ("layers", "probes"))
    if fields.empty or probes.empty:
        return pd.DataFrame()
    columns = ["architecture", "layer", "name", "unproductive_paper"]
    frame = fields[columns].merge(probes[[*_KEYS, "name", "accuracy"]], on=["architecture", "name"])
    groups = frame.sort_values("layer").groupby(_KEYS, sort=False)
    rows = [{"architecture": name, "seed": seed, **_gains(group)} for (name, seed), group in groups]
    return pd.DataFrame(rows)


def _gains(layers: pd.DataFrame) -> dict[str, object]:
    accuracy, unproductive = layers["accuracy"].to_numpy(), layers["unproductive_paper"].to_numpy()
    if not unproductive.any() or unproductive[0]:
        return {"unproductive": int(unproductive.sum()), "gain_before": float("nan"), "gain_behind": float("nan")}
    border = int(unproductive.argmax())
    best = accuracy[:border].max()
    gains = {"gain_before": best - accuracy[0], "gain_behind": accuracy[border:].max() - best}
    return {"unproductive": int(unproductive.sum()), **gains}


def _cell(row: Mapping[Any, Any]) -> str:
    if not row["takes_image"]:
        return f"too small for {row['failing_layer']}"
    layers = f"{row['unproductive']:.0f} of {row['convolutions']:.0f} unproductive"
    if not row["needs_refinement"]:
        return f"{layers}; feasible"
    if pd.isna(row["changes"]):
        return f"{layers}; no refinement found"
    changes = "change" if row["changes"] == 1 else "changes"
    return f"{layers}; {row['changes']:.0f} {changes}"


def _trained(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    """Return one row a run: accuracy after the last epoch, with what its network costs."""
    history, layers = (_of(study, analysis, role, purpose) for analysis in ("history", "layers"))
    if history.empty or layers.empty:
        return pd.DataFrame()
    last = history[history["epoch"] == history["epochs"]][[*_KEYS, "test_accuracy"]]
    costs = layers.drop_duplicates("architecture")[["architecture", "parameters", "forward_flops"]]
    return last.rename(columns={"test_accuracy": "accuracy"}).merge(costs, on="architecture")


def _of(study: Study, analysis: str, role: RoleName, purpose: str) -> pd.DataFrame:
    return study.frame(analysis, purpose, role=role)
