"""Similarity of two seeds' representations, Figure 4 as heat maps and layer by layer, and within one network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, kernel_style, key, legend, new, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

# The paper's middle layer of rf_resnet50, where its red lines stand.
MIDDLE_LAYER = 25
_RED = "#E41A1C"
_MOMENTS = {"last": "trained", "initial": "untrained"}
_WITHIN: dict[str, dict[str, Any]] = {
    "last": {"color": "#0072B2", "marker": "o"},
    "initial": {"color": "#555555", "marker": "s", "linestyle": "--"},
}
_UNTRAINED: dict[str, Any] = {"linestyle": "--", "linewidth": 1.2, "marker": "none", "alpha": 0.75}


@drawn
def similarity(
    study: Study, *, role: RoleName = "small_images", checkpoint: str = "last", estimator: str = "debiased"
) -> Drawing:
    """Draw linear CKA of every convolution of one seed with every one of another, a heat map a pool kernel."""
    matrices = tables.similarity_matrices(study, role=role, checkpoint=checkpoint, estimator=estimator)
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
    images = tables.similarity_by_layer(study, role=role)["images"].max()
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
def similarity_by_layer(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw debiased linear CKA of matching convolutions of two seeds against the layer, trained and untrained.

    Means over all pairs of seeds.
    """
    every = tables.similarity_by_layer(study, role=role)
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
def similarity_within(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw mean debiased CKA of deep with shallow convolutions of one network against k, trained and untrained."""
    frame = tables.similarity_within(study, role=role, middle=MIDDLE_LAYER)
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
