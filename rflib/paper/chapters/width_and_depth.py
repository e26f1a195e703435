"""Width and depth: what wider and shallower networks make of a large field."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from rflib.paper import plots, reported
from rflib.paper.frames import fields, one_shot, summarise
from rflib.paper.style import (
    NOTE_SIZE_POINTS,
    Drawing,
    covered,
    drawn,
    kernel_style,
    legend,
    note,
    quantity_style,
)
from rflib.paper.verdicts.assessment import all_of, difference, within
from rflib.paper.verdicts.evidence import DIFFERENCE, EQUIVALENCE, Evidence
from rflib.paper.verdicts.margins import EQUAL_FIELDS, NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import (
    Readings,
    by_seed,
    chosen,
    combinations,
    groups,
    images,
)
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def width_and_depth(study: Study, *, role: RoleName = "large_images") -> pd.DataFrame:
    """Return one row a field and width multiple: dense accuracy in percent, measured and reported.

    `width_multiple` counts from the profile's own width. The reported cell for 318 at three times the width is
    missing because the paper prints "Pending".
    """
    per_seed = one_shot(study, role, "width")
    per_seed = per_seed[per_seed["rate"] == per_seed["rate"].max()]
    keys = ["architecture", "pool_kernel", "width"]
    measured = summarise(per_seed, keys, ["dense", "pruned"])
    measured["width_multiple"] = (measured["width"] / study.profile.width).round().astype(int)
    table = fields(study, role, "width")[[*keys, "receptive_field", "dead_share"]].merge(measured, on=keys)
    printed = reported.table("Table 8")[
        ["pool_kernel", "width_multiplier", "dense_mean", "dense_std", "dense_mean_printed"]
    ]
    names = {
        "width_multiplier": "width_multiple",
        "dense_mean": "dense_reported_mean",
        "dense_std": "dense_reported_sd",
    }
    table = table.merge(printed.rename(columns=names), on=["pool_kernel", "width_multiple"], how="left")
    table["pending"] = (table["pool_kernel"] == 3) & (table["width_multiple"] == 3)
    table.insert(
        2,
        "label",
        [reported.label(*pair) for pair in zip(table["architecture"], table["pool_kernel"], strict=True)],
    )
    return table.drop(columns="dense_mean_printed")


@traced
def depth(study: Study, *, role: RoleName = "large_images") -> pd.DataFrame:
    """Return dense and pruned accuracy in percent of the shallow and the deep network, ordered by field in pixels."""
    parts = []
    for purpose in ("width", "shallow"):
        per_seed = one_shot(study, role, purpose)
        own_width = per_seed["width"] == study.profile.width
        per_seed = per_seed[(per_seed["rate"] == per_seed["rate"].max()) & own_width]
        measured = summarise(per_seed, ["architecture", "pool_kernel"], ["dense", "pruned"])
        network = fields(study, role, purpose)
        network = network[network["width"] == study.profile.width]
        parts.append(
            network[["architecture", "pool_kernel", "receptive_field", "dead_share"]].merge(
                measured, on=["architecture", "pool_kernel"]
            )
        )
    return pd.concat(parts).sort_values("receptive_field", ignore_index=True)


@traced
def depth_compared(study: Study, *, role: RoleName = "large_images") -> pd.DataFrame:
    """Return one row a network of the deep kind and `comparison`: the shallow one at equal k, and at the nearest field.

    `gap` is the accuracy of the shallow network minus that of the deep one, in points.
    """
    table = depth(study, role=role)
    columns = ["comparison", *(f"{kind}{of}" for kind in ("shallow", "deep") for of in ("", "_field", "_dense")), "gap"]
    sizes = table.groupby("architecture")["receptive_field"].min()
    if len(sizes) < 2:
        return pd.DataFrame(columns=columns)
    deep, shallow = (table[table["architecture"] == name] for name in (sizes.idxmax(), sizes.idxmin()))
    rows = []
    for row in deep.sort_values("receptive_field").to_dict("records"):
        equal = shallow[shallow["pool_kernel"] == row["pool_kernel"]]
        nearest = shallow.loc[[(shallow["receptive_field"] - row["receptive_field"]).abs().idxmin()]]
        compared = {f"At equal k = {row['pool_kernel']}": equal, "At the nearest field measured": nearest}
        for comparison, found in compared.items() if len(equal) else ():
            (other,) = found.to_dict("records")
            if found is equal or other["pool_kernel"] != row["pool_kernel"]:
                both = [each[of] for each in (other, row) for of in ("architecture", "receptive_field", "dense_mean")]
                rows.append([comparison, *both, other["dense_mean"] - row["dense_mean"]])
    return pd.DataFrame(rows, columns=columns)


@drawn
def draw_width_and_depth(study: Study, *, role: RoleName = "large_images") -> Drawing:
    """Draw dense accuracy in percent against the width multiple, and of a shallow and a deep network by field."""
    widths = width_and_depth(study, role=role)
    covered(widths)
    depths = depth(study, role=role)
    titles = ["by width"] if depths.empty else ["by width", "by depth"]
    figure, main, _ = plots.panels(titles, height=3.2, extra=2.0)
    _draw_widths(main[0], widths)
    for right in main[1:]:
        _draw_depths(right, depths, widths["architecture"].iloc[0])
    plots.accuracy_axis(main)
    legend(figure, columns=2)
    pending = "The paper's k = 3 at three times the width is pending." if widths["pending"].any() else ""
    title = study.profile.roles[role].title
    note(figure, f"{title}.", plots.spread_note(widths["n"]), plots.paper_note(widths, role), pending)
    return figure


def _draw_widths(axes: Axes, table: pd.DataFrame) -> None:
    for kernel, group in plots.by_kernel(table):
        style = kernel_style(kernel)
        label = f"k = {kernel} ({group['receptive_field'].iloc[0]:.0f} px)"
        plots.curve(axes, group["width_multiple"], group, "dense", label=label, **style)
        outline = style | {"linestyle": "none", "markerfacecolor": "none", "markersize": 9, "markeredgewidth": 1.3}
        axes.plot(group["width_multiple"], group["dense_reported_mean"], label="_", clip_on=False, **outline)
    axes.set_xticks(sorted(table["width_multiple"].unique()))
    axes.set_xlabel("multiple of the width")


def _draw_depths(axes: Axes, table: pd.DataFrame, deep: str) -> None:
    """Draw dense and pruned accuracy of both networks against the field, each dense point with its pool kernel."""
    groups = plots.by_architecture(table)
    for name in sorted(groups, key=lambda name: name != deep):
        group = groups[name]
        line, above = ("-", True) if name == deep else ("--", False)
        for quantity in ("dense", "pruned"):
            style = quantity_style(quantity) | {"linestyle": line}
            plots.curve(axes, group["receptive_field"], group, quantity, label=f"{name}, {quantity}", **style)
        for row in group.itertuples():
            axes.annotate(
                f"k={row.pool_kernel}",
                (row.receptive_field, row.dense_mean),
                xytext=(0, 7 if above else -7),
                textcoords="offset points",
                ha="center",
                va="bottom" if above else "top",
                fontsize=NOTE_SIZE_POINTS,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("receptive field (px)")


_NETWORK = ("role", "architecture", "pool_kernel")


def decide_width_helps(readings: Readings) -> Finding:
    """RR-21: at larger fields a wider network gains accuracy and stays below the plain one at the smallest field."""
    found: list[Evidence | None] = []
    for where, count, grids in _widths(readings):
        plain, level = grids[1.0], grids[1.0].iloc[:, 0]
        for multiple, wide in grids.items():
            for kernel in wide.columns.intersection(plain.columns[1:]) if multiple > 1 else []:
                here = f"{where}, k = {kernel}, width × {multiple:g}"
                gain = difference(f"{here}, gain", wide[kernel] - plain[kernel], 1, images=count)
                below = difference(f"{here}, beside k = {plain.columns[0]}", wide[kernel] - level, -1, images=count)
                found.append(all_of(here, [gain, below]))
    return Finding(found)


def decide_width_helps_only_there(readings: Readings) -> Finding:
    """RR-22: twice the width gains nothing at the smallest field, and more at each larger one."""
    found: list[Evidence | None] = []
    for where, count, grids in _widths(readings):
        gains = (grids[2.0] - grids[1.0]).dropna(how="all", axis=1) if 2.0 in grids else pd.DataFrame()
        if gains.shape[1] > 1:
            small, *larger = gains.columns
            found.append(within(f"{where}, gain at k = {small}", gains[small], NOTICEABLE_POINTS))
            for kernel in larger:
                more = gains[kernel] - gains[small]
                here = f"{where}, gain at k = {kernel} beyond that at k = {small}"
                found.append(difference(here, more, 1, images=count))
    return Finding(found)


def decide_depth_helps(readings: Readings) -> Finding:
    """RR-23: at equal field the deeper network is more accurate than the shallower one of the same components."""
    found: list[Evidence | None] = []
    fields = _fields(readings)
    shallow = _plain_width(chosen(readings.pruning, purpose="shallow"))
    deep = _plain_width(chosen(readings.pruning, purpose=("width", "grid")))
    for (role, name, kernel), runs in _networks(shallow):
        mine = fields.get((role, name, kernel))
        for (other_role, other, k), against in _networks(deep[deep["architecture"] != name] if len(deep) else deep):
            theirs = fields.get((other_role, other, k))
            if role != other_role or not mine or not theirs or abs(mine / theirs - 1) > EQUAL_FIELDS:
                continue
            if _family(name) == _family(other):
                where = f"{images(role)}, {other} (k = {k}) beside {name} (k = {kernel})"
                found.append(difference(where, against - runs, 1, images=readings.test_images[role]))
    remark = "The paper announces the shallower network and prints no result for it."
    return Finding(found, remark=remark)


def _widths(readings: Readings) -> list[tuple[str, int, dict[float, pd.DataFrame]]]:
    """Return each network and role, its test images, and grids of dense accuracy by multiple of the narrowest width."""
    pairs = []
    for where, group in combinations(chosen(readings.pruning, purpose="width")):
        narrow = group["width"].min()
        multiples = (group["width"] / narrow).round(3)
        grids = {float(m): by_seed(group[multiples == m], "dense") for m in sorted(multiples.unique())}
        pairs.append((where, readings.test_images[group["role"].iloc[0]], grids))
    return pairs


def _plain_width(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the narrowest width of each role."""
    return frame if frame.empty else frame[frame["width"] == frame.groupby("role")["width"].transform("min")]


def _networks(frame: pd.DataFrame) -> list[tuple[tuple[str, str, int], pd.Series]]:
    """Return role, network and pool kernel with dense accuracy by seed."""
    return [(key, runs.groupby("seed")["dense"].mean()) for key, runs in groups(frame, *_NETWORK)]


def _fields(readings: Readings) -> dict[tuple[str, str, int], float]:
    frame = chosen(readings.networks, map_size="shrinking", pool_dilation=1)
    return {key: float(rows["receptive_field"].iloc[0]) for key, rows in groups(frame, *_NETWORK)}


def _family(architecture: str) -> str:
    return architecture.rstrip("0123456789")


CLAIMS = {
    "RR-21": Rule(
        decide_width_helps,
        "For each kernel above the smallest and each width, both must hold of dense accuracy: above the plain width at "
        f"the same kernel, and below the plain width at the smallest (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "two or more widths at two or more pool kernels",
        ("table-8",),
    ),
    "RR-22": Rule(
        decide_width_helps_only_there,
        f"At the smallest kernel twice the width gains no more than ± {NOTICEABLE_POINTS:g} point. {EQUIVALENCE} At "
        f"each larger kernel it gains more than there. {DIFFERENCE}",
        "the plain and twice the width at two or more pool kernels",
        ("table-8",),
    ),
    "RR-23": Rule(
        decide_depth_helps,
        f"Dense accuracy of the deeper minus that of the shallower network, at fields within {EQUAL_FIELDS:.0%} of "
        f"each other, is positive. {DIFFERENCE}",
        f"a shallower network whose field is within {EQUAL_FIELDS:.0%} of a deeper one's",
        ("fig-width-and-depth",),
    ),
}
