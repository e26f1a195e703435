"""What refinement would change in many networks, and what it does to those that are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rflib.paper import plots
from rflib.paper.frames import summarise
from rflib.paper.plots import AFTER, BEFORE, before_and_after
from rflib.paper.style import Drawing, covered, drawn, legend, note
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
def needs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return the rows of `refinements` whose network takes such images: `needed`, and which are left `without`."""
    table = refinements(study, role=role)
    table = table[table["takes_image"].astype(bool)]
    needed = table["needs_refinement"].astype(bool)
    without = table["architecture"].where(needed & table["changes"].isna())
    return table.assign(needed=needed, without=without).sort_values(["image_size", "changes"], kind="stable")


@traced
def refined(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return the rows of `refinements` that have one; `same` tells those that leave the parameters as they are."""
    found = refinements(study, role=role).dropna(subset="changes")
    return found.assign(same=found["parameters_refined"] == found["parameters"])


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


_IMAGES = ("--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


_ROW_INCHES = 0.24


@drawn
def draw_feasible_resolutions(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw every network's smallest feasible resolution in pixels, with the sizes of images as lines.

    What the refinement for the largest image that needs one leaves of it is drawn beside it.
    """
    frame = refinements(study, role=role)
    known = frame if frame.empty else frame.dropna(subset=["smallest_pixels"])
    covered(known)
    table = known.drop_duplicates("architecture", keep="last").sort_values("smallest_pixels", kind="stable")
    figure, (axes,), _ = plots.panels(["what every layer can make use of"], height=_ROW_INCHES * len(table) + 0.8)
    places = pd.Series(range(len(table)), index=table["architecture"].tolist())
    for size, style in zip(sorted(frame["image_size"].unique()), _IMAGES * len(frame), strict=False):
        axes.axvline(size, color="#6E6E6E", linewidth=1.4, linestyle=style, label=f"image of {size} px", zorder=1)
    refined = known.dropna(subset=["smallest_pixels_refined"]).drop_duplicates("architecture", keep="last")
    for row in refined.to_dict("records"):
        ends = [row["smallest_pixels"], row["smallest_pixels_refined"]]
        axes.plot(ends, [places[row["architecture"]]] * 2, color="#9A9A9A", linewidth=1.2, zorder=1.5)
    axes.plot(table["smallest_pixels"], places, label="as it is", zorder=2, **BEFORE)
    rows = refined["architecture"].map(places)
    axes.plot(refined["smallest_pixels_refined"], rows, label="refined", zorder=2, **AFTER)
    axes.set_xscale("log")
    axes.grid(axis="x", visible=False)
    ticks = [25, 50, 100, 200, 400]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(list(places), list(places.index))
    axes.tick_params(axis="y", labelsize=9.5)
    axes.set(xlabel="smallest feasible resolution (px)", ylabel="network")
    axes.margins(y=0.5 / len(table))
    legend(figure, columns=3)
    note(
        figure,
        f"{study.profile.roles[role].title}: the networks do not depend on the images.",
        "Refined: by the cheapest changes for the largest of the image sizes that lies at or below the blue dot.",
    )
    return figure


@drawn
def draw_refined_accuracy(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw test accuracy in percent against FLOPs of one image, each network as it is and refined, joined by a line."""
    table = trained_refinements(study, role=role)
    covered(table)
    for version in ("original", "refined"):
        table[f"forward_mflop_{version}"] = table[f"forward_flops_{version}"] / 1e6
    return before_and_after(
        table,
        {"original": "as it is", "refined": "refined"},
        cost="forward_mflop",
        title="each network as it is, and refined",
        label="MFLOP of one image",
        images=study.profile.roles[role].title,
    )
