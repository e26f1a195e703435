"""The field at which networks do best, dense and pruned among all weights and among live ones."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots
from rflib.paper.frames import NETWORK, accuracy_and_pruning, fields, guessing_accuracy, one_shot
from rflib.paper.style import Drawing, covered, drawn, key, legend, note, quantity_style
from rflib.paper.verdicts.assessment import FEWEST_SEEDS, corrected, floor
from rflib.paper.verdicts.cells import known
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import Evidence
from rflib.paper.verdicts.margins import GUESSING_POINTS, NOTICEABLE_POINTS, RATE
from rflib.paper.verdicts.readings import EVERY, Readings, by_seed, chosen, combinations
from rflib.paper.verdicts.statistics import DECIMALS, peak_p_value
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

WAYS = ("dense", "pruned", "live")
# What has no meaning among fields at which all networks guess.
_OPTIMUM = ("receptive_field", "margin_mean", "margin_sd", "seeds_agreeing", "at_the_edge")
_BY_FIELD = ("grid", "smaller_fields")


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
    guess = guessing_accuracy(study, role)
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
    runs = chosen(one_shot(study, role, purpose), rate=rate)
    if runs.empty:
        return pd.DataFrame()
    places = fields(study, role, purpose)[[*NETWORK, "omitted_downsamplings", "receptive_field"]]
    return runs.merge(places)[[*NETWORK, "seed", "receptive_field", *WAYS]]


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


_RING: dict[str, Any] = {
    "markerfacecolor": "none",
    "markersize": 14,
    "markeredgewidth": 1.6,
    "linestyle": "none",
}


@drawn
def draw_best_field(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent against the field, dense and pruned among all and live weights; rings are the optima.

    Fields below those of the grid are of networks with downsamplings left out.
    """
    table = covered(accuracy_by_field(study, role=role, rate=rate))
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
    "PT-08": Rule(
        decide_peaks,
        f"The field of highest accuracy pruned at rate {RATE:g} lies beyond that of highest dense accuracy, and the "
        f"rise from there to it is more than {NOTICEABLE_POINTS:g} point. Exact randomisation: the share of all orders "
        "of the pruned accuracies within each seed whose highest mean beyond the dense peak rises as far above it, "
        f"Holm-corrected over networks and image sizes. Where pruned networks guess at every field, within "
        f"{GUESSING_POINTS:g} points, nothing is decided.",
        f"one-shot pruning at rate {RATE:g} for two or more pool kernels of one network",
        ("fig-best-field",),
        scope=EVERY,
    ),
}
