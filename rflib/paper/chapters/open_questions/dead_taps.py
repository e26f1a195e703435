"""What pruning keeps where taps are dead, where they are not, and under the control that ranks live weights alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rflib.paper.frames import NETWORK, fields, guessing_accuracy, half_width, one_shot, spearman, summarise
from rflib.paper.style import Drawing, NothingToDraw, drawn, legend, new, note, quantity_style
from rflib.paper.verdicts.assessment import difference, floor
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import FEW_DEAD, GUESSING_POINTS, MANY_DEAD, NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import (
    EVERY,
    RESNET_SMALL,
    VGG_SMALL,
    Readings,
    by_seed,
    chosen,
    combinations,
    each_network,
)
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_NETWORK = ["architecture", "pool_kernel", "map_size", "pool_dilation", "width"]
_PLACE = ["receptive_field", "dead_share"]
_FEWEST_RANKED = 4


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
    return summarise(_by_seed(study, role, purpose, margin), [*_NETWORK, *_PLACE], ["kept", "kept_live", "advantage"])


@traced
def advantage(study: Study, *, role: RoleName = "small_images", margin: float = GUESSING_POINTS) -> pd.DataFrame:
    """Return what each network keeps beyond the one with the smallest field of its architecture, in points, by seed.

    One row a network of the grid and of its variants: `gain` ranks all weights, `gain_live` (the control) only those
    that can receive gradient, `removed` is their difference; means over the seeds that both networks have, with their
    standard deviation. `base_kernel` names the network compared with. See `tolerance` for what is kept.
    """
    grid, variants = (_by_seed(study, role, purpose, margin) for purpose in ("grid", "variant"))
    base = grid[grid["pool_kernel"] == grid.groupby("architecture")["pool_kernel"].transform("min")]
    base = base.rename(columns={"pool_kernel": "base_kernel", "kept": "base", "kept_live": "base_live"})
    every = pd.concat([grid, variants]) if len(variants) else grid
    both = every.merge(base[["architecture", "seed", "base_kernel", "base", "base_live"]], on=["architecture", "seed"])
    both = both[(both["pool_kernel"] != both["base_kernel"]) | (both["map_size"] != "shrinking")]
    both = both.assign(gain=both["kept"] - both["base"], gain_live=both["kept_live"] - both["base_live"])
    both = both.assign(removed=both["gain"] - both["gain_live"])
    return summarise(both, [*_NETWORK, *_PLACE, "base_kernel"], ["gain", "gain_live", "removed"])


def _by_seed(study: Study, role: RoleName, purpose: str, margin: float) -> pd.DataFrame:
    """Return one row a network and seed: what `tolerance` is the summary of."""
    runs = one_shot(study, role, purpose)
    kept, keys = ["kept", "kept_live", "advantage"], [*_NETWORK, *_PLACE, "seed"]
    if runs.empty:
        return pd.DataFrame(columns=[*keys, *kept])
    guess = guessing_accuracy(study, role)
    able = runs[runs["dense"] > guess + margin].merge(fields(study, role, purpose)[[*_NETWORK, *_PLACE]], on=_NETWORK)
    for column, accuracy in (("kept", "pruned"), ("kept_live", "live")):
        above = (able[accuracy] - guess) / (able["dense"] - guess)
        able[column] = 100 * above.clip(lower=0, upper=1)
    able["advantage"] = able["kept"] - able["kept_live"]
    return able.groupby(keys, sort=False)[kept].mean().reset_index()


@traced
def gap_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a seed of a network with many dead taps: accuracy pruned among all weights less that among live.

    `gap` is in points, the mean over the rates.
    """
    runs, keys = one_shot(study, role), [*NETWORK, *_PLACE, "seed"]
    if runs.empty:
        return pd.DataFrame(columns=[*keys, "gap"])
    places = fields(study, role)[[*NETWORK, *_PLACE]]
    both = runs.merge(places[places["dead_share"] >= MANY_DEAD], on=NETWORK)
    return both.assign(gap=both["pruned"] - both["live"]).groupby(keys, sort=False)["gap"].mean().reset_index()


@traced
def gaps(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network with many dead taps: the summary of `gap_runs` over seeds."""
    return summarise(gap_runs(study, role=role), [*NETWORK, *_PLACE], ["gap"])


def _over_roles(study: Study, make: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of a frame for every role, with the `title` of its images."""
    frames = [make(study, role=name).assign(title=role.title) for name, role in study.profile.roles.items()]
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


@traced
def kept_without_dead_taps(study: Study) -> pd.DataFrame:
    """Return the rows of `tolerance` with hardly any dead taps, of every network with two such fields or more."""
    found = _over_roles(study, tolerance)
    found = found[found["dead_share"] < FEW_DEAD]
    return found[found.groupby(["title", "architecture"])["pool_kernel"].transform("size") > 1]


@traced
def same_field(study: Study) -> pd.DataFrame:
    """Return what is `kept` at the same field with living taps, with shrinking maps and at the smallest field.

    One row a variant that has few dead taps where the paper's network has many: `kept_shrinking` of
    `dead_share_shrinking` dead taps, and `kept_smallest` at `smallest_field`, in percent.
    """
    grid, variants = (tolerance(study, purpose=purpose) for purpose in ("grid", "variant"))
    many = grid[grid["dead_share"] >= MANY_DEAD].rename(
        columns={"kept_mean": "kept_shrinking", "dead_share": "dead_share_shrinking"}
    )
    smallest = grid.sort_values("receptive_field", kind="stable").drop_duplicates("architecture")
    smallest = smallest.rename(columns={"kept_mean": "kept_smallest", "receptive_field": "smallest_field"})
    keys = [*NETWORK, "receptive_field"]
    few = variants[variants["dead_share"] < FEW_DEAD]
    both = few.merge(many[[*keys, "kept_shrinking", "dead_share_shrinking"]], on=keys)
    return both.merge(smallest[["architecture", "kept_smallest", "smallest_field"]], on="architecture")


@traced
def correlations(study: Study) -> pd.DataFrame:
    """Return one row for the share of dead taps and one for the field: their rank correlations with what is kept.

    Over all networks of the grid, of every role; `plain` ranks all weights, `control` live ones.
    """
    found = _over_roles(study, tolerance)
    beside = {"dead_share": "the share of dead taps", "receptive_field": "the field"}
    rows = [
        (name, len(found), *(spearman([*found[column]], [*found[kept]]) for kept in ("kept_mean", "kept_live_mean")))
        for column, name in beside.items()
    ]
    # A rank correlation of fewer networks says nothing.
    known = rows if len(found) >= _FEWEST_RANKED else []
    return pd.DataFrame(known, columns=["beside", "networks", "plain", "control"])


@traced
def advantage_of_the_largest(study: Study) -> pd.DataFrame:
    """Return the rows of `advantage` of the largest field of each network whose maps shrink, of every role."""
    found = _over_roles(study, advantage)
    found = found[(found["map_size"] == "shrinking") & (found["pool_dilation"] == 1)]
    ordered = found.sort_values("receptive_field", kind="stable")
    return ordered.drop_duplicates(["title", "architecture"], keep="last").sort_index()


_MAPS = {"shrinking": "", "padded": ", padded maps", "dilated": ", dilated"}
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
        _draw(axes, frame)
        axes.set_title(study.profile.roles[role].title)
        axes.set_ylabel("network")
    axes.set_xlabel("kept beyond the smallest field (points)")
    legend(figure, columns=2)
    seeds = pd.concat(list(frames.values()))["n"]
    titles = " and ".join(study.profile.roles[role].title for role in frames)
    note(
        figure,
        f"{titles}.",
        "Kept: accuracy above guessing as a share of the dense network's, averaged over the rates.",
        f"n = {seeds.min()} to {seeds.max()} seeds." if seeds.min() < seeds.max() else f"n = {seeds.max()}.",
        "Lines: 95 % intervals over seeds." if seeds.max() > 1 else "",
    )
    return figure


def _draw(axes: Axes, frame: pd.DataFrame) -> None:
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
    change = _MAPS[row["map_size"]] + (f", pool dilated by {row['pool_dilation']}" if row["pool_dilation"] > 1 else "")
    return f"{row['architecture']}, k = {row['pool_kernel']}{change}\n{row['dead_share']:.0f} % dead taps"


def decide_dead_taps_are_free(readings: Readings) -> Finding:
    """OQ-01: where many taps are dead, pruning the same share of live weights leaves less than plain pruning."""
    found = []
    for where, runs in each_network(readings.over_roles(gap_runs)):
        count = readings.test_images[runs["role"].iloc[0]]
        found.append(difference(where, runs.set_index("seed")["gap"], 1, images=count))
    return Finding(found)


def decide_fields_without_dead_taps(readings: Readings) -> Finding:
    """OQ-02: among fields with hardly any dead taps, a larger one keeps more, over the rates that leave something."""
    found: list[Evidence | None] = []
    for where, living in combinations(_living(readings)):
        if living["pool_kernel"].nunique() < 2:
            continue
        role = living["role"].iloc[0]
        telling = readings.telling(living, "pruned")
        if telling.empty:
            found.append(floor(where, 1, "pruned networks guess at every field and rate"))
            continue
        guess = readings.guess(role)
        share = 100 * (telling["pruned"] - guess) / (telling["dense"] - guess)
        kept = by_seed(telling.assign(kept=share), "kept")
        here = f"{where}, k = {kept.columns[0]} to {kept.columns[-1]}"
        more = kept.iloc[:, -1] - kept.iloc[:, 0]
        found.append(difference(here, more, 1, images=readings.test_images[role]))
    return Finding(found)


def _living(readings: Readings) -> pd.DataFrame:
    """Return one-shot pruning of the fields of the grid with hardly any dead taps."""
    frame, places = chosen(readings.pruning, purpose="grid"), readings.over_roles(fields)
    if frame.empty or places.empty:
        return frame.iloc[:0]
    few = places.loc[places["dead_share"] < FEW_DEAD, [*NETWORK, "role"]]
    return frame.merge(few, on=[*NETWORK, "role"])


CLAIMS = {
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
}
