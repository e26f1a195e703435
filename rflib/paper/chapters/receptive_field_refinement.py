"""Receptive field refinement: what it would change in many networks, and what it does to those that are trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from rflib.paper import plots
from rflib.paper.frames import summarise
from rflib.paper.plots import AFTER, BEFORE, before_and_after
from rflib.paper.style import Drawing, covered, drawn, legend, note
from rflib.paper.verdicts.assessment import all_of, difference, fact
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import Readings, images
from rflib.paper.verdicts.verdict import Finding, Rule
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


_ACCURACY = ("fig-refined-accuracy",)
_NEEDS = "a network trained as it is and refined"
_PER_MILLION = "points a million parameters"


def decide_accuracy(readings: Readings) -> Finding:
    """RF-01: a refined network is more accurate."""
    found = [difference(where, runs.set_index("seed")["gain"], 1) for where, runs in _claim_trained(readings)]
    return Finding(found, remark=_changed(readings))


def decide_predictions(readings: Readings) -> Finding:
    """RF-02: probes gain before the layers that are predicted to be unproductive, and nothing from there on.

    Best against best, as for the border layer of "Should You Go Deeper?".
    """
    found = []
    for role in readings.study.profile.roles:
        frame = predicted_layers(readings.study, role=role)
        for name, runs in frame.groupby("architecture", sort=False) if len(frame) else ():
            where, runs = f"{name}, {images(role)}", runs.set_index("seed")
            rules = (("gain_before", "before the first", 1), ("gain_behind", "from the first on", -1))
            parts = [
                difference(f"{where}, {place}", runs[gain], sign, bound=NOTICEABLE_POINTS, noticeable=0.0)
                for gain, place, sign in rules
            ]
            found.append(all_of(where, parts))
    return Finding(found)


def decide_efficiency(readings: Readings) -> Finding:
    """RF-03: a refined network has more accuracy for its parameters."""
    found = []
    for where, runs in _claim_trained(readings):
        runs = runs.set_index("seed")
        gain = runs["efficiency_refined"] - runs["efficiency_original"]
        # A point of accuracy, in the units of the quotient.
        noticeable = 1e6 * NOTICEABLE_POINTS / float(runs["parameters_original"].iloc[0])
        found.append(difference(where, gain, 1, noticeable=noticeable, measure=_PER_MILLION))
    return Finding(found)


def decide_equal_parameters(readings: Readings) -> Finding:
    """RF-05: below the resolution of the images, accuracy increases and the number of parameters is the same."""
    found: list[Evidence | None] = []
    for where, runs in _claim_trained(readings):
        apart = float((runs["parameters_refined"] - runs["parameters_original"]).abs().max())
        gain = difference(f"{where}, accuracy", runs.set_index("seed")["gain"], 1)
        found.append(all_of(where, [fact(f"{where}, parameters", "parameters apart", apart, agrees=apart == 0), gain]))
    return Finding(found)


def _claim_trained(readings: Readings) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every network that is trained as it is and refined, named, with a row a seed."""
    for role in readings.study.profile.roles:
        frame = refinement_runs(readings.study, role=role)
        for name, runs in frame.groupby("architecture", sort=False) if len(frame) else ():
            yield f"{name}, {images(role)}", runs


def _changed(readings: Readings) -> str:
    """Say of how many networks one change would do, in the search that needs no training."""
    frame = refinements(readings.study)
    if frame.empty:
        return ""
    counts = []
    for size, group in frame[frame["takes_image"].astype(bool)].groupby("image_size"):
        needed = group[group["needs_refinement"].astype(bool)]
        counts.append(f"{int((needed['changes'] == 1).sum())} of {len(needed)} at {size} pixels")
    return f"One change suffices for so many of the networks that need one: {', '.join(counts)}."


CLAIMS = {
    "RF-01": Rule(
        decide_accuracy,
        "Test accuracy after the last epoch, refined minus original within a seed, is positive (more "
        f"than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        _NEEDS,
        _ACCURACY,
    ),
    "RF-02": Rule(
        decide_predictions,
        f"The best probe before the first convolution that is predicted to be unproductive is more than "
        f"{NOTICEABLE_POINTS:g} point above that of the first convolution, and the best from there on is no more than "
        f"that above it. {DIFFERENCE}",
        "probes of a network with layers that are predicted to be unproductive",
    ),
    "RF-03": Rule(
        decide_efficiency,
        "Accuracy divided by parameters, refined minus original within a seed, is positive (by more "
        f"than {NOTICEABLE_POINTS:g} point of accuracy). {DIFFERENCE}",
        _NEEDS,
    ),
    "RF-05": Rule(
        decide_equal_parameters,
        "The number of parameters is the same, exactly; and test accuracy, refined minus original within a seed, is "
        f"positive (more than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        _NEEDS,
        _ACCURACY,
    ),
}
