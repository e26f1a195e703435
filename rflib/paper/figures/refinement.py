"""Receptive field refinement: the images that networks are made for, and what refinement does to those trained."""

from __future__ import annotations

import pandas as pd

from rflib.paper import plots, tables
from rflib.paper.plots import AFTER, BEFORE, before_and_after
from rflib.paper.style import Drawing, covered, drawn, legend, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_IMAGES = ("--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_ROW_INCHES = 0.24


@drawn
def feasible_resolutions(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw every network's smallest feasible resolution in pixels, with the sizes of images as lines.

    What the refinement for the largest image that needs one leaves of it is drawn beside it.
    """
    frame = tables.refinements(study, role=role)
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
def refined_accuracy(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw test accuracy in percent against FLOPs of one image, each network as it is and refined, joined by a line."""
    table = tables.trained_refinements(study, role=role)
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
