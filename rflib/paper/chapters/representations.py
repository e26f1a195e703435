"""Representations of two seeds, layer by layer, and of deep beside shallow layers of one network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from rflib.errors import unknown
from rflib.paper import plots
from rflib.paper.frames import NETWORK, summarise
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, kernel_style, key, legend, new, note
from rflib.paper.verdicts.assessment import all_of, difference, trend, within
from rflib.paper.verdicts.evidence import SIMILARITY, TREND, Evidence, signed
from rflib.paper.verdicts.margins import HIGH_SIMILARITY, MIDDLE_LAYER, NOTICEABLE_SIMILARITY
from rflib.paper.verdicts.readings import Readings, by_seed, chosen, combinations
from rflib.paper.verdicts.statistics import pseudo_values
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def similarity_by_layer(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a convolution: similarity of the same layer of two seeds, debiased and biased."""
    return study.frame("similarity", "grid", role=role)


@traced
def similarity_summary(study: Study, *, role: RoleName = "small_images", middle: int = MIDDLE_LAYER) -> pd.DataFrame:
    """Return mean similarity of matching layers up to and after the middle layer (the paper's 25th), over all pairs."""
    frame = similarity_by_layer(study, role=role)
    half = (frame["layer"] > middle).map({False: "up to the middle", True: "after the middle"})
    frame = frame.assign(half=half, pair=frame.groupby(["seed", "second_seed"]).ngroup())
    halves = frame.groupby(["architecture", "pool_kernel", "checkpoint", "half"], sort=False)
    means = {name: (name, "mean") for name in ("debiased", "biased")}
    return halves.agg(**means, pairs=("pair", "nunique")).reset_index()


@traced
def bias(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return the rows of `similarity_summary` with `bias`: by how much the biased estimate exceeds the debiased one."""
    return similarity_summary(study, role=role).assign(bias=lambda rows: rows["biased"] - rows["debiased"])


def similarity_matrices(
    study: Study, *, role: RoleName = "small_images", checkpoint: str = "last", estimator: str = "debiased"
) -> dict[int, pd.DataFrame]:
    """Return, by pool kernel, the similarity of every layer of one seed with every layer of the next: the first pair.

    `estimator` is `debiased` or `biased`; another name raises `UsageError`.
    """
    if estimator not in ("debiased", "biased"):
        raise unknown("estimator", estimator, ("debiased", "biased"))
    found: dict[int, pd.DataFrame] = {}
    for item, measurement in study.select("similarity", "grid", role=role):
        kernel, layers = item.key.runs[0].config.model.pool_kernel, measurement.values["layers"]
        if item.key.settings.checkpoint == checkpoint:  # type: ignore[attr-defined]
            found.setdefault(kernel, pd.DataFrame(measurement.arrays[estimator], index=layers, columns=layers))
    return found


_PAIR = ("role", "architecture", "pool_kernel", "seed", "second_seed", "checkpoint", "images")
_PARTS = ("shallow", "deep", "across")


def _pairs(study: Study, purpose: str, *, role: RoleName | None = None, middle: int = MIDDLE_LAYER) -> pd.DataFrame:
    """Return one row a pair of runs and checkpoint: mean debiased similarity of `shallow` and `deep` matching layers.

    `across` is that of every deep with every shallow layer. The purpose "grid" has pairs of two seeds, "within" every
    run with itself. NaN where a network has no such layers.
    """
    rows = []
    for item, measurement in study.select("similarity", purpose, role=role):
        (first, second), values = item.key.runs, measurement.arrays["debiased"]
        model, checkpoint = first.config.model, item.key.settings.checkpoint  # type: ignore[attr-defined]
        pair = (model.architecture, model.pool_kernel, first.seed, second.seed, checkpoint)
        matching = np.diag(values)
        parts = (matching[:middle], matching[middle:], values[middle:, :middle])
        rows.append((item.role, *pair, measurement.values["images"], *map(_mean, parts)))
    return pd.DataFrame(rows, columns=[*_PAIR, *_PARTS])


def _mean(values: np.ndarray) -> float:
    """Return the mean of what is defined, NaN if nothing is."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if defined.size else float("nan")


@traced
def similarity_within(study: Study, *, role: RoleName = "small_images", middle: int = MIDDLE_LAYER) -> pd.DataFrame:
    """Return one row a run and checkpoint: `across`, the similarity of its layers after the middle with those up to it.

    Mean and debiased. A network of no more than `middle` convolutions has no such layers, and no row.
    """
    return _pairs(study, "within", role=role, middle=middle).dropna(subset="across")


@traced
def within_by_network(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network and checkpoint: the summary of `similarity_within` over seeds."""
    return summarise(similarity_within(study, role=role), [*NETWORK, "checkpoint"], ["across"])


_RED = "#E41A1C"
_MOMENTS = {"last": "trained", "initial": "untrained"}
_WITHIN: dict[str, dict[str, Any]] = {
    "last": {"color": "#0072B2", "marker": "o"},
    "initial": {"color": "#555555", "marker": "s", "linestyle": "--"},
}
_UNTRAINED: dict[str, Any] = {"linestyle": "--", "linewidth": 1.2, "marker": "none", "alpha": 0.75}


@drawn
def draw_similarity(
    study: Study, *, role: RoleName = "small_images", checkpoint: str = "last", estimator: str = "debiased"
) -> Drawing:
    """Draw linear CKA of every convolution of one seed with every one of another, a heat map a pool kernel."""
    matrices = similarity_matrices(study, role=role, checkpoint=checkpoint, estimator=estimator)
    if not matrices:
        raise NothingToDraw
    settings = study.profile.roles[role]
    columns = min(2, len(matrices))
    rows = math.ceil(len(matrices) / columns)
    figure = new(3.0 * rows + 0.5)
    lowest = min(np.nanmin(matrix.to_numpy()) for matrix in matrices.values())
    panels = [figure.add_subplot(rows, columns, index) for index in range(1, len(matrices) + 1)]
    for axes, (kernel, matrix) in zip(panels, sorted(matrices.items()), strict=True):
        image = _heat_map(axes, matrix.to_numpy())
        axes.set_title(plots.kernel_label("rf_resnet50", kernel))
        axes.set_xlabel(f"layer of seed {settings.seeds[1]}")
    plots.label_left(panels, f"layer of seed {settings.seeds[0]}")
    bar = figure.colorbar(image, ax=panels, extend="min" if lowest < 0 else "neither", shrink=0.8, aspect=30)
    bar.set_label(f"linear CKA, {estimator}")
    images = similarity_by_layer(study, role=role)["images"].max()
    pair = f"n = 1 pair of {_MOMENTS.get(checkpoint, checkpoint)} networks, {images} test images."
    red = f"Red: layer {MIDDLE_LAYER}." if max(map(len, matrices.values())) > MIDDLE_LAYER else ""
    note(figure, f"rf_resnet50, {settings.title}.", pair, red)
    return figure


def _heat_map(axes: Axes, values: np.ndarray) -> AxesImage:
    """Draw a matrix of layers counted from 1, similarity 0 to 1, with the middle layer in red."""
    height, width = values.shape
    extent = (0.5, width + 0.5, 0.5, height + 0.5)
    image = axes.imshow(values, vmin=0, vmax=1, cmap="viridis", origin="lower", extent=extent, interpolation="nearest")
    axes.grid(visible=False)
    if min(height, width) > MIDDLE_LAYER:
        axes.axvline(MIDDLE_LAYER, color=_RED, linewidth=1.3)
        axes.axhline(MIDDLE_LAYER, color=_RED, linewidth=1.3)
    return image


@drawn
def draw_similarity_by_layer(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw debiased linear CKA of matching convolutions of two seeds against the layer, trained and untrained.

    Means over all pairs of seeds.
    """
    every = covered(similarity_by_layer(study, role=role))
    frame = every.groupby(["checkpoint", "pool_kernel", "layer"])["debiased"].mean().reset_index()
    pairs = similarity_summary(study, role=role)["pairs"]
    figure, (axes,), _ = plots.panels(["rf_resnet50"], height=3.6, extra=1.2)
    for kernel, group in plots.by_kernel(frame):
        style = kernel_style(kernel)
        trained, untrained = (group[group["checkpoint"] == moment] for moment in _MOMENTS)
        axes.plot(trained["layer"], trained["debiased"], label=f"k = {kernel}", markevery=4, **style)
        axes.plot(untrained["layer"], untrained["debiased"], label="_", **style | _UNTRAINED)
    if frame["layer"].max() > MIDDLE_LAYER:
        axes.axvline(MIDDLE_LAYER, color=_RED, linewidth=1.0, label=f"layer {MIDDLE_LAYER}")
    axes.set(xlabel="convolution, from the input", ylabel="linear CKA, debiased", ylim=(None, 1.03))
    legend(figure, columns=4, keys=[key("untrained", **_UNTRAINED)])
    counted = " to ".join(str(count) for count in sorted({int(pairs.min()), int(pairs.max())}))
    title = study.profile.roles[role].title
    note(figure, f"{title}.", f"Pairs of seeds: n = {counted}; {every['images'].max()} test images.")
    return figure


@drawn
def draw_similarity_within(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw mean debiased CKA of deep with shallow convolutions of one network against k, trained and untrained."""
    images = covered(similarity_within(study, role=role))["images"].max()
    table = within_by_network(study, role=role).sort_values("pool_kernel", kind="stable")
    figure, (axes,), _ = plots.panels(["rf_resnet50"], height=3.2, extra=1.2)
    for checkpoint, rows in table.groupby("checkpoint", sort=False):
        style = _WITHIN[str(checkpoint)]
        plots.curve(axes, rows["pool_kernel"], rows, "across", label=_MOMENTS[str(checkpoint)], **style)
    axes.set(xlabel="pool kernel k", ylabel="linear CKA, debiased", xticks=sorted(table["pool_kernel"].unique()))
    legend(figure, columns=2)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"]), f"{images} test images.")
    return figure


def decide_deep_layers(readings: Readings) -> Finding:
    """RR-15: matching deep layers of two seeds are less similar at larger fields."""
    frame = _pairs(readings.study, "grid")
    found = []
    for where, group in combinations(chosen(frame, checkpoint="last")):
        changes = _sample(_changes(group, "deep"))
        found.append(difference(where, changes, -1, noticeable=NOTICEABLE_SIMILARITY, measure=SIMILARITY))
    return Finding(found, control=_untrained(frame, "deep"))


def decide_shallow_layers(readings: Readings) -> Finding:
    """RR-16: matching shallow layers of two seeds are similar at every field and change little."""
    frame = _pairs(readings.study, "grid")
    found = []
    for where, group in combinations(chosen(frame, checkpoint="last")):
        lowest, here = _sample(_by_pair(group, "shallow").min(axis=1)), f"{where}, lowest over k"
        high = difference(here, lowest, 1, bound=HIGH_SIMILARITY, noticeable=0.0, measure=SIMILARITY)
        changes = _sample(_changes(group, "shallow"))
        change = within(f"{where}, change", changes, NOTICEABLE_SIMILARITY, measure=SIMILARITY)
        found.append(all_of(where, [high, change]))
    return Finding(found, control=_untrained(frame, "shallow"))


def decide_deep_against_shallow(readings: Readings) -> Finding:
    """RR-17: deep layers are less similar to the shallow ones of their own network at larger fields."""
    frame = _pairs(readings.study, "within")
    grids = combinations(chosen(frame, checkpoint="last"))
    found = [trend(where, by_seed(group, "across"), -1, noticeable=NOTICEABLE_SIMILARITY) for where, group in grids]
    return Finding(found, control=_untrained(frame, "across"))


def _by_pair(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return one row a pair of seeds and one column a pool kernel, ascending; pairs that lack a kernel are left out."""
    wide = frame.pivot_table(index=["seed", "second_seed"], columns="pool_kernel", values=value, aggfunc="mean")
    return wide.dropna()


def _changes(frame: pd.DataFrame, value: str) -> pd.Series:
    """Return, by pair, the change from the smallest kernel to the largest; nothing with a single kernel."""
    wide = _by_pair(frame, value)
    return wide.iloc[:, -1] - wide.iloc[:, 0] if wide.shape[1] > 1 else pd.Series(dtype=float)


def _sample(pairs: pd.Series) -> pd.Series:
    """Return one value a seed for all pairs of three or more seeds, else the mean over the pairs as a single value."""
    values = pseudo_values(pairs.to_dict())  # type: ignore[arg-type]
    return pd.Series([pairs.mean()] if values is None else values, dtype=float)


def _untrained(frame: pd.DataFrame, value: str) -> str:
    """Say how the same similarity moves in networks before training, and what training adds to that."""
    trained, untrained = (dict(combinations(chosen(frame, checkpoint=name))) for name in ("last", "initial"))
    said = []
    for where in (where for where in trained if where in untrained):
        before = _changes(untrained[where], value)
        both = (_changes(trained[where], value) - before).dropna()
        if len(both):
            said.append(
                f"In untrained networks it changes by {_described(before)}, and training adds {_described(both)} to "
                f"that ({where}, from the smallest kernel to the largest)."
            )
    return " ".join(said)


def _described(pairs: pd.Series) -> str:
    evidence = difference("", _sample(pairs), 1, measure=SIMILARITY)
    assert isinstance(evidence, Evidence)  # there is at least one pair
    if evidence.interval is None:
        return signed(evidence.effect)
    low, high = (signed(end) for end in evidence.interval)
    return f"{signed(evidence.effect)} [{low}, {high}]"


_FALLS = (
    f"The change from the smallest kernel to the largest is negative (by more than {NOTICEABLE_SIMILARITY:g}). All "
    "pairs of seeds count: Student's t of the pseudo-values that leaving out one seed at a time gives, one-sided, "
    "Holm-corrected; a single pair is not tested."
)
CLAIMS = {
    "RR-15": Rule(
        decide_deep_layers,
        f"Mean debiased CKA of matching layers after the {MIDDLE_LAYER}th convolution, of trained networks. {_FALLS}",
        "similarities of two trained seeds at two or more pool kernels",
        ("figure-4", "fig-similarity-untrained"),
    ),
    "RR-16": Rule(
        decide_shallow_layers,
        f"Mean debiased CKA of matching layers up to the {MIDDLE_LAYER}th convolution. Both must hold: it stays above "
        f"{HIGH_SIMILARITY:.2f} (the cosine of 45 degrees) at every kernel, and from the smallest to the largest it "
        f"changes by no more than {NOTICEABLE_SIMILARITY:g} (equivalence, two one-sided t tests). All pairs of seeds "
        "count, as pseudo-values by seed; a single pair is not tested.",
        "similarities of two trained seeds at two or more pool kernels",
        ("figure-4", "fig-similarity-untrained"),
    ),
    "RR-17": Rule(
        decide_deep_against_shallow,
        "Mean debiased CKA of each deep with each shallow layer of the same trained network: it falls with k (by more "
        f"than {NOTICEABLE_SIMILARITY:g}). {TREND}",
        "similarities within one trained network at two or more pool kernels",
        ("fig-similarity-within",),
    ),
}
