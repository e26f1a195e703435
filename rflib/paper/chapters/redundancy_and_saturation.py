"""Redundancy of deep layers, what pruning them alone costs, and the best field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots
from rflib.paper.frames import accuracy_and_pruning, fields, half_width, one_shot, summarise
from rflib.paper.say import FEWEST_FOR_AN_INTERVAL, NOTHING, Sentences, ends, over_seeds
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note, quantity_style
from rflib.paper.verdicts.assessment import FEWEST_SEEDS, corrected, floor, trend, within
from rflib.paper.verdicts.cells import (
    known,
)
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import EQUIVALENCE, TREND, Evidence
from rflib.paper.verdicts.margins import (
    GUESSING_POINTS,
    NOTICEABLE_POINTS,
    NOTICEABLE_SATURATION,
    NOTICEABLE_SHARE,
    RATE,
)
from rflib.paper.verdicts.readings import EVERY, RESNET_SMALL, VGG_SMALL, Readings, by_seed, chosen, combinations
from rflib.paper.verdicts.statistics import DECIMALS, peak_p_value
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

NETWORK = ["architecture", "pool_kernel"]
REDUNDANCY_SCOPES = {"all": "redundancy", "live": "redundancy_live"}
WAYS = ("dense", "pruned", "live")
# What has no meaning among fields at which all networks guess.
_OPTIMUM = ("receptive_field", "margin_mean", "margin_sd", "seeds_agreeing", "at_the_edge")
_BY_FIELD = ("grid", "smaller_fields")
_LAYER = ("saturation", "similarity", "relative_rank", "zero_filters")


@traced
def layer_redundancy(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a convolution, rate (0: dense), network and seed; columns as the measurement `redundancy`.

    `position` is the convolution's place in the network, 0 for the first and 1 for the last. `scope`: pruned among
    "all" weights or among "live" ones.
    """
    frame = study.frame("redundancy", REDUNDANCY_SCOPES[scope], role=role)
    if frame.empty:
        return frame
    last = frame.groupby("architecture")["layer"].transform("max")
    frame["position"] = (frame["layer"] - 1) / (last - 1).clip(lower=1)
    return frame


@traced
def deep_runs(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network, rate (0: dense) and seed: means over its deep convolutions, in percent but cosines.

    `shallow_saturation` is the mean over the other convolutions.
    """
    frame = layer_redundancy(study, role=role, scope=scope)
    if frame.empty:
        return frame
    keys = [*NETWORK, "rate", "seed"]
    deep = frame[frame["deep"]].groupby(keys, sort=False)[list(_LAYER)].mean()
    deep["shallow_saturation"] = frame[~frame["deep"]].groupby(keys, sort=False)["saturation"].mean()
    return deep.reset_index()


@traced
def deep_layers(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network and rate: the summary of `deep_runs` over seeds."""
    runs = deep_runs(study, role=role, scope=scope)
    return runs if runs.empty else summarise(runs, [*NETWORK, "rate"], ["shallow_saturation", *_LAYER])


@traced
def deep_pruning_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a part of a network, scope, rate and seed: accuracy when that part alone is pruned, in percent.

    `lost` is dense less that, in points. The part "deep" is the last third of the convolutions, "tail" those from the
    border layer on.
    """
    frame = study.frame("deep_pruning", "deep_pruning", role=role)
    if frame.empty:
        return frame
    frame = frame[(frame["role"] == role) & (frame["calibration_images"] == 0)].reset_index(drop=True)
    frame["lost"] = frame["dense_accuracy"] - frame["accuracy"]
    return frame


@traced
def deep_pruning(study: Study, *, role: RoleName = "small_images", part: str = "deep") -> pd.DataFrame:
    """Return one row a network, scope and rate: what pruning one part alone leaves and costs, over seeds."""
    runs = deep_pruning_runs(study, role=role)
    if runs.empty:
        return runs
    by = [*NETWORK, "layers", "weight_share", "dead_share", "scope", "rate"]
    return summarise(runs[runs["part"] == part], by, ["dense_accuracy", "accuracy", "lost"])


@traced
def accuracy_by_field(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return the rows of `accuracy_and_pruning` of the grid and of the smaller fields, each network's by field."""
    parts = [accuracy_and_pruning(study, role=role, rate=rate, purpose=purpose) for purpose in _BY_FIELD]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame()
    networks = pd.concat(parts).groupby("architecture", sort=False)
    return pd.concat([rows.sort_values("receptive_field") for _, rows in networks], ignore_index=True)


@traced
def field_accuracy_runs(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network and seed: its field in pixels, and accuracy in percent, of the grid and below it.

    Columns `dense`, `pruned` and `live` (pruned among live weights). A smaller field that lacks a seed of the grid is
    left out: an optimum is one among fields that are measured alike.
    """
    grid, smaller = (_by_field(study, role, purpose, rate) for purpose in _BY_FIELD)
    if grid.empty or smaller.empty:
        return pd.concat([grid, smaller])
    seeds = grid.groupby("architecture")["seed"].agg(set)
    whole = smaller.groupby([*NETWORK, "receptive_field"]).filter(
        lambda runs: seeds.get(runs["architecture"].iloc[0], set()) <= set(runs["seed"])
    )
    return pd.concat([grid, whole], ignore_index=True)


@traced
def best_fields(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network and a way to prune: the field in pixels where accuracy in percent is highest.

    The ways are dense, pruned among all weights (`pruned`) and among live ones (`live`). `seeds_agreeing` is the share
    of seeds, in percent, whose own best field it is, and `margin` by how many points it lies above the field of the
    second best mean. `at_the_edge`: no smaller, or no larger, field was measured, so the optimum may lie beyond.
    `above_guessing` is in points: an optimum among networks that guess is none, so that what describes it is missing.
    """
    guess = 100 / study.profile.roles[role].classes
    runs = field_accuracy_runs(study, role=role, rate=rate)
    rows = []
    for architecture, group in runs.groupby("architecture", sort=False) if len(runs) else ():
        for way in WAYS:
            grid = group.pivot_table(index="seed", columns="receptive_field", values=way).dropna()
            if len(grid) and grid.shape[1] > 1:
                rows.append({"architecture": architecture, "way": way, **_best(grid, guess)})
    return pd.DataFrame(rows)


def _by_field(study: Study, role: RoleName, purpose: str, rate: float) -> pd.DataFrame:
    """Return one row a network and seed of a purpose: its field, and accuracy by every way at a rate."""
    runs, known = one_shot(study, role, purpose), fields(study, role, purpose)
    if runs.empty or known.empty:
        return pd.DataFrame()
    place = known[[*NETWORK, "omitted_downsamplings", "receptive_field"]]
    chosen = runs[(runs["rate"] - rate).abs() < 1e-9].merge(place)
    return chosen[[*NETWORK, "seed", "receptive_field", *WAYS]]


def _best(grid: pd.DataFrame, guess: float) -> dict[str, object]:
    """Describe where the mean of the rows of `grid`, one a seed, is highest over its columns, the fields."""
    best, second = grid.mean().sort_values(ascending=False, kind="stable").index[:2]
    margin = grid[best] - grid[second]
    found = {
        "receptive_field": float(best),
        "fields": grid.shape[1],
        "accuracy_mean": grid[best].mean(),
        "accuracy_sd": grid[best].std(ddof=1),
        "above_guessing": grid[best].mean() - guess,
        "margin_mean": margin.mean(),
        "margin_sd": margin.std(ddof=1),
        "seeds_agreeing": 100 * float((grid.idxmax(axis=1) == best).mean()),
        "at_the_edge": bool(best in (grid.columns.min(), grid.columns.max())),
        "n": len(grid),
    }
    return found if found["above_guessing"] > GUESSING_POINTS else found | dict.fromkeys(_OPTIMUM)


_SCOPES = {"global": ("pruned", "among all weights"), "live": ("live", "among live weights")}
_RING: dict[str, Any] = {
    "markerfacecolor": "none",
    "markersize": 14,
    "markeredgewidth": 1.6,
    "linestyle": "none",
}


@drawn
def draw_saturation_along_depth(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> Drawing:
    """Draw the saturation of every convolution in percent against its place, a line a pool kernel.

    Dense, and dashed as pruned at the highest rate measured, among "all" weights or "live" ones. The deep layers, the
    last third, are shaded.
    """
    frame = layer_redundancy(study, role=role, scope=scope)
    covered(frame)
    rate = frame["rate"].max()
    lines: dict[float, dict[str, Any]] = {0.0: {"linestyle": "-"}, rate: {"linestyle": "--"}}
    groups = plots.by_architecture(frame)
    # Half the width is too little for the lines of fifty convolutions.
    figure, main, _ = plots.panels(list(groups), columns=1, height=2.6, extra=1.5)
    for axes, group in zip(main, groups.values(), strict=True):
        axes.axvspan(group.loc[group["deep"], "position"].min(), 1, color="#EFEFEF", zorder=0, label="deep layers")
        for kernel, rows in plots.by_kernel(group):
            for each, line in lines.items():
                summary = summarise(rows[rows["rate"] == each], ["position"], ["saturation"])
                label = f"k = {kernel}" if not each else "_"
                style = kernel_style(kernel) | {"marker": ""} | line
                plots.curve(axes, summary["position"], summary, "saturation", band=True, label=label, **style)
    main[-1].set_xlabel("place of the convolution")
    main[0].set_ylim(0, 100)
    plots.label_left(main, "saturation (%)")
    keys = [key("dense", **lines[0.0]), key(f"pruned at {rate:g}", **lines[rate])]
    legend(figure, columns=4, keys=keys, across=True)
    note(
        figure,
        f"{study.profile.roles[role].title}.",
        plots.spread_note(frame.groupby("architecture")["seed"].nunique(), "bands"),
    )
    return figure


@drawn
def draw_deep_pruning(
    study: Study, *, role: RoleName = "small_images", part: str = "deep", rate: float = 0.9
) -> Drawing:
    """Draw what pruning the deep layers alone costs in points, among all and among live weights, over pool kernels.

    The strip under each panel shows the share of dead taps among the weights of the part, in percent.
    """
    table = deep_pruning(study, role=role, part=part)
    if len(table):
        table = table[(table["rate"] - rate).abs() < 1e-9]
    covered(table)
    groups = plots.by_architecture(table.sort_values("pool_kernel", kind="stable"))
    figure, main, strips = plots.panels(list(groups), height=2.8, strip=0.8, extra=1.4)
    for axes, strip, group in zip(main, strips, groups.values(), strict=True):
        axes.axhline(0, color="#1A1A1A", linewidth=1)
        for scope, (quantity, label) in _SCOPES.items():
            rows = group[group["scope"] == scope]
            plots.curve(axes, rows["pool_kernel"], rows, "lost", label=label, **quantity_style(quantity))
        whole = group.drop_duplicates("pool_kernel")
        plots.dead_bars(strip, whole["pool_kernel"], whole["dead_share"], top=150)
        strip.set_xticks(whole["pool_kernel"].tolist())
        strip.set_xlabel("pool kernel k")
    plots.label_left(main, "lost accuracy (points)")
    plots.label_left(strips, "dead (%)")
    legend(figure, columns=2)
    title = f"{study.profile.roles[role].title}; the {part} layers alone pruned at {rate:g}."
    note(figure, title, plots.spread_note(table["n"]))
    return figure


@drawn
def draw_best_field(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent against the field, dense and pruned among all and live weights; rings are the optima.

    Fields below those of the grid are of networks with downsamplings left out.
    """
    table = accuracy_by_field(study, role=role, rate=rate)
    covered(table)
    optima = best_fields(study, role=role, rate=rate)
    groups = plots.by_architecture(table)
    figure, main, _ = plots.panels(list(groups), columns=plots.columns_for(table), height=3.0, extra=1.5)
    for axes, (name, group) in zip(main, groups.items(), strict=True):
        plots.draw_accuracies(axes, group, rate)
        if len(optima):
            found = optima[optima["architecture"] == name].dropna(subset="receptive_field")
            _ring(axes, found.to_dict("records"))
        plots.field_axis(axes, group, logarithmic=True)
    plots.accuracy_axis(main)
    legend(figure, columns=2, keys=[key("best field", **_RING | {"marker": "o"})])
    title = study.profile.roles[role].title
    note(figure, f"{title}.", plots.spread_note(table["n"]), plots.paper_note(table, role))
    return figure


def _ring(axes: Axes, optima: list[dict[Any, Any]]) -> None:
    for row in optima:
        colour = quantity_style(row["way"])["color"]
        axes.plot(row["receptive_field"], row["accuracy_mean"], color=colour, marker="o", clip_on=False, **_RING)


_WAYS = {"dense": "dense", "pruned": "pruned among all weights", "live": "pruned among live weights"}
_SAY_SCOPES = {"global": "all", "live": "live"}


def say_saturation(table: pd.DataFrame) -> Sentences:
    """Say how saturation and filters of the deep layers move with the pool kernel; takes `deep_layers`."""
    if table.empty:
        return NOTHING
    points = []
    for name, rows in _ends(table[table["rate"] == 0]):
        at = " and ".join(f"{row['saturation_mean']:.0f} % at k = {row['pool_kernel']}" for row in rows)
        points.append(
            f"`{name}`, dense: the deep layers are saturated by {at}; the others by "
            f"{_joined(rows, 'shallow_saturation_mean', '.0f')} %. Their filters' mean |cosine| is "
            f"{_joined(rows, 'similarity_mean', '.3f')}, their effective rank "
            f"{_joined(rows, 'relative_rank_mean', '.0f')} % of the largest possible."
        )
    return Sentences((*points, over_seeds(table)))


def say_pruned_saturation(table: pd.DataFrame) -> Sentences:
    """Say what pruning makes of the deep layers' saturation; takes `deep_layers`."""
    rates = sorted(table["rate"].unique()) if len(table) else []
    if len(rates) < 2:
        return NOTHING
    keys = ["architecture", "pool_kernel"]
    dense, pruned = (table[table["rate"] == rate].set_index(keys)["saturation_mean"] for rate in (0, rates[-1]))
    points = [
        f"`{name}`, k = {kernel}: {dense[name, kernel]:.0f} % dense, {pruned[name, kernel]:.0f} % pruned at "
        f"{rates[-1]:g}."
        for name, kernel in dense.index
    ]
    return Sentences((*points, over_seeds(table)))


def say_deep(table: pd.DataFrame, *, rate: float = 0.9) -> Sentences:
    """Say what pruning one part alone costs at the smallest and the largest kernel; takes `deep_pruning`."""
    chosen = table[(table["rate"] - rate).abs() < 1e-9] if len(table) else table
    if chosen.empty:
        return NOTHING
    points = []
    for scope, group in chosen.groupby("scope", sort=False):
        for name, rows in _ends(group):
            costs = " and ".join(
                f"{row['lost_mean']:+z.1f} points at k = {row['pool_kernel']} ({row['dead_share']:.0f} % of its "
                "weights dead)"
                for row in rows
            )
            points.append(
                f"`{name}`, {_counts(rows)} convolutions pruned at {rate:g} among {_SAY_SCOPES[str(scope)]} weights: "
                f"this costs {costs}."
            )
    return Sentences((*points, over_seeds(chosen)))


def _counts(rows: list[pd.Series]) -> str:
    """Return how many convolutions are pruned, both numbers where they differ between kernels."""
    return " and ".join(dict.fromkeys(str(row["layers"]) for row in rows))


def say_best_fields(table: pd.DataFrame) -> Sentences:
    """Say where accuracy peaks, dense and pruned, and how sure that place is; takes `best_fields`."""
    if table.empty:
        return NOTHING
    points = []
    for name, group in table.groupby("architecture", sort=False):
        rows = group.to_dict("records")
        places = [f"{row['receptive_field']:.0f} px {_WAYS[row['way']]}" for row in rows if not _guesses(row)]
        if places:
            points.append(f"`{name}`: among {rows[0]['fields']} fields the best is {', '.join(places)}.")
        points += [f"`{name}`, {_WAYS[row['way']]}: {_optimum(row)}" for row in rows]
    return Sentences((*points, over_seeds(table)))


def _optimum(row: Mapping[Any, Any]) -> str:
    """Say by how much the best field is the best, with the margin's interval from three seeds on."""
    if _guesses(row):
        return f"no field does better than guessing by {GUESSING_POINTS:g} points, so there is no best one."
    margin = f"{row['margin_mean']:.1f} points"
    if row["n"] >= FEWEST_FOR_AN_INTERVAL:
        half = half_width(row["margin_sd"], row["n"])
        margin += f" (95 % interval {row['margin_mean'] - half:+z.1f} to {row['margin_mean'] + half:+z.1f})"
    text = f"{row['accuracy_mean']:.1f} %, {margin} above the second best field and best in "
    text += f"{row['seeds_agreeing']:.0f} % of the seeds."
    if row["at_the_edge"]:
        text += " It lies at the edge of the grid."
    return text


def _guesses(row: Mapping[Any, Any]) -> bool:
    return bool(row["above_guessing"] <= GUESSING_POINTS)


def _ends(table: pd.DataFrame) -> Iterator[tuple[str, list[pd.Series]]]:
    """Yield each network with the rows of its smallest and its largest kernel, one row where it has one kernel."""
    for name, group in table.groupby("architecture", sort=False):
        yield str(name), ends(group.sort_values("pool_kernel"))


def _joined(rows: list[pd.Series], column: str, form: str) -> str:
    return " and ".join(f"{row[column]:{form}}" for row in rows)


_CLAIM_SCOPES = ("global", "live")


def decide_low_saturation(readings: Readings) -> Finding:
    """PT-09: the saturation of the deep layers falls with the field; beside it, whether their filters grow alike."""
    frame = chosen(readings.over_roles(deep_runs), rate=0.0)
    grids = list(combinations(frame))
    found = [trend(where, by_seed(runs, "saturation"), -1, noticeable=NOTICEABLE_SATURATION) for where, runs in grids]
    alike = [trend(where, by_seed(runs, "similarity"), 1, noticeable=NOTICEABLE_SHARE) for where, runs in grids]
    shown = "; ".join(f"{each.where} ({each.effect:+z.2f})" for each in alike if each is not None)
    remark = f"Rank correlation of the mean |cosine| of their filters with k: {shown}." if shown else ""
    return Finding(found, remark=remark)


def decide_deep_pruning(readings: Readings) -> Finding:
    """PT-10: at the largest field, pruning the deep layers alone costs nothing; control: among live weights."""
    found, live = ([_cost(readings, where, runs, scope) for where, runs in _deep(readings)] for scope in _CLAIM_SCOPES)
    decided, control = (corrected([each for each in evidence if each is not None]) for evidence in (found, live))
    return Finding(decided, control=beside(decided, control, "Among live weights that is"))


def _deep(readings: Readings) -> list[tuple[str, pd.DataFrame]]:
    """Return what pruning the deep layers costs every network at its largest pool kernel."""
    frame = chosen(readings.over_roles(deep_pruning_runs), part="deep", rate=RATE)
    pairs = []
    for where, runs in combinations(frame):
        largest = runs["pool_kernel"].max()
        if largest > runs["pool_kernel"].min():
            pairs.append((f"{where}, k = {largest}", runs[runs["pool_kernel"] == largest]))
    return pairs


def _cost(readings: Readings, where: str, runs: pd.DataFrame, scope: str) -> Evidence | None:
    """Return whether pruning costs nothing; None where the dense network has nothing to lose."""
    lost = chosen(runs, scope=scope)
    if lost.empty or lost["dense_accuracy"].mean() <= readings.guess(runs["role"].iloc[0]) + GUESSING_POINTS:
        return None
    return within(where, lost.set_index("seed")["lost"], NOTICEABLE_POINTS)


_NEEDS_RATE = f"one-shot pruning at rate {RATE:g} for two or more pool kernels of one network"


def decide_peaks(readings: Readings) -> Finding:
    """PT-08: accuracy pruned at 0.9 peaks at a larger field than dense accuracy; control: among live weights.

    Over the fields of the grid and those below it.
    """
    frame = readings.over_roles(field_accuracy_runs, rate=RATE)
    shifts, ties = {}, []
    for way in ("pruned", "live"):
        shifts[way] = corrected(known(_peak_shift(readings, where, runs, way) for where, runs in combinations(frame)))
    for where, runs in combinations(frame):
        if not readings.guesses(runs["role"].iloc[0], runs.groupby("receptive_field")["pruned"].mean()):
            ties += _tied(where, runs)
    return Finding(
        shifts["pruned"],
        control=beside(shifts["pruned"], shifts["live"], "Among live weights the shift is"),
        remark=f"Within {NOTICEABLE_POINTS:g} point of the highest pruned accuracy: {'; '.join(ties)}." if ties else "",
    )


def _peak_shift(readings: Readings, where: str, group: pd.DataFrame, way: str) -> Evidence | None:
    """Return by how many pixels of the field the accuracy pruned in one way peaks beyond the dense one.

    The means agree if the pruned network is noticeably better at its own peak than at the dense one's.
    """
    dense, pruned = (by_seed(group, value, "receptive_field").dropna() for value in ("dense", way))
    if dense.shape[1] < 2 or dense.empty:
        return None
    if readings.guesses(group["role"].iloc[0], pruned.mean()):
        return floor(where, 1, f"pruned networks guess at every field at rate {RATE:g}")
    best_dense, best_pruned = (int(grid.mean().round(DECIMALS).to_numpy().argmax()) for grid in (dense, pruned))
    gain = float(pruned.mean().iloc[best_pruned] - pruned.mean().iloc[best_dense])
    return Evidence(
        where,
        "px",
        float(dense.columns.to_numpy()[best_pruned] - dense.columns.to_numpy()[best_dense]),
        1,
        agrees=best_pruned > best_dense and gain > NOTICEABLE_POINTS,
        opposite=best_pruned < best_dense,
        p=peak_p_value(pruned, best_dense) if len(dense) >= FEWEST_SEEDS else None,
        seeds=len(dense),
    )


def _tied(where: str, group: pd.DataFrame) -> list[str]:
    """Name the fields whose mean pruned accuracy is within a noticeable point of the highest, if there are several."""
    means = group.groupby("receptive_field")["pruned"].mean()
    close = means[means >= means.max() - NOTICEABLE_POINTS]
    listed = " and ".join(f"{value:.1f} % at {field:.0f} px" for field, value in close.items())
    return [f"{where}, {listed}"] if 1 < len(close) < len(means) else []


CLAIMS = {
    "PT-09": Rule(
        decide_low_saturation,
        "The mean saturation of the deep layers, the last third of the convolutions, falls with the pool kernel. "
        f"{TREND}",
        "saturation of every layer at two or more pool kernels of one network",
        ("fig-saturation-along-depth",),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
    "PT-10": Rule(
        decide_deep_pruning,
        f"At the largest pool kernel, pruning the last third of the convolutions alone at rate {RATE:g} changes the "
        f"accuracy by no more than ± {NOTICEABLE_POINTS:g} point. {EQUIVALENCE}",
        f"pruning of the deep layers alone at rate {RATE:g}, at two or more pool kernels of a network that does better "
        "than guessing",
        ("fig-deep-pruning",),
        scope=(VGG_SMALL, RESNET_SMALL),
    ),
    "PT-08": Rule(
        decide_peaks,
        f"The field of highest accuracy pruned at rate {RATE:g} lies beyond that of highest dense accuracy, and the "
        f"rise from there to it is more than {NOTICEABLE_POINTS:g} point. Exact randomisation: the share of all orders "
        "of the pruned accuracies within each seed whose highest mean beyond the dense peak rises as far above it, "
        f"Holm-corrected over networks and image sizes. Where pruned networks guess at every field, within "
        f"{GUESSING_POINTS:g} points, nothing is decided.",
        _NEEDS_RATE,
        ("fig-best-field",),
        scope=EVERY,
    ),
}
