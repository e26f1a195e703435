"""What the draft left open: a normalised difference, and other ways to set the field."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots
from rflib.paper.frames import NETWORK, accuracy_and_pruning, fields, one_shot, summarise
from rflib.paper.quantities import quantity
from rflib.paper.style import Drawing, covered, drawn, legend, note, quantity_style
from rflib.paper.verdicts.assessment import difference, fact
from rflib.paper.verdicts.cells import known
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_POINTS, RATE
from rflib.paper.verdicts.readings import Readings, by_seed, chosen, combinations, groups
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def normalised_differences(study: Study, *, role: RoleName = "small_images", rate: float = RATE) -> pd.DataFrame:
    """Return one row a network: what pruning at `rate` takes as a share of the dense accuracy, over seeds."""
    runs = chosen(one_shot(study, role), rate=rate)
    if runs.empty:
        return runs
    measured = summarise(runs, NETWORK, ["normalised_difference"])
    return fields(study, role)[[*NETWORK, "receptive_field"]].merge(measured, on=NETWORK)


@traced
def beside_shrinking_maps(study: Study, *, role: RoleName = "small_images", rate: float = RATE) -> pd.DataFrame:
    """Return one row a variant (`knob`) and k: its accuracy and loss, and those of the paper's network of the same k.

    The latter are `dense_shrinking` and `difference_shrinking`. At k = 1 the pool changes nothing and every variant is
    the paper's network, so that all start from its row. A variant of a single k has no course, and no row.
    """
    grid, variants = (accuracy_and_pruning(study, role=role, rate=rate, purpose=each) for each in ("grid", "variant"))
    if grid.empty or variants.empty:
        return pd.DataFrame()
    variants = variants.assign(knob=[_title(*key) for key in variants[_KNOB].itertuples(index=False, name=None)])
    start = variants[["architecture", "knob"]].drop_duplicates().merge(grid[grid["pool_kernel"] == 1])
    every = pd.concat([start, variants]).drop_duplicates([*NETWORK, "knob"], keep="last")
    names = {"dense_mean": "dense_shrinking", "difference_mean": "difference_shrinking"}
    both = every.merge(grid[[*NETWORK, *names]].rename(columns=names), on=NETWORK)
    courses = both.groupby(["architecture", "knob"])["pool_kernel"].transform("size")
    return both.loc[courses > 1, [*NETWORK, "knob", *names, *names.values(), "n"]]


_KNOB = ["map_size", "pool_dilation"]
_CONSTANT = ("padded", "dilated")


@drawn
def draw_variants(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent, dense and pruned one-shot at `rate`, against the pool kernel, a panel a variant.

    Bars: the share of dead taps in percent of the prunable weights.
    """
    changed = covered(accuracy_and_pruning(study, role=role, rate=rate, purpose="variant"))
    grid = accuracy_and_pruning(study, role=role, rate=rate)
    name = changed["architecture"].iloc[0]
    same = grid[grid["architecture"] == name] if not grid.empty else grid
    table = pd.concat([part for part in (same, changed) if not part.empty])
    groups = {_title(*key): group for key, group in table.groupby(_KNOB, sort=False)}
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
    return quantity("map_size").words[map_size] if pool_dilation == 1 else f"pool dilated by {pool_dilation}"


def _draw(axes: Axes, table: pd.DataFrame, rate: float) -> None:
    kernels = table["pool_kernel"]
    axes.bar(kernels, table["dead_share"], width=0.5, color="#DADADA", label="dead taps (% of weights)")
    labels = {"dense": "dense", "pruned": f"{rate:.0%} of all pruned", "live": f"{rate:.0%} of live pruned"}
    for name, label in labels.items():
        plots.curve(axes, kernels, table, name, label=label, **quantity_style(name))


def decide_size_of_the_maps(readings: Readings) -> Finding:
    """RR-24: the pool shrinks the last map, and with maps of constant size accuracy follows the field less."""
    shrinking = []
    for where, group in combinations(chosen(readings.networks, purpose="grid")):
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
    for where, group in combinations(chosen(readings.pruning, purpose="variant", map_size=_CONSTANT)):
        images = readings.test_images[group["role"].iloc[0]]
        for (map_size,), constant in groups(group, "map_size"):
            if where in grids:
                pair = [grids[where], constant]
                compared = [("dense", "dense accuracy", pair)]
                compared += [("lost", "accuracy lost to pruning over the rates", _alike(readings, pair))]
                for value, name, frames in compared:
                    more = _change_beyond(*(by_seed(each, value) for each in frames))
                    here = f"{where}, {quantity('map_size').words[map_size]}, {name}"
                    found.append(difference(here, more, -1, images=images))
    return known(found)


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


CLAIMS = {
    "RR-24": Rule(
        decide_size_of_the_maps,
        "Exact: the last map shrinks. And dense accuracy, and the accuracy lost to pruning as the mean over the rates "
        "at which neither kind of network guesses at every field, fall more over the kernels with shrinking maps than "
        f"with constant ones (by more than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        "maps of constant size at a kernel above 1, and the paper's network at that kernel and a smaller one",
        ("fig-variants",),
    ),
}
