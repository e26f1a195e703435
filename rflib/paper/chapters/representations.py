"""Representations of two seeds, layer by layer, and of deep beside shallow layers of one network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from rflib.errors import unknown
from rflib.paper import plots
from rflib.paper.say import NOTHING, Sentences, counted_seeds, span
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
def similarity_summary(study: Study, *, role: RoleName = "small_images", middle: int = 25) -> pd.DataFrame:
    """Return mean similarity of matching layers up to and after the middle layer (the paper's 25th), over all pairs."""
    frame = similarity_by_layer(study, role=role)
    if frame.empty:
        return frame
    frame = frame.assign(half=(frame["layer"] > middle).map({False: "up to the middle", True: "after the middle"}))
    groups = frame.groupby(["architecture", "pool_kernel", "checkpoint", "half"], sort=False)
    pairs = groups[["seed", "second_seed"]].apply(lambda pair: len(pair.drop_duplicates())).rename("pairs")
    return groups[["debiased", "biased"]].mean().join(pairs).reset_index()


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
        if item.role == role and item.key.settings.checkpoint == checkpoint:  # type: ignore[attr-defined]
            found.setdefault(kernel, pd.DataFrame(measurement.arrays[estimator], index=layers, columns=layers))
    return found


@traced
def similarity_within(study: Study, *, role: RoleName = "small_images", middle: int = 25) -> pd.DataFrame:
    """Return one row a network: mean debiased similarity of its layers after the middle with those up to it.

    A network of no more than `middle` convolutions has no such layers, and no row.
    """
    rows = [
        {
            "architecture": item.key.runs[0].config.model.architecture,
            "pool_kernel": item.key.runs[0].config.model.pool_kernel,
            "seed": item.key.runs[0].seed,
            "checkpoint": item.key.settings.checkpoint,  # type: ignore[attr-defined]
            "images": measurement.values["images"],
            "debiased": float(np.nanmean(values)),
        }
        for item, measurement in study.select("similarity", "within", role=role)
        if item.role == role and np.isfinite(values := measurement.arrays["debiased"][middle:, :middle]).any()
    ]
    return pd.DataFrame(rows)


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
    every = similarity_by_layer(study, role=role)
    covered(every)
    frame = every.groupby(["checkpoint", "pool_kernel", "layer"])["debiased"].mean().reset_index()
    pairs = every.groupby(["checkpoint", "pool_kernel"])[["seed", "second_seed"]].apply(
        lambda pair: len(pair.drop_duplicates())
    )
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
    frame = similarity_within(study, role=role, middle=MIDDLE_LAYER)
    covered(frame)
    figure, (axes,), _ = plots.panels(["rf_resnet50"], height=3.2, extra=1.2)
    counts = []
    for checkpoint, group in frame.groupby("checkpoint", sort=False):
        by_kernel = group.groupby("pool_kernel")["debiased"]
        summary = by_kernel.agg(debiased_mean="mean", debiased_sd="std").reset_index()
        counts.append(by_kernel.count())
        style = _WITHIN[str(checkpoint)]
        plots.curve(axes, summary["pool_kernel"], summary, "debiased", label=_MOMENTS[str(checkpoint)], **style)
    axes.set(xlabel="pool kernel k", ylabel="linear CKA, debiased", xticks=sorted(frame["pool_kernel"].unique()))
    legend(figure, columns=2)
    images = f"{frame['images'].max()} test images."
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(pd.concat(counts)), images)
    return figure


_ONE_SEED = "One seed, so no spread."


def say_deep_layers(summary: pd.DataFrame) -> Sentences:
    """Give the similarity after the middle layer at every k, trained and untrained."""
    return _half(summary, "after the middle")


def say_shallow_layers(summary: pd.DataFrame) -> Sentences:
    """Give the similarity up to the middle layer at every k, trained and untrained."""
    return _half(summary, "up to the middle")


def say_bias(summary: pd.DataFrame) -> Sentences:
    """Say how far apart the two estimators are, and how the biased one moves where nothing was learned."""
    untrained = _part(summary, "after the middle", "initial")
    if untrained.empty:
        return NOTHING
    apart = summary["biased"] - summary["debiased"]
    above, below = (side.clip(lower=0).max() for side in (apart, -apart))
    return Sentences(
        (
            f"Untrained, after the middle: the biased estimate {_path(untrained, 'biased')}, the debiased one "
            f"{_path(untrained, 'debiased')}.",
            f"Over all halves and networks the biased estimate stands at most {above:.2f} above and {below:.2f} below "
            f"the debiased one.",
        )
    )


def say_within(similarities: pd.DataFrame) -> Sentences:
    """Say how alike the deep and the shallow layers of one network are as k grows, trained and untrained."""
    if similarities.empty:
        return NOTHING
    means = similarities.groupby(["checkpoint", "pool_kernel"])["debiased"].mean().reset_index()
    trained, untrained = (means[means["checkpoint"] == checkpoint] for checkpoint in ("last", "initial"))
    if trained.empty or untrained.empty:
        return NOTHING
    text = "Mean similarity of the layers after the middle with those up to it, within one network: trained it "
    said = f"{text}{_path(trained, 'debiased')}; untrained it {_path(untrained, 'debiased')}."
    return Sentences((said, _seeds(similarities)))


def _seeds(similarities: pd.DataFrame) -> str:
    seeds = similarities.groupby(["checkpoint", "pool_kernel"])["seed"].nunique()
    return _ONE_SEED if seeds.max() == 1 else f"Means over {counted_seeds(seeds)} at each field."


def _pairs(summary: pd.DataFrame) -> str:
    """Say over how many pairs of seeds the means of trained networks are."""
    pairs = summary.loc[summary["checkpoint"] == "last", "pairs"].astype(int)
    return "One pair of seeds, so no spread." if pairs.max() == 1 else f"Means over {span(pairs, 'd')} pairs of seeds."


def _half(summary: pd.DataFrame, half: str) -> Sentences:
    trained, untrained = _part(summary, half, "last"), _part(summary, half, "initial")
    if trained.empty or untrained.empty:
        return NOTHING
    text = f"Mean similarity of matching layers {half}: trained it {_path(trained, 'debiased')}; untrained it "
    return Sentences((f"{text}{_path(untrained, 'debiased')}.", _pairs(summary)))


def _part(summary: pd.DataFrame, half: str, checkpoint: str) -> pd.DataFrame:
    if summary.empty:
        return summary
    chosen = summary[(summary["half"] == half) & (summary["checkpoint"] == checkpoint)]
    return chosen.sort_values("pool_kernel")


def _path(part: pd.DataFrame, column: str) -> str:
    return "is " + ", ".join(f"{row[column]:.2f} at k = {row['pool_kernel']}" for row in part.to_dict("records"))


Pair = tuple[int, int]


def decide_deep_layers(readings: Readings) -> Finding:
    """RR-15: matching deep layers of two seeds are less similar at larger fields."""
    frame = _similarities(readings, own=False)
    found = []
    for where, group in combinations(chosen(frame, checkpoint="last")):
        changes = _changes(group, "deep")
        found.append(difference(where, _sample(changes), -1, noticeable=NOTICEABLE_SIMILARITY, measure=SIMILARITY))
    return Finding(found, control=_untrained(frame, "deep"))


def decide_shallow_layers(readings: Readings) -> Finding:
    """RR-16: matching shallow layers of two seeds are similar at every field and change little."""
    frame = _similarities(readings, own=False)
    found = []
    for where, group in combinations(chosen(frame, checkpoint="last")):
        changes, lowest = _changes(group, "shallow"), _claim_pairs(_by_pair(group, "shallow").min(axis=1))
        if not changes:
            continue
        here = f"{where}, lowest over k"
        high = difference(here, _sample(lowest), 1, bound=HIGH_SIMILARITY, noticeable=0.0, measure=SIMILARITY)
        change = within(f"{where}, change", _sample(changes), NOTICEABLE_SIMILARITY, measure=SIMILARITY)
        found.append(all_of(where, [high, change]))
    return Finding(found, control=_untrained(frame, "shallow"))


def decide_deep_against_shallow(readings: Readings) -> Finding:
    """RR-17: deep layers are less similar to the shallow ones of their own network at larger fields."""
    frame = _similarities(readings, own=True)
    grids = combinations(chosen(frame, checkpoint="last"))
    found = [trend(where, by_seed(group, "across"), -1, noticeable=NOTICEABLE_SIMILARITY) for where, group in grids]
    return Finding(found, control=_untrained(frame, "across"))


def _similarities(readings: Readings, *, own: bool) -> pd.DataFrame:
    """Return one row a pair of runs and checkpoint: mean debiased similarity of `deep` and `shallow` matching layers.

    `across` is that of every deep with every shallow layer. `own`: the two runs of a pair are one and the same.
    """
    rows = []
    for item, measurement in readings.study.select("similarity"):
        first, second = item.key.runs
        if (first.id == second.id) != own:
            continue
        model, values = first.config.model, measurement.arrays["debiased"]
        rows.append(
            {
                "role": item.role,
                "architecture": model.architecture,
                "pool_kernel": model.pool_kernel,
                "seed": first.seed,
                "second_seed": second.seed,
                "checkpoint": item.key.settings.checkpoint,  # type: ignore[attr-defined]
                "shallow": _mean(np.diag(values)[:MIDDLE_LAYER]),
                "deep": _mean(np.diag(values)[MIDDLE_LAYER:]),
                "across": _mean(values[MIDDLE_LAYER:, :MIDDLE_LAYER]),
            }
        )
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> float:
    """Return the mean of what is defined, NaN if nothing is."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _by_pair(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return one row a pair of seeds and one column a pool kernel, ascending; pairs that lack a kernel are left out."""
    wide = frame.pivot_table(index=["seed", "second_seed"], columns="pool_kernel", values=value, aggfunc="mean")
    return wide.dropna()


def _changes(frame: pd.DataFrame, value: str) -> dict[Pair, float]:
    """Return, by pair, the change from the smallest kernel to the largest; nothing with a single kernel."""
    wide = _by_pair(frame, value)
    return _claim_pairs(wide.iloc[:, -1] - wide.iloc[:, 0]) if wide.shape[1] > 1 else {}


def _claim_pairs(values: pd.Series) -> dict[Pair, float]:
    firsts, seconds = (values.index.get_level_values(level).tolist() for level in (0, 1))
    return dict(zip(zip(firsts, seconds, strict=True), values.tolist(), strict=True))


def _sample(pairs: Mapping[Pair, float]) -> pd.Series:
    """Return one value a seed for all pairs of three or more seeds, else the mean over the pairs as a single value."""
    values = pseudo_values(pairs) if pairs else np.array([])
    return pd.Series([np.mean(list(pairs.values()))] if values is None else values, dtype=float)


def _untrained(frame: pd.DataFrame, value: str) -> str:
    """Say how the same similarity moves in networks before training, and what training adds to that."""
    if frame.empty:
        return ""
    trained, untrained = (dict(combinations(chosen(frame, checkpoint=name))) for name in ("last", "initial"))
    said = []
    for where in (where for where in trained if where in untrained):
        before, after = _changes(untrained[where], value), _changes(trained[where], value)
        both = {pair: after[pair] - before[pair] for pair in after.keys() & before.keys()}
        if both:
            said.append(
                f"In untrained networks it changes by {_described(before)}, and training adds {_described(both)} to "
                f"that ({where}, from the smallest kernel to the largest)."
            )
    return " ".join(said)


def _described(pairs: Mapping[Pair, float]) -> str:
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
