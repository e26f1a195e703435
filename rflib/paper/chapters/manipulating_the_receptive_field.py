"""The networks themselves: fields beside the labels, maps, dead taps, and what the paper's may have been."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import ScalarFormatter

from rflib.paper import plots, reported
from rflib.paper.frames import pruned_copies, summarise
from rflib.paper.style import Drawing, covered, drawn, kernel_style, legend, note
from rflib.paper.verdicts.assessment import fact
from rflib.paper.verdicts.margins import SIMILAR_PARAMETERS
from rflib.paper.verdicts.readings import EVERY, Readings, chosen, combinations, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def receptive_fields(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network: field of the last convolution in pixels, the paper's label, map side, parameters.

    `dead_share` is the share of prunable weights, `input_share` that of the image's pixels, both in percent.
    """
    rows = []
    for item, measurement in study.select("architecture", "grid", "large", role=role):
        model = item.key.settings.model  # type: ignore[attr-defined]
        if item.role == role:
            values = measurement.values
            rows.append(
                {
                    "architecture": model.architecture,
                    "pool_kernel": model.pool_kernel,
                    "label": reported.label(model.architecture, model.pool_kernel),
                    "receptive_field": values["receptive_field"],
                    "last_map_size": values["last_map_size"],
                    "parameters": values["parameters"],
                    "dead_share": 100 * values["dead_share"],
                    "input_share": 100 * values["input_share"],
                }
            )
    names = ("architecture", "pool_kernel", "label", "receptive_field", "last_map_size", "parameters")
    return pd.DataFrame(rows, columns=[*names, "dead_share", "input_share"])


@traced
def labels(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return the rows of `receptive_fields` that have a label; `above` tells those that are one pixel below it."""
    known = receptive_fields(study, role=role).dropna(subset=["label"])
    return known.assign(above=known["label"].astype(float) - known["receptive_field"] == 1)


@traced
def field_growth(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network and convolution: its index, name, smallest and largest field, stride and map side."""
    frame = study.frame("architecture", "grid", "large", role=role).drop(columns=["purpose"])
    frame["layer"] = frame.groupby(["architecture", "pool_kernel"]).cumcount() + 1
    return frame


_RATE = 0.9
READINGS = {
    "grid": "window k, stride k",
    "overlapping": "window k + 1, stride k, padding 1",
    "other_reading": "VGG16, window k, stride k",
}


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
    frame = frame[frame["scope"].eq("global") & ((frame["rate"] - rate).abs() < 1e-9)]
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


@drawn
def draw_field_growth(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw the largest field in pixels against the convolution's index, a panel a network, a line a pool kernel."""
    frame = field_growth(study, role=role)
    covered(frame)
    # Widths and variants of one network repeat its convolutions; the grid comes first.
    frame = frame.drop_duplicates(["architecture", "pool_kernel", "name"])
    groups = plots.by_architecture(frame)
    names = list(groups)
    figure, main, _ = plots.panels(names, height=3.4, extra=1.3)
    side = study.profile.roles[role].side_pixels
    for axes, name in zip(main, names, strict=True):
        for kernel, group in plots.by_kernel(groups[name]):
            style = kernel_style(kernel) | {"markevery": max(1, len(group) // 6), "markersize": 5}
            axes.plot(group["layer"], group["r_max"], label=f"k = {kernel}", **style)
        label = f"image: {side} px" if name == names[-1] else "_"
        axes.axhline(side, color="#333333", linestyle=(0, (4, 2)), linewidth=1.2, label=label)
        axes.set_xlabel("convolution, from the input")
    main[0].set_yscale("log")
    main[0].yaxis.set_major_formatter(ScalarFormatter())
    plots.label_left(main, "largest field (px)")
    legend(figure, columns=4)
    note(figure, f"{study.profile.roles[role].title}.", "Computed from the networks; no training, no spread.")
    return figure


@drawn
def draw_dead_taps(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw the share of dead taps in percent and the side of the last map in pixels, a bar a pool kernel."""
    table = receptive_fields(study, role=role)
    covered(table)
    table = table.drop_duplicates(["architecture", "pool_kernel"]).sort_values("pool_kernel", kind="stable")
    groups = plots.by_architecture(table)
    figure, main, strips = plots.panels(list(groups), height=2.2, strip=1.25, extra=0.8)
    for axes, strip, group in zip(main, strips, groups.values(), strict=True):
        colours = [kernel_style(kernel)["color"] for kernel in group["pool_kernel"]]
        positions = list(range(1, len(group) + 1))
        plots.dead_bars(axes, positions, group["dead_share"], top=115, colours=colours)
        bars = strip.bar(positions, group["last_map_size"], width=0.5, color=colours)
        strip.bar_label(bars, fontsize=9.5, padding=1)
        strip.margins(y=0.35)
        strip.grid(axis="x", visible=False)
        strip.set_xticks(positions, [str(kernel) for kernel in group["pool_kernel"]])
        strip.set_xlabel("pool kernel k")
    plots.label_left(main, "dead taps (%)")
    plots.label_left(strips, "last map (px)")
    title = study.profile.roles[role].title
    note(figure, f"{title}.", "Computed from the networks; dead taps as a share of the prunable weights.")
    return figure


# A pool that crops leaves less than this share of the pixels; float division makes 100 inexact.


def decide_equal_parameters(readings: Readings) -> Finding:
    """RR-06: the pool changes neither the number of parameters nor the convolutions."""
    found = []
    for where, group in combinations(_grid(readings)):
        if group["pool_kernel"].nunique() > 1:
            apart = float(group["parameters"].max() - group["parameters"].min())
            same = apart == 0 and group["layers"].nunique() == 1
            found.append(fact(where, "parameters apart", apart, agrees=same))
    remark = "Compared are the total and the names of the convolutions; no count by layer is recorded."
    return Finding(found, remark=remark)


def decide_similar_parameters(readings: Readings) -> Finding:
    """RR-07: the two networks have a similar number of parameters, at the width of the profile."""
    found, widths = [], set()
    for (role,), group in groups(_grid(readings), "role"):
        counts = chosen(group, architecture=("rf_vgg19", "rf_resnet50")).groupby("architecture")["parameters"].max()
        if len(counts) == 2:
            ratio = float(counts.max() / counts.min())
            where = f"rf_vgg19 and rf_resnet50, {images(role)}"
            found.append(fact(where, "times the parameters", ratio, agrees=ratio <= SIMILAR_PARAMETERS))
            widths |= {f"{width:g}" for width in group["width"]}
    remark = f"Counted at the width of the profile, {' and '.join(sorted(widths))} times the standard one's channels."
    return Finding(found, remark=remark)


def decide_fields_beyond_the_image(readings: Readings) -> Finding:
    """RR-08: the field of the last convolution exceeds the image at every setting."""
    found = []
    for where, group in combinations(chosen(readings.networks, purpose=("grid", "large"))):
        beyond = float((group["receptive_field"] - group["image_size"]).min())
        found.append(fact(where, "px beyond the image at the smallest field", beyond, agrees=beyond > 0))
    return Finding(found)


def _grid(readings: Readings) -> pd.DataFrame:
    return chosen(readings.networks, purpose="grid")


CLAIMS = {
    "RR-06": Rule(
        decide_equal_parameters,
        "Exact: the number of parameters and the list of convolutions are the same at every kernel.",
        "networks at two or more pool kernels",
        scope=EVERY,
    ),
    "RR-07": Rule(
        decide_similar_parameters,
        f"Exact: the larger network has at most {SIMILAR_PARAMETERS:g} times the parameters of the smaller.",
        "both rf_vgg19 and rf_resnet50",
    ),
    "RR-08": Rule(
        decide_fields_beyond_the_image,
        "Exact: the field of the last convolution minus the side of the image is positive at every kernel.",
        "networks of the grid",
        ("fig-field-growth",),
        scope=EVERY,
    ),
}
