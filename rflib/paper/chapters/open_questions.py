"""What the draft left open, and what stands behind one-shot pruning beside the field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan, sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import t as student

from rflib.paper import plots
from rflib.paper.frames import (
    NETWORK,
    accuracy_and_pruning,
    fields,
    half_width,
    one_shot,
    pruned_copies,
    spearman,
    summarise,
)
from rflib.paper.say import FEWEST_RANKED, NOTHING, Sentences, networks, pixels, strength, value
from rflib.paper.style import (
    Drawing,
    NothingToDraw,
    covered,
    drawn,
    legend,
    new,
    note,
    quantity_style,
)
from rflib.paper.verdicts.assessment import all_of, difference, fact, floor, trend
from rflib.paper.verdicts.evidence import DIFFERENCE, TREND, Evidence
from rflib.paper.verdicts.margins import FEW_DEAD, GUESSING_POINTS, MANY_DEAD, NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import (
    EVERY,
    RESNET_SMALL,
    VGG_SMALL,
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

RECIPES = {
    "grid": "as trained here",
    "undecayed": "without weight decay",
    "printed_norm": "as printed, clipped by norm",
    "printed_value": "as printed, clipped by value",
    "printed_none": "as printed, without clipping",
}


@traced
def rescaled_taps(
    study: Study, *, role: RoleName = "small_images", rates: Sequence[float] | None = None
) -> pd.DataFrame:
    """Return one row a network with dead taps, factor of these taps and rate: accuracy before and after pruning.

    `largest_change` is that of a logit before pruning, `live_pruned_share` the share of live weights, in percent, that
    pruning takes; over seeds. `rates` None are all that were measured.
    """
    frame = study.frame("rescaled_taps", "rescaled", role=role)
    frame = frame[(frame["role"] == role) & (frame["dead_share"] > 0)] if len(frame) else frame
    if frame.empty:
        return frame
    frame = frame.rename(columns={"pruned_accuracy": "pruned", "live_share_pruned": "live_pruned_share"})
    frame = frame if rates is None else frame[frame["rate"].isin(rates)]
    return summarise(
        frame,
        [*NETWORK, "dead_share", "factor", "rate"],
        ["largest_change", "accuracy", "pruned", "live_pruned_share"],
    )


@traced
def recipes(study: Study, *, role: RoleName = "small_images", rate: float = 0.8) -> pd.DataFrame:
    """Return one row a network and recipe of training: which live weights pruning at `rate` takes, and what is left.

    Of those networks that were trained by more than one recipe. The printed protocol is that of its first epochs.
    """
    frame = pruned_copies(study, role, *RECIPES)
    frame = frame[frame["scope"].eq("global") & ((frame["rate"] - rate).abs() < 1e-9)] if len(frame) else frame
    if frame.empty:
        return frame
    others = frame.loc[frame["purpose"] != "grid", NETWORK].drop_duplicates()
    frame = frame.merge(others, on=NETWORK).assign(recipe=lambda rows: rows["purpose"].map(RECIPES))
    measured = summarise(frame, [*NETWORK, "recipe"], ["dense", "pruned", "pruned_calibrated", "live_pruned_share"])
    shares = frame.groupby(NETWORK, sort=False)["dead_share"].first().reset_index()
    return shares.merge(measured, on=NETWORK)


@traced
def enlarged(
    study: Study, *, role: RoleName = "small_images", rates: Sequence[float] = (0.6, 0.8, 0.9)
) -> pd.DataFrame:
    """Return one row a network, side of the images and rate: the same pictures at two sizes, pruned, over seeds.

    `kept` is with old statistics, `kept_calibrated` with re-estimated ones.
    """
    plan = study.profile.roles[role].controls if role in study.profile.roles else None
    frame = pruned_copies(study, role, "unenlarged", "enlarged")
    if frame.empty or plan is None or plan.enlarged is None:
        return pd.DataFrame()
    frame = frame[frame["scope"].eq("global") & frame["rate"].isin(rates)]
    own = study.profile.roles[role].side_pixels
    sides = {"unenlarged": own, "enlarged": plan.enlarged.image_size}
    frame = frame.assign(image_size=frame["purpose"].map(sides))
    by = ["architecture", "image_size", "pool_kernel", "dead_share", "rate"]
    return summarise(frame, by, ["dense", "pruned", "kept", "pruned_calibrated", "kept_calibrated"])


_NETWORK = ["architecture", "pool_kernel", "map_size", "pool_dilation", "width"]


@traced
def tolerance(
    study: Study, *, role: RoleName = "small_images", purpose: str = "grid", margin: float = GUESSING_POINTS
) -> pd.DataFrame:
    """Return one row a network: accuracy above guessing that is kept, averaged over the study's rates, in percent.

    `kept` ranks all weights, `kept_live` (the control) only those that can receive gradient; 100 is the dense network,
    0 is guessing. A mean over rates cannot sit at its floor or ceiling for one rate's sake. `advantage` is their
    difference, seed by seed. `dead_share` in percent, `receptive_field` in pixels. Left out are runs whose dense
    accuracy is within `margin` points of guessing: they have nothing to keep.
    """
    by_seed = _by_seed(study, role, purpose, margin)
    if by_seed.empty:
        return by_seed
    measured = summarise(by_seed, _NETWORK, ["kept", "kept_live", "advantage"])
    return fields(study, role, purpose)[[*_NETWORK, "receptive_field", "dead_share"]].merge(measured, on=_NETWORK)


@traced
def advantage(study: Study, *, role: RoleName = "small_images", margin: float = GUESSING_POINTS) -> pd.DataFrame:
    """Return what each network keeps beyond the one with the smallest field of its architecture, in points, by seed.

    One row a network of the grid and of its variants: `gain` ranks all weights, `gain_live` (the control) only those
    that can receive gradient, `removed` is their difference; means over the seeds that both networks have, with their
    standard deviation. `base_kernel` names the network compared with. See `tolerance` for what is kept.
    """
    grid = _by_seed(study, role, "grid", margin)
    if grid.empty:
        return grid
    base = grid[grid["pool_kernel"] == grid.groupby("architecture")["pool_kernel"].transform("min")]
    base = base.rename(columns={"pool_kernel": "base_kernel", "kept": "base", "kept_live": "base_live"})
    every = pd.concat([grid, _by_seed(study, role, "variant", margin)])
    both = every.merge(base[["architecture", "seed", "base_kernel", "base", "base_live"]], on=["architecture", "seed"])
    both = both[(both["pool_kernel"] != both["base_kernel"]) | (both["map_size"] != "shrinking")]
    both["gain"], both["gain_live"] = both["kept"] - both["base"], both["kept_live"] - both["base_live"]
    both["removed"] = both["gain"] - both["gain_live"]
    measured = summarise(both, [*_NETWORK, "base_kernel"], ["gain", "gain_live", "removed"])
    networks = pd.concat([fields(study, role, "grid"), fields(study, role, "variant")])
    return networks[[*_NETWORK, "receptive_field", "dead_share"]].merge(measured, on=_NETWORK)


def _by_seed(study: Study, role: RoleName, purpose: str, margin: float) -> pd.DataFrame:
    per_seed = one_shot(study, role, purpose)
    if per_seed.empty:
        return per_seed
    guess = 100 / study.profile.roles[role].classes
    able = per_seed[per_seed["dense"] > guess + margin].copy()
    if able.empty:
        return pd.DataFrame()
    for column, accuracy in (("kept", "pruned"), ("kept_live", "live")):
        above = (able[accuracy] - guess) / (able["dense"] - guess)
        able[column] = 100 * above.clip(lower=0, upper=1)
    able["advantage"] = able["kept"] - able["kept_live"]
    return able.groupby([*_NETWORK, "seed"], sort=False)[["kept", "kept_live", "advantage"]].mean().reset_index()


_MAPS = {
    "shrinking": "shrinking maps (the paper)",
    "padded": "maps kept by padding",
    "dilated": "maps kept by dilation",
}


@drawn
def draw_variants(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent, dense and pruned one-shot at `rate`, against the pool kernel, a panel a variant.

    Bars: the share of dead taps in percent of the prunable weights.
    """
    changed = accuracy_and_pruning(study, role=role, rate=rate, purpose="variant")
    covered(changed)
    grid = accuracy_and_pruning(study, role=role, rate=rate)
    name = changed["architecture"].iloc[0]
    same = grid[grid["architecture"] == name] if not grid.empty else grid
    table = pd.concat([part for part in (same, changed) if not part.empty])
    groups = {_title(*key): group for key, group in table.groupby(["map_size", "pool_dilation"], sort=False)}
    figure, main, _ = plots.panels(list(groups), height=2.4, extra=1.4)
    kernels = sorted(table["pool_kernel"].unique())
    for axes, group in zip(main, groups.values(), strict=True):
        _draw(axes, group, rate)
        axes.set_xticks(kernels)
        axes.set_xlim(kernels[0] - 0.4, kernels[-1] + 0.4)
    for axes in main[-2:]:
        axes.set_xlabel("pool kernel k")
    plots.accuracy_axis(main)
    legend(figure, columns=2)
    note(figure, f"{name}, {study.profile.roles[role].title}.", plots.spread_note(table["n"]))
    return figure


def _title(map_size: str, pool_dilation: int) -> str:
    return _MAPS[map_size] if pool_dilation == 1 else f"pool dilated by {pool_dilation}"


def _draw(axes: Axes, table: pd.DataFrame, rate: float) -> None:
    kernels = table["pool_kernel"]
    axes.bar(kernels, table["dead_share"], width=0.5, color="#DADADA", label="dead taps (% of weights)")
    labels = {"dense": "dense", "pruned": f"{rate:.0%} of all pruned", "live": f"{rate:.0%} of live pruned"}
    for quantity, label in labels.items():
        plots.curve(axes, kernels, table, quantity, label=label, **quantity_style(quantity))


_DRAW_MAPS = {"shrinking": "", "padded": ", padded maps", "dilated": ", dilated"}
_SHOWN = {
    "gain": ("pruned", "all weights pruned alike", -0.14),
    "gain_live": ("live", "only live weights pruned", 0.14),
}
_ROW_INCHES = 0.42


@drawn
def draw_dead_tap_control(study: Study) -> Drawing:
    """Draw what each network keeps beyond the smallest field of its architecture, plain and among live weights.

    A panel a role, a row a network, with the share of its dead taps; in points of kept accuracy, with 95 % intervals.
    """
    frames = {role: advantage(study, role=role) for role in study.profile.roles}
    frames = {role: frame for role, frame in frames.items() if not frame.empty}
    if not frames:
        raise NothingToDraw
    heights = [len(frame) * _ROW_INCHES + 0.6 for frame in frames.values()]
    figure = new(sum(heights) + 1.5)
    grid = figure.add_gridspec(len(frames), 1, height_ratios=heights)
    first: Axes | None = None
    for index, (role, frame) in enumerate(frames.items()):
        axes = figure.add_subplot(grid[index, 0], sharex=first)
        first = first or axes
        _draw_draw(axes, frame)
        axes.set_title(study.profile.roles[role].title)
        axes.set_ylabel("network")
    axes.set_xlabel("kept beyond the smallest field (points)")
    legend(figure, columns=2)
    seeds = pd.concat(list(frames.values()))["n"]
    lines = "Lines: 95 % intervals over seeds." if seeds.max() > 1 else ""
    titles = " and ".join(study.profile.roles[role].title for role in frames)
    note(
        figure,
        f"{titles}.",
        "Kept: accuracy above guessing as a share of the dense network's, averaged over the rates.",
        f"n = {seeds.min()} to {seeds.max()} seeds." if seeds.min() < seeds.max() else f"n = {seeds.max()}.",
        lines,
    )
    return figure


def _draw_draw(axes: Axes, frame: pd.DataFrame) -> None:
    rows = np.arange(len(frame))
    for quantity, (style, label, offset) in _SHOWN.items():
        look = quantity_style(style) | {"linestyle": "none"}
        widths = [
            half_width(deviation, seeds) for deviation, seeds in zip(frame[f"{quantity}_sd"], frame["n"], strict=True)
        ]
        axes.plot(frame[f"{quantity}_mean"], rows + offset, label=label, clip_on=False, **look)
        axes.errorbar(frame[f"{quantity}_mean"], rows + offset, xerr=widths, fmt="none", ecolor=look["color"])
    axes.axvline(0, color="#777777", linewidth=0.8)
    axes.set_yticks(rows, [_name(row) for _, row in frame.iterrows()])
    axes.set_ylim(len(frame) - 0.5, -0.5)


def _name(row: pd.Series) -> str:
    change = _DRAW_MAPS[row["map_size"]] + (
        f", pool dilated by {row['pool_dilation']}" if row["pool_dilation"] > 1 else ""
    )
    return f"{row['architecture']}, k = {row['pool_kernel']}{change}\n{row['dead_share']:.0f} % dead taps"


_MARKERS = ("v", "o", "^", "s", "D")


@drawn
def draw_rescaled_taps(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy in percent after global pruning against the rate, a panel a network, a line a factor."""
    table = rescaled_taps(study, role=role)
    covered(table)
    networks = list(table.groupby(["architecture", "pool_kernel"], sort=False))
    titles = [f"{name}, k = {kernel}" for (name, kernel), _ in networks]
    figure, main, _ = plots.panels(titles, height=2.6, extra=1.3)
    factors = sorted(table["factor"].unique().tolist())
    for axes, (_, rows) in zip(main, networks, strict=True):
        for index, factor in enumerate(factors):
            group = rows[rows["factor"] == factor]
            style: dict[str, Any] = {"marker": _MARKERS[index % len(_MARKERS)], "color": _factor_colour(factor)}
            plots.curve(axes, 100 * group["rate"], group, "pruned", label=f"dead taps × {factor:g}", **style)
        axes.set_xlabel("pruning rate (%)")
    plots.accuracy_axis(main)
    legend(figure, columns=3)
    note(
        figure,
        f"{study.profile.roles[role].title}.",
        "Before pruning all of them compute the same.",
        plots.spread_note(table["n"]),
    )
    return figure


def _factor_colour(factor: float) -> str:
    return "#1A1A1A" if factor == 1 else "#D7301F" if factor > 1 else "#6A51A3"


KNOBS = {"padded": "maps kept by padding", "dilated": "maps kept by dilation"}


def say_normalised(per_seed: pd.DataFrame, table: pd.DataFrame, *, rate: float = 0.9) -> Sentences:
    """Give (dense - pruned) / dense at every field."""
    if per_seed.empty or table.empty:
        return NOTHING
    chosen = per_seed[(per_seed["rate"] - rate).abs() < 1e-9]
    means = chosen.groupby(["architecture", "pool_kernel"], sort=False)["normalised_difference"].mean().reset_index()
    both = table.merge(means, on=["architecture", "pool_kernel"])
    points = []
    for name, group in networks(both):
        listed = ", ".join(f"{row['normalised_difference']:.3f} at {pixels(row)}" for _, row in group.iterrows())
        points.append(f"`{name}`: {listed}.")
    return Sentences((*points, strength(table)))


def say_other_knobs(grid: pd.DataFrame, variants: pd.DataFrame) -> Sentences:
    """Say, for each variant and k, what changes beside the paper's network of the same k."""
    if grid.empty or variants.empty:
        return NOTHING
    points = []
    for _, row in variants.sort_values(["map_size", "pool_dilation", "pool_kernel"]).iterrows():
        plain = grid[(grid["architecture"] == row["architecture"]) & (grid["pool_kernel"] == row["pool_kernel"])]
        if not plain.empty:
            points.append(_beside_plain(row, plain.iloc[0]))
    return Sentences((*points, strength(variants))) if points else NOTHING


def say_constant_maps(grid: pd.DataFrame, variants: pd.DataFrame) -> Sentences:
    """Say how dense accuracy and the cost of pruning change with k when the maps keep their size (RR-24).

    At k = 1 the pool changes nothing and every variant is the paper's network, so both start from its row.
    """
    if grid.empty or variants.empty:
        return NOTHING
    points = []
    kept = variants[variants["map_size"].isin(KNOBS)]
    for (name, map_size), group in kept.groupby(["architecture", "map_size"], sort=False):
        own = grid[grid["architecture"] == name]
        start = own[(own["pool_kernel"] == 1) & ~own["pool_kernel"].isin(group["pool_kernel"])]
        group = pd.concat([start, group]).sort_values("pool_kernel")
        same = own[own["pool_kernel"].isin(group["pool_kernel"])]
        if len(group) > 1 and len(same) == len(group):
            points.append(
                f"`{name}`, k = {group['pool_kernel'].iloc[0]} to {group['pool_kernel'].iloc[-1]}: dense accuracy "
                f"changes by {_changes(same, group, 'dense_mean')} points with {KNOBS[str(map_size)]}, and the loss to "
                f"pruning by {_changes(same, group, 'difference_mean')} points."
            )
    return Sentences((*points, strength(kept))) if points else NOTHING


def _beside_plain(row: pd.Series, plain: pd.Series) -> str:
    what = KNOBS.get(row["map_size"], f"pool dilated by {row['pool_dilation']}")
    parts = [
        f"{label} {row[column]:.{digits}f}{unit} ({plain[column]:.{digits}f}{unit})"
        for label, column, digits, unit in (
            ("field", "receptive_field", 0, " px"),
            ("dead taps", "dead_share", 0, " %"),
            ("dense", "dense_mean", 1, " %"),
            ("lost to pruning", "difference_mean", 1, " points"),
        )
    ]
    return f"{what.capitalize()}, k = {row['pool_kernel']} (in brackets, the paper's network): {', '.join(parts)}."


def _changes(plain: pd.DataFrame, kept: pd.DataFrame, column: str) -> str:
    first, second = (part.sort_values("pool_kernel")[column].iloc[[0, -1]].diff().iloc[-1] for part in (plain, kept))
    return f"{first:+z.1f} points with shrinking maps and by {second:+z.1f}"


def say_paired(per_seed: pd.DataFrame, table: pd.DataFrame) -> Sentences:
    """Say how plain and controlled pruning differ within the same runs where many taps are dead.

    Every pair is one trained network at one rate; the interval is over networks and seeds, each averaged over rates.
    Where no tap is dead both rankings are one, and there is nothing to compare.
    """
    if per_seed.empty or table.empty:
        return NOTHING
    gaps = per_seed.assign(gap=per_seed["pruned"] - per_seed["live"]).merge(
        table[["architecture", "pool_kernel", "dead_share"]], on=["architecture", "pool_kernel"]
    )
    runs = gaps.groupby(["architecture", "pool_kernel", "seed", "dead_share"])["gap"].mean().reset_index()
    values = runs[runs["dead_share"] >= MANY_DEAD]["gap"]
    return Sentences((f"In networks with at least {MANY_DEAD:g} % dead taps: {_gap(values)}",))


def say_few_dead_taps(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Say what is kept at every field among networks that have hardly any dead taps.

    `tables` maps titles to `tolerance`.
    """
    points = []
    for title, name, group in _grids({t: table[table["dead_share"] < FEW_DEAD] for t, table in _held(tables).items()}):
        listed = ", ".join(f"{value(row, 'kept')} at {pixels(row)}" for _, row in group.iterrows())
        points.append(f"{title}, `{name}`, fields with fewer than {FEW_DEAD:g} % dead taps: kept {listed}.")
    return Sentences(tuple(points)) if points else NOTHING


def say_same_field(grid: pd.DataFrame, variants: pd.DataFrame) -> Sentences:
    """Say what is kept at the same field when the maps do not shrink, and at the smallest field of the grid.

    Both are `tolerance`. Only pairs in which the paper's network has many dead taps and the variant has few.
    """
    if grid.empty or variants.empty:
        return NOTHING
    keys = ["architecture", "pool_kernel"]
    both = variants[variants["dead_share"] < FEW_DEAD].merge(
        grid[grid["dead_share"] >= MANY_DEAD][[*keys, "receptive_field", "kept_mean", "dead_share"]],
        on=[*keys, "receptive_field"],
        suffixes=("", "_plain"),
    )
    points = [_beside_the_smallest(row, grid) for _, row in both.iterrows()]
    return Sentences((*points, strength(variants))) if points else NOTHING


def say_correlations(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Give the rank correlation, over all networks, of what is kept with the dead taps and with the field."""
    every = pd.concat([*_held(tables).values()]) if _held(tables) else pd.DataFrame()
    if len(every) < FEWEST_RANKED:
        return NOTHING

    def rank(x: str, y: str) -> str:
        correlation = spearman(every[x].tolist(), every[y].tolist())
        return "none (constant)" if isnan(correlation) else f"{correlation:+z.2f}"

    return Sentences(
        (
            f"Over all {len(every)} networks, the rank correlation of what plain pruning keeps is "
            f"{rank('dead_share', 'kept_mean')} with the share of dead taps and {rank('receptive_field', 'kept_mean')} "
            f"with the field.",
            f"Of what the control keeps it is {rank('dead_share', 'kept_live_mean')} with the share of dead taps and "
            f"{rank('receptive_field', 'kept_live_mean')} with the field. Field and dead taps grow together, so these "
            f"numbers describe and do not separate them.",
        )
    )


def say_advantages(tables: Mapping[str, pd.DataFrame]) -> Sentences:
    """Say what the largest field of each network keeps beyond the smallest, among all weights and among live ones.

    `tables` maps titles to `advantage`; the maps shrink as in the paper.
    """
    points = []
    for title, table in _held(tables).items():
        shrinking = table[(table["map_size"] == "shrinking") & (table["pool_dilation"] == 1)]
        points += [f"{title}, `{name}`: {_advantage(group.iloc[-1])}" for name, group in networks(shrinking)]
    return Sentences(tuple(points)) if points else NOTHING


def _held(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {title: table for title, table in tables.items() if not table.empty}


def _grids(tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield title, network and rows by field, of every network that has more than one."""
    for title, table in tables.items():
        for name, group in networks(table):
            if len(group) > 1:
                yield title, name, group


def _gap(values: pd.Series) -> str:
    """Describe plain minus controlled accuracy over runs, with a Student interval from three runs on."""
    if values.empty:
        return "this profile has none."
    text = f"averaged over the rates, plain pruning leaves {values.mean():+z.1f} points beside the control"
    if len(values) < 3:
        return f"{text} (runs: {len(values)})."
    half_width = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / sqrt(len(values))
    return f"{text} (runs: {len(values)}; 95 % interval of the mean over runs: ± {half_width:.1f})."


def _beside_the_smallest(row: pd.Series, grid: pd.DataFrame) -> str:
    smallest = grid[grid["architecture"] == row["architecture"]].sort_values("receptive_field").iloc[0]
    return (
        f"`{row['architecture']}` at {pixels(row)}: with shrinking maps and {row['dead_share_plain']:.0f} % dead taps "
        f"pruning leaves {row['kept_mean_plain']:.0f} %, with {KNOBS[row['map_size']]} and {row['dead_share']:.0f} % "
        f"it leaves {row['kept_mean']:.0f} %. At {pixels(smallest)}, the smallest field, it leaves "
        f"{smallest['kept_mean']:.0f} %."
    )


def _advantage(row: pd.Series) -> str:
    return (
        f"from k = {row['base_kernel']} to k = {row['pool_kernel']} ({pixels(row)}, {row['dead_share']:.0f} % dead "
        f"taps) the share kept changes by {value(row, 'gain', 'points')}, among live weights by "
        f"{value(row, 'gain_live', 'points')}; seed by seed the control takes {value(row, 'removed', 'points')} away."
    )


_KEPT = {"padded": "maps kept by padding", "dilated": "maps kept by dilation"}


def decide_size_of_the_maps(readings: Readings) -> Finding:
    """RR-24: the pool shrinks the last map, and with maps of constant size accuracy follows the field less."""
    shrinking = []
    for where, group in combinations(_grid(readings)):
        sizes = group.drop_duplicates("pool_kernel").sort_values("pool_kernel")["last_map_size"]
        if len(sizes) > 1:
            change = float(sizes.iloc[-1] - sizes.iloc[0])
            shrinking.append(
                fact(f"{where}, last map", "px from the smallest kernel to the largest", change, agrees=change < 0)
            )
    weaker = _weaker_with_constant_maps(readings)
    if not shrinking or not weaker:
        known = "; ".join(f"{each.where}: {each.size}" for each in shrinking)
        remark = "Whether the size of the maps alters behaviour needs maps of constant size at a kernel above 1."
        return Finding([], lacking=f"{remark} Its change: {known}." if known else remark)
    return Finding([*shrinking, *weaker])


def _weaker_with_constant_maps(readings: Readings) -> list[Evidence]:
    """Return how much more accuracy falls, and the cost of pruning, over k with shrinking maps than with constant."""
    found: list[Evidence | None] = []
    grids = dict(combinations(chosen(readings.pruning, purpose="grid")))
    for where, group in combinations(chosen(readings.pruning, purpose="variant", map_size=tuple(_KEPT))):
        images = readings.test_images[group["role"].iloc[0]]
        for (map_size,), constant in groups(group, "map_size"):
            if where in grids:
                pair = [grids[where], constant]
                compared = [("dense", "dense accuracy", pair)]
                compared += [("lost", "accuracy lost to pruning over the rates", _alike(readings, pair))]
                for value, name, frames in compared:
                    more = _change_beyond(*(by_seed(each, value) for each in frames))
                    found.append(difference(f"{where}, {_KEPT[map_size]}, {name}", more, -1, images=images))
    return [each for each in found if each is not None]


def _alike(readings: Readings, frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return frames at those rates at which none of them guesses at every field: a floor decides nothing."""
    rates = set.intersection(*({*readings.telling(frame, "pruned")["rate"]} for frame in frames))
    return [frame[frame["rate"].isin(rates)] for frame in frames]


def _change_beyond(shrinking: pd.DataFrame, constant: pd.DataFrame) -> pd.Series:
    """Return, by seed, the change from the smallest common kernel to the largest, less that with constant maps.

    At k = 1 the pool changes nothing and every variant is the paper's network, whose runs then stand for its own.
    """
    if 1 in shrinking and 1 not in constant:
        constant = constant.join(shrinking[[1]])
    kernels = shrinking.columns.intersection(constant.columns)
    if len(kernels) < 2:
        return pd.Series(dtype=float)
    first, last = kernels.min(), kernels.max()
    return (shrinking[last] - shrinking[first]) - (constant[last] - constant[first])


def _grid(readings: Readings) -> pd.DataFrame:
    return chosen(readings.networks, purpose="grid")


# Changing a dead tap may change the order of a sum, and nothing else.
_ROUNDING = 1e-3


def decide_dead_taps_are_free(readings: Readings) -> Finding:
    """OQ-01: where many taps are dead, pruning the same share of live weights leaves less than plain pruning."""
    found: list[Evidence | None] = []
    for where, group in _with_dead_share(readings, chosen(readings.pruning, purpose="grid")):
        for (kernel,), runs in groups(group[group["dead_share"] >= MANY_DEAD], "pool_kernel"):
            more = (runs["pruned"] - runs["live"]).groupby(runs["seed"]).mean()
            count = readings.test_images[runs["role"].iloc[0]]
            found.append(difference(f"{where}, k = {kernel}", more, 1, images=count))
    return Finding(found)


def decide_fields_without_dead_taps(readings: Readings) -> Finding:
    """OQ-02: among fields with hardly any dead taps, a larger one keeps more, over the rates that leave something."""
    found: list[Evidence | None] = []
    for where, group in _with_dead_share(readings, chosen(readings.pruning, purpose="grid")):
        living = group[group["dead_share"] < FEW_DEAD]
        if living["pool_kernel"].nunique() < 2:
            continue
        guess, role = readings.guess(group["role"].iloc[0]), group["role"].iloc[0]
        cells = [
            cell.assign(kept=100 * (cell["pruned"] - guess) / (cell["dense"] - guess))
            for _, cell in groups(living, "rate")
            if not readings.guesses(role, cell.groupby("pool_kernel")["pruned"].mean())
        ]
        if not cells:
            found.append(floor(where, 1, "pruned networks guess at every field and rate"))
            continue
        kept = by_seed(pd.concat(cells), "kept")
        more = kept.iloc[:, -1] - kept.iloc[:, 0]
        here = f"{where}, k = {kept.columns[0]} to {kept.columns[-1]}"
        found.append(difference(here, more, 1, images=readings.test_images[role]))
    return Finding(found)


def decide_size_of_dead_taps(readings: Readings) -> Finding:
    """OQ-05: dead taps ten times as large change no output, and change what pruning leaves."""
    found: list[Evidence | None] = []
    frame = readings.study.frame("rescaled_taps", "rescaled")
    frame = frame[frame["dead_share"] >= MANY_DEAD] if len(frame) else frame
    for (architecture, role, kernel), runs in groups(frame, "architecture", "role", "pool_kernel"):
        where = f"{architecture}, {images(role)}, k = {kernel}"
        change = float(runs["largest_change"].max())
        same = fact(f"{where}, outputs", "of a logit at most", change, agrees=change <= _ROUNDING)
        means = runs.pivot_table(index="seed", columns="factor", values="pruned_accuracy", aggfunc="mean")
        if {1.0, 10.0} <= set(means.columns):
            less = means[10.0] - means[1.0]
            taken = difference(f"{where}, pruned accuracy", less, -1, images=readings.test_images[role])
            found.append(all_of(where, [same, taken]))
    return Finding(found)


def decide_enlarged_images(readings: Readings) -> Finding:
    """OQ-06: on the same pictures at a size that leaves no tap dead, a larger field keeps more at 0.8."""
    found: list[Evidence | None] = []
    for role in readings.study.profile.roles:
        frame = pruned_copies(readings.study, role, "enlarged")
        frame = frame[frame["scope"] == "global"] if len(frame) else frame
        for (architecture,), runs in groups(chosen(frame, rate=0.8), "architecture"):
            grid = by_seed(runs[runs["dead_share"] < FEW_DEAD], "kept")
            where = f"{architecture}, {images(role)}, enlarged"
            if grid.shape[1] > 1:
                found.append(trend(where, grid, 1, images=readings.test_images[role]))
    return Finding(found)


def _with_dead_share(readings: Readings, frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every network and role with the share of dead taps beside each row, in percent."""
    if frame.empty:
        return
    shares = [
        fields(readings.study, role, "grid").assign(role=role)[["architecture", "pool_kernel", "role", "dead_share"]]
        for role in readings.study.profile.roles
        if len(fields(readings.study, role, "grid"))
    ]
    if shares:
        yield from combinations(frame.merge(pd.concat(shares), on=["architecture", "pool_kernel", "role"]))


CLAIMS = {
    "RR-24": Rule(
        decide_size_of_the_maps,
        "Exact: the last map shrinks. And dense accuracy, and the accuracy lost to pruning as the mean over the rates "
        "at which neither kind of network guesses at every field, fall more over the kernels with shrinking maps than "
        f"with constant ones (by more than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "maps of constant size at a kernel above 1, and the paper's network at that kernel and a smaller one",
        ("fig-variants",),
    ),
    "OQ-01": Rule(
        decide_dead_taps_are_free,
        f"For each network with at least {MANY_DEAD:g} % dead taps: accuracy pruned among all weights minus that "
        "pruned among live ones at the same rate, as the mean over the rates, is positive (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        f"one-shot pruning of networks with at least {MANY_DEAD:g} % dead taps",
        ("fig-dead-tap-control",),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
    "OQ-02": Rule(
        decide_fields_without_dead_taps,
        f"Of the fields with fewer than {FEW_DEAD:g} % dead taps, the largest keeps more of its accuracy above "
        "guessing than the smallest, in percent of the dense network's, as the mean over the rates that leave "
        f"something (by more than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        f"one-shot pruning at two or more fields with fewer than {FEW_DEAD:g} % dead taps",
        ("fig-dead-tap-control",),
        scope=EVERY,
    ),
    "OQ-05": Rule(
        decide_size_of_dead_taps,
        "Both must hold for each network with many dead taps: multiplied by ten they change no output by more than "
        f"rounding, exactly; and accuracy after global pruning, as the mean over the rates, is lower (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "pruning of networks whose dead taps are multiplied by ten",
        ("fig-rescaled-taps",),
    ),
    "OQ-06": Rule(
        decide_enlarged_images,
        "On the same pictures at a size at which no tap is dead, what pruning at rate 0.8 leaves of the accuracy above "
        f"guessing, in percent of the dense network's, rises with k. {TREND}",
        "one-shot pruning on enlarged images at two or more pool kernels",
        ("table-enlarged",),
    ),
}
