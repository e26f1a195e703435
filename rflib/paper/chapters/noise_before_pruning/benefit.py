"""What noise before pruning brings the selected copy and the mean one, and what fine-tuning leaves of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from rflib.paper import plots
from rflib.paper.frames import NETWORK, summarise
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.paper.verdicts.assessment import all_of, corrected, difference
from rflib.paper.verdicts.cells import known
from rflib.paper.verdicts.controls import beside_all
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_POINTS, RATE, RATE_IN_THE_TEXT
from rflib.paper.verdicts.readings import Readings, chosen, each_network
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

# How copies are pruned and scored, by the purpose of the measurement.
SWEEPS = {"all": "noise", "live": "noise_live", "recalibrated": "noise_calibrated"}
_BENEFITS = ("pruned_tested", "tested", "benefit", "mean_benefit")
_NOISE = ["mask_rate", "mask_noise_kind", "mask_noise_scale"]


@traced
def noise_recipes(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a recipe (kind, scale, rate, order), network and seed; columns as the measurement `noise`.

    `sweep` is "all" for pruning among all weights, "live" among those that can receive gradient, and "recalibrated"
    among all with batch-norm statistics re-estimated.
    """
    return study.frame("noise", SWEEPS[sweep], role=role)


@traced
def noise_runs(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a network, rate, order and seed: the recipe whose best copy did best where copies are selected.

    So kind and scale are selected as the copy is, and `tested`, on other images, is free of the selection; of equal
    recipes the first. `mean_benefit` is that of the chosen recipe.
    """
    ordered = noise_recipes(study, role=role, sweep=sweep).sort_values("selected", ascending=False, kind="stable")
    return ordered.drop_duplicates([*NETWORK, "seed", "rate", "order"]).sort_index().reset_index(drop=True)


@traced
def noise_benefit(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a network, rate and order: test accuracy pruned without noise and of the selected copy.

    In percent; `benefit` is their difference and `mean_benefit` that of the mean copy, in points, seed by seed.
    """
    runs = noise_runs(study, role=role, sweep=sweep)
    table = summarise(runs, [*NETWORK, "rate", "order"], _BENEFITS)
    # The chosen recipes decide in which order the runs come: networks as they are planned, before ahead of after.
    ordered = table.sort_values(["rate", "order"], ascending=[True, False])
    return runs[NETWORK].drop_duplicates().merge(ordered, on=NETWORK)


@traced
def controlled_runs(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return the rows of `noise_runs` with noise before pruning and, in points, their benefit `beyond` the control.

    The control is noise after pruning, selected in the same way; NaN where it was not measured.
    """
    keys = [*NETWORK, "rate", "seed"]
    runs = noise_runs(study, role=role, sweep=sweep)
    before, after = (runs[runs["order"] == order] for order in ("before", "after"))
    both = before.merge(after[[*keys, "benefit"]], on=keys, how="left", suffixes=("", "_after"))
    return both.assign(beyond=both["benefit"] - both["benefit_after"])


@traced
def controlled_benefit(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a network and rate: the summary of `controlled_runs` over seeds."""
    runs = controlled_runs(study, role=role, sweep=sweep)
    return summarise(runs, [*NETWORK, "rate"], ["benefit", "mean_benefit", "beyond"])


@traced
def noisy_tuning_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a noise, network and seed: accuracy fine-tuned without and with it, means over draws.

    In percent; `benefit` is their difference in points.
    """
    plain, noisy = (_last_epochs(study, role, purpose) for purpose in ("fine_tuned", "noisy_fine_tuned"))
    means = noisy.groupby([*NETWORK, "seed", *_NOISE], sort=False)["test_accuracy"].mean().reset_index()
    keys = [*NETWORK, "seed", "mask_rate"]
    both = means.merge(plain[[*keys, "test_accuracy"]], on=keys, suffixes=("_noisy", ""))
    both["benefit"] = both["test_accuracy_noisy"] - both["test_accuracy"]
    names = dict(zip(_NOISE, ("rate", "kind", "scale"), strict=True))
    return both.rename(columns={**names, "test_accuracy_noisy": "noisy_fine_tuned", "test_accuracy": "fine_tuned"})


def _last_epochs(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    frame = study.frame("history", purpose, role=role)
    return frame[frame["epoch"] == frame["epochs"]]


@traced
def noisy_tuning(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a noise and network: the summary of `noisy_tuning_runs` over seeds."""
    by = [*NETWORK, "rate", "kind", "scale"]
    return summarise(noisy_tuning_runs(study, role=role), by, ["fine_tuned", "noisy_fine_tuned", "benefit"])


_ORDERS: dict[str, dict[str, Any]] = {
    "before": {"linestyle": "-"},
    "after": {"linestyle": "--", "markerfacecolor": "white"},
}


@drawn
def draw_noise_benefit(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> Drawing:
    """Draw by how many points the selected noisy copy beats pruning without noise, against the rate, a line a kernel.

    Noise after pruning, the control, is dashed. `sweep` as in `noise_benefit`.
    """
    table = covered(noise_benefit(study, role=role, sweep=sweep))
    places = plots.rate_places(table)
    groups = plots.by_architecture(table.sort_values(["pool_kernel", "rate"], kind="stable"))
    figure, main, _ = plots.panels(list(groups), height=3.2, extra=1.4)
    for axes, group in zip(main, groups.values(), strict=True):
        axes.axhline(0, color="#1A1A1A", linewidth=1)
        for kernel, rows in plots.by_kernel(group):
            for order, line in _ORDERS.items():
                shown = rows[rows["order"] == order]
                label = f"k = {kernel}" if order == "before" else "_"
                style = kernel_style(kernel) | line
                plots.curve(axes, shown["rate"].map(places), shown, "benefit", band=True, label=label, **style)
        plots.rate_axis(axes, places)
    plots.label_left(main, "benefit (points)")
    legend(figure, columns=4, keys=[key(f"noise {order} pruning", **style) for order, style in _ORDERS.items()])
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"], "bands"))
    return figure


def decide_better_networks(readings: Readings) -> Finding:
    """PT-01: above 0.8 the selected noisy copy beats pruning without noise, on images that selected nothing.

    Controls: noise after pruning selected in the same way, live weights, re-estimated batch-norm statistics.
    """
    found = _gains(readings)
    controls = {
        "Beyond that of noise after pruning the benefit is": _gains(readings, value="beyond"),
        "Among live weights the benefit is": _gains(readings, "live"),
        "With re-estimated statistics the benefit is": _gains(readings, "recalibrated"),
    }
    return Finding(found, control=beside_all(found, controls))


def decide_extreme_rates(readings: Readings) -> Finding:
    """PT-02: the benefit is there above 0.8, and none of it at rates up to 0.8."""
    low = dict(_benefits(readings, above=False))
    found = []
    for where, sample in _benefits(readings):
        if where in low:
            above = difference(f"{where}, above {RATE_IN_THE_TEXT:g}", sample, 1)
            here = f"{where}, up to {RATE_IN_THE_TEXT:g}"
            below = difference(here, low[where], -1, bound=NOTICEABLE_POINTS, noticeable=0.0)
            found.append(all_of(where, [above, below]))
    return Finding(found)


def decide_fine_tuning(readings: Readings) -> Finding:
    """PT-03: noise before pruning raises accuracy at 0.9 before fine-tuning, in the mean copy, and after it."""
    recipes = chosen(readings.over_roles(noise_recipes), order="before")
    keys = ["role", *NETWORK, "seed", "kind", "scale", "rate"]
    found = []
    for where, tuned in each_network(readings.over_roles(noisy_tuning_runs)):
        copies = recipes.merge(tuned[keys], on=keys) if len(recipes) else recipes
        if len(copies):
            one_shot = difference(f"{where}, one-shot", copies.groupby("seed")["mean_benefit"].mean(), 1)
            after = difference(f"{where}, fine-tuned", tuned.groupby("seed")["benefit"].mean(), 1)
            found.append(all_of(where, [one_shot, after]))
    remark = "A noise to be fine-tuned is fixed before the network is trained, so none is selected: means over draws."
    return Finding(found, remark=remark)


def _benefits(
    readings: Readings, sweep: str = "all", *, above: bool = True, value: str = "benefit"
) -> Iterator[tuple[str, pd.Series]]:
    """Yield every network with a benefit by seed, averaged over the rates above 0.8 or over those up to it."""
    runs = readings.over_roles(controlled_runs, sweep=sweep)
    runs = runs[(runs["rate"] > RATE_IN_THE_TEXT + 1e-9) == above] if len(runs) else runs
    for where, group in each_network(runs):
        yield where, group.groupby("seed")[value].mean()


def _gains(readings: Readings, sweep: str = "all", *, value: str = "benefit") -> tuple[Evidence, ...]:
    samples = _benefits(readings, sweep, value=value)
    return corrected(known(difference(where, sample, 1) for where, sample in samples))


_SELECTED = (
    "Kind, scale and copy are selected on one half of the test images and scored on the other; the benefit is the "
    "accuracy of the selected copy less that of pruning without noise."
)
_NEEDS = f"noisy, pruned copies at a rate above {RATE_IN_THE_TEXT:g}"
CLAIMS = {
    "PT-01": Rule(
        decide_better_networks,
        f"{_SELECTED} Its mean over the rates above {RATE_IN_THE_TEXT:g} is positive. {DIFFERENCE}",
        _NEEDS,
        ("fig-noise-benefit",),
    ),
    "PT-02": Rule(
        decide_extreme_rates,
        f"{_SELECTED} Both must hold: its mean over the rates above {RATE_IN_THE_TEXT:g} is positive, and that over "
        f"the others below {NOTICEABLE_POINTS:g} point. {DIFFERENCE}",
        f"{_NEEDS} and at one up to there",
        ("fig-noise-benefit",),
    ),
    "PT-03": Rule(
        decide_fine_tuning,
        f"Both must hold at rate {RATE:g}, for noise of fixed kind and scale: the mean copy is more accurate than "
        f"pruning without noise, and so it is after fine-tuning. {DIFFERENCE}",
        "the same noise before pruning, one-shot and fine-tuned",
        ("fig-noise-benefit",),
    ),
}
