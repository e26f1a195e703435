"""Noise before pruning: what it brings the selected copy and the mean one, and the variances of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from rflib.paper import plots
from rflib.paper.frames import summarise
from rflib.paper.say import NOTHING, Sentences, over_seeds, span, value
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.paper.verdicts.assessment import all_of, corrected, difference
from rflib.paper.verdicts.controls import beside
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import (
    NOTICEABLE_DISCREPANCY,
    NOTICEABLE_POINTS,
    RATE,
    RATE_IN_THE_TEXT,
    SHARP_DISCREPANCY,
)
from rflib.paper.verdicts.readings import Readings, chosen, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

NETWORK = ["architecture", "pool_kernel"]
_BENEFITS = ("pruned_tested", "tested", "benefit", "mean_benefit")
_NOISE = ["mask_noise_kind", "mask_noise_scale", "mask_rate"]
# How copies are pruned and scored, by the purpose of the measurement.
SWEEPS = {"all": "noise", "live": "noise_live", "recalibrated": "noise_calibrated"}
VARIANCE_SCOPES = {"all": "variance", "live": "variance_live"}


@traced
def noise_recipes(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a recipe (kind, scale, rate, order), network and seed; columns as the measurement `noise`.

    `sweep` is "all" for pruning among all weights, "live" among those that can receive gradient, and "recalibrated"
    among all with batch-norm statistics re-estimated.
    """
    return _of(study, "noise", SWEEPS[sweep], role)


@traced
def noise_runs(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a network, rate, order and seed: the recipe whose best copy did best where copies are selected.

    So kind and scale are selected as the copy is, and `tested`, on other images, is free of the selection; of equal
    recipes the first. `mean_benefit` is that of the chosen recipe.
    """
    frame = noise_recipes(study, role=role, sweep=sweep)
    if frame.empty:
        return frame
    ordered = frame.sort_values("selected", ascending=False, kind="stable")
    best = ordered.drop_duplicates([*NETWORK, "seed", "rate", "order"])
    return best.sort_index().reset_index(drop=True)


@traced
def noise_benefit(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> pd.DataFrame:
    """Return one row a network, rate and order: test accuracy pruned without noise and of the selected copy.

    In percent; `benefit` is their difference and `mean_benefit` that of the mean copy, in points, seed by seed.
    """
    runs = noise_runs(study, role=role, sweep=sweep)
    if runs.empty:
        return runs
    table = summarise(runs, [*NETWORK, "rate", "order"], _BENEFITS)
    # The chosen recipes decide in which order the runs come: networks as they are planned, before ahead of after.
    ordered = table.sort_values(["rate", "order"], ascending=[True, False])
    return runs[NETWORK].drop_duplicates().merge(ordered, on=NETWORK)


@traced
def noisy_tuning_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a noise, network and seed: accuracy fine-tuned without and with it, means over draws.

    In percent; `benefit` is their difference in points.
    """
    plain, noisy = (_last_epochs(study, role, purpose) for purpose in ("fine_tuned", "noisy_fine_tuned"))
    if plain.empty or noisy.empty:
        return pd.DataFrame()
    keys = [*NETWORK, "seed", "mask_rate"]
    means = noisy.groupby([*NETWORK, "seed", *_NOISE], sort=False)["accuracy"].mean().reset_index()
    both = means.merge(plain[[*keys, "accuracy"]], on=keys, suffixes=("_noisy", ""))
    both["benefit"] = both["accuracy_noisy"] - both["accuracy"]
    names = {"mask_rate": "rate", "mask_noise_kind": "kind", "mask_noise_scale": "scale"}
    return both.rename(columns={**names, "accuracy_noisy": "noisy_fine_tuned", "accuracy": "fine_tuned"})


@traced
def noisy_tuning(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a noise and network: the summary of `noisy_tuning_runs` over seeds."""
    runs = noisy_tuning_runs(study, role=role)
    by = [*NETWORK, "rate", "kind", "scale"]
    return runs if runs.empty else summarise(runs, by, ["fine_tuned", "noisy_fine_tuned", "benefit"])


@traced
def variance_runs(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a rate, noise, network and seed: how far features' variances are from the dense network's.

    Columns as the measurement `feature_variance`; `change` is the discrepancy with noise less that without.
    """
    frame = _of(study, "feature_variance", VARIANCE_SCOPES[scope], role)
    if frame.empty:
        return frame
    keys = [*NETWORK, "seed", "rate", "calibrated"]
    plain = frame[frame["order"] == "none"][[*keys, "discrepancy"]].rename(columns={"discrepancy": "plain"})
    frame = frame.merge(plain, on=keys)
    frame["change"] = frame["discrepancy"] - frame["plain"]
    return frame


@traced
def feature_variances(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a rate, noise and network: the summary of `variance_runs` over seeds; scale 0 is without noise."""
    runs = variance_runs(study, role=role, scope=scope)
    by = [*NETWORK, "calibrated", "rate", "order", "scale"]
    return runs if runs.empty else summarise(runs, by, ["discrepancy", "dispersion", "dense_dispersion", "change"])


def _of(study: Study, analysis: str, purpose: str, role: RoleName) -> pd.DataFrame:
    return study.frame(analysis, purpose, role=role)


def _last_epochs(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    frame = _of(study, "history", purpose, role)
    if frame.empty:
        return frame
    return frame[frame["epoch"] == frame["epochs"]].rename(columns={"test_accuracy": "accuracy"})


_ORDERS: dict[str, dict[str, Any]] = {
    "before": {"linestyle": "-"},
    "after": {"linestyle": "--", "markerfacecolor": "white"},
}
_DRAW_NOISE: dict[str, dict[str, Any]] = {
    "without noise": {"linestyle": "-"},
    "noise before pruning": {"linestyle": "--", "markerfacecolor": "white"},
}
_STATISTICS = {False: "own statistics", True: "new statistics"}


@drawn
def draw_noise_benefit(study: Study, *, role: RoleName = "small_images", sweep: str = "all") -> Drawing:
    """Draw by how many points the selected noisy copy beats pruning without noise, against the rate, a line a kernel.

    Noise after pruning, the control, is dashed. `sweep` as in `noise_benefit`.
    """
    table = noise_benefit(study, role=role, sweep=sweep)
    covered(table)
    places = _places(table)
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
        _rate_axis(axes, places)
    plots.label_left(main, "benefit (points)")
    legend(figure, columns=4, keys=[key(f"noise {order} pruning", **style) for order, style in _ORDERS.items()])
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"], "bands"))
    return figure


@drawn
def draw_variance_discrepancy(
    study: Study, *, role: RoleName = "small_images", scope: str = "all", scale: float | None = None
) -> Drawing:
    """Draw how far features' variances are from the dense network's against the pruning rate, a line a pool kernel.

    With noise of `scale` (None: the largest) before pruning, dashed; with the dense network's own batch-norm
    statistics, and with new ones. `scope` is "all" or "live".
    """
    table = feature_variances(study, role=role, scope=scope)
    covered(table)
    chosen = table["scale"].max() if scale is None else scale
    places = _places(table)
    groups = plots.by_architecture(table.sort_values(["pool_kernel", "rate"], kind="stable"))
    pairs = [(group, calibrated) for group in groups.values() for calibrated in _STATISTICS]
    titles = [f"{name}, {text}" for name in groups for text in _STATISTICS.values()]
    figure, main, _ = plots.panels(titles, height=2.6, extra=1.4)
    for axes, (group, calibrated) in zip(main, pairs, strict=True):
        measured = group[group["calibrated"] == calibrated]
        noisy = measured[(measured["order"] == "before") & ((measured["scale"] - chosen).abs() < 1e-9)]
        for (name, line), rows in zip(_DRAW_NOISE.items(), (measured[measured["order"] == "none"], noisy), strict=True):
            for kernel, shown in plots.by_kernel(rows):
                label = f"k = {kernel}" if name == "without noise" else "_"
                style = kernel_style(kernel) | line
                plots.curve(axes, shown["rate"].map(places), shown, "discrepancy", band=True, label=label, **style)
        _rate_axis(axes, places)
    main[0].set_ylim(bottom=0)
    plots.label_left(main, "discrepancy")
    legend(figure, columns=4, keys=[key(name, **style) for name, style in _DRAW_NOISE.items()])
    title = f"{study.profile.roles[role].title}; noise of scale {chosen:g}."
    note(figure, title, plots.spread_note(table["n"], "bands"), "Discrepancy: mean of |ln(variance / dense variance)|.")
    return figure


def _places(table: pd.DataFrame) -> dict[float, int]:
    """Return where each rate stands: at equal distances, since the highest rates lie close together."""
    return {float(rate): place for place, rate in enumerate(sorted(table["rate"].unique()))}


def _rate_axis(axes: Axes, places: dict[float, int]) -> None:
    axes.set_xlabel("pruning rate (%)")
    axes.set_xticks(list(places.values()), [f"{100 * rate:g}" for rate in places])


_NETWORK = ["architecture", "pool_kernel"]


def say_benefit(table: pd.DataFrame) -> Sentences:
    """Say what the selected copy gains at each rate beside its control; takes `noise_benefit`."""
    if table.empty:
        return NOTHING
    before, after = (table[table["order"] == order].set_index([*_NETWORK, "rate"]) for order in ("before", "after"))
    points = []
    for rate, group in before.groupby("rate"):
        gains, means = group["benefit_mean"], group["mean_benefit_mean"]
        text = (
            f"Rate {rate:g}: the selected copy is {span(gains, '+z.1f')} points from pruning without noise over "
            f"{len(group)} networks, the mean copy {span(means, '+z.1f')}."
        )
        beyond = (gains - after["benefit_mean"]).dropna()
        if len(beyond):
            text += (
                f" Beside noise after pruning, selected in the same way, that is {span(beyond, '+z.1f')} points more."
            )
        points.append(text)
    return Sentences((*points, over_seeds(table)))


def say_fine_tuned(table: pd.DataFrame) -> Sentences:
    """Say what is left of noise after fine-tuning; takes `noisy_tuning`."""
    if table.empty:
        return NOTHING
    points = [
        f"`{row['architecture']}`, k = {row['pool_kernel']}, rate {row['rate']:g}, {row['kind']} noise of scale "
        f"{row['scale']:g}: fine-tuned {value(row, 'fine_tuned')} without noise and {value(row, 'noisy_fine_tuned')} "
        f"with it ({row['benefit_mean']:+z.1f} points)."
        for _, row in table.iterrows()
    ]
    return Sentences((*points, over_seeds(table)))


def say_variances(table: pd.DataFrame) -> Sentences:
    """Say how the discrepancy grows with the rate, and what noise makes of it; takes `feature_variances`."""
    if table.empty:
        return NOTHING
    points = []
    for calibrated, group in table.groupby("calibrated"):
        statistics = (
            "With batch-norm statistics re-estimated" if calibrated else "With batch-norm statistics as they were"
        )
        plain = group[group["order"] == "none"]
        low, high = plain["rate"].min(), plain["rate"].max()
        ends = [span(plain.loc[plain["rate"] == rate, "discrepancy_mean"], ".2f") for rate in (low, high)]
        text = f"{statistics}, the discrepancy is {ends[0]} at rate {low:g} and {ends[1]} at {high:g}."
        for order in ("before", "after"):
            noisy = group[(group["order"] == order) & (group["rate"] == high)]
            if len(noisy):
                text += f" Noise {order} pruning at {high:g} changes it by {span(noisy['change_mean'], '+z.2f')}."
        points.append(text)
    return Sentences((*points, over_seeds(table)))


_LN = "of ln(variance)"
_CLAIM_NETWORK = ("architecture", "pool_kernel")
Samples = Iterator[tuple[str, pd.Series]]


def decide_better_networks(readings: Readings) -> Finding:
    """PT-01: above 0.8 the selected noisy copy beats pruning without noise, on images that selected nothing.

    Controls: noise after pruning selected in the same way, live weights, re-estimated batch-norm statistics.
    """
    found = corrected(_differences(_benefits(readings)))
    beyond = corrected(_differences(_beyond_the_control(readings)))
    parts = [beside(found, beyond, "Beyond that of noise after pruning the benefit is")]
    for sweep, start in (("live", "Among live weights"), ("recalibrated", "With re-estimated statistics")):
        parts.append(beside(found, corrected(_differences(_benefits(readings, sweep))), f"{start} the benefit is"))
    return Finding(found, control=" ".join(part for part in parts if part))


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
    found = []
    for (role, *network), tuned in groups(readings.over_roles(noisy_tuning_runs), "role", *_CLAIM_NETWORK):
        copies = _recipes(readings, role, network, tuned)
        where = _where(role, *network)
        after = difference(f"{where}, fine-tuned", tuned.groupby("seed")["benefit"].mean(), 1)
        found.append(all_of(where, [difference(f"{where}, one-shot", copies, 1), after]) if len(copies) else None)
    remark = "A noise to be fine-tuned is fixed before the network is trained, so none is selected: means over draws."
    return Finding(found, remark=remark)


def decide_growing_discrepancy(readings: Readings) -> Finding:
    """PT-04: from the lowest to the highest rate the variance discrepancy from the dense network grows sharply."""
    found = corrected(_growth(readings))
    live, again = corrected(_growth(readings, scope="live")), corrected(_growth(readings, calibrated=True))
    parts = [beside(found, live, "Among live weights the growth is")]
    parts.append(beside(found, again, "With re-estimated statistics the growth is"))
    return Finding(found, control=" ".join(part for part in parts if part))


def decide_mitigated_discrepancy(readings: Readings) -> Finding:
    """PT-05: at the highest rate noise before pruning lowers the discrepancy, as the mean over scales."""
    found = corrected(_mitigation(readings))
    others: dict[str, dict[str, Any]] = {
        "With noise after pruning the effect is": {"order": "after"},
        "Among live weights the effect is": {"scope": "live"},
        "With re-estimated statistics the effect is": {"calibrated": True},
    }
    parts = [beside(found, corrected(_mitigation(readings, **change)), start) for start, change in others.items()]
    return Finding(found, control=" ".join(part for part in parts if part))


def _where(role: str, architecture: str, kernel: int) -> str:
    return f"{architecture}, {images(role)}, k = {kernel}"


def _runs(readings: Readings, sweep: str, *, above: bool) -> pd.DataFrame:
    """Return the selected copies of both orders, at the rates above 0.8 or at those up to it."""
    frame = readings.over_roles(noise_runs, sweep=sweep)
    return frame if frame.empty else frame[(frame["rate"] > RATE_IN_THE_TEXT + 1e-9) == above]


def _benefits(readings: Readings, sweep: str = "all", *, above: bool = True) -> Samples:
    """Yield every network with the benefit of noise before pruning by seed, averaged over the rates."""
    frame = chosen(_runs(readings, sweep, above=above), order="before")
    for (role, *network), runs in groups(frame, "role", *_CLAIM_NETWORK):
        yield _where(role, *network), runs.groupby("seed")["benefit"].mean()


def _beyond_the_control(readings: Readings) -> Samples:
    """Yield every network with the benefit of noise before pruning less that of noise after it."""
    for (role, *network), runs in groups(_runs(readings, "all", above=True), "role", *_CLAIM_NETWORK):
        wide = runs.pivot_table(index="seed", columns="order", values="benefit", aggfunc="mean")
        if {"before", "after"} <= set(wide):
            yield _where(role, *network), wide["before"] - wide["after"]


def _differences(samples: Samples) -> list[Evidence]:
    found = (difference(where, sample, 1) for where, sample in samples)
    return [each for each in found if each is not None]


def _recipes(readings: Readings, role: str, network: Sequence[object], tuned: pd.DataFrame) -> pd.Series:
    """Return the mean benefit by seed of the noises that were fine-tuned, before fine-tuning."""
    frame = noise_recipes(readings.study, role=role)  # type: ignore[arg-type]
    if frame.empty:
        return pd.Series(dtype=float)
    keys = ["architecture", "pool_kernel", "seed", "kind", "scale", "rate"]
    both = chosen(frame, order="before").merge(tuned[keys], on=keys)
    return both.groupby("seed")["mean_benefit"].mean()


def _variances(readings: Readings, scope: str, *, calibrated: bool) -> Iterator[tuple[str, pd.DataFrame]]:
    frame = chosen(readings.over_roles(variance_runs, scope=scope), calibrated=calibrated)
    for (role, *network), runs in groups(frame, "role", *_CLAIM_NETWORK):
        yield _where(role, *network), runs


def _growth(readings: Readings, *, scope: str = "all", calibrated: bool = False) -> list[Evidence]:
    found = []
    for where, runs in _variances(readings, scope, calibrated=calibrated):
        wide = chosen(runs, order="none").pivot_table(index="seed", columns="rate", values="discrepancy")
        if wide.shape[1] > 1:
            growth = wide.iloc[:, -1] - wide.iloc[:, 0]
            found.append(difference(where, growth, 1, bound=SHARP_DISCREPANCY, noticeable=0.0, measure=_LN))
    return [each for each in found if each is not None]


def _mitigation(
    readings: Readings, *, scope: str = "all", calibrated: bool = False, order: str = "before"
) -> list[Evidence]:
    found = []
    for where, runs in _variances(readings, scope, calibrated=calibrated):
        noisy = chosen(runs, order=order, rate=float(runs["rate"].max()))
        change = noisy.groupby("seed")["change"].mean()
        found.append(difference(where, change, -1, noticeable=NOTICEABLE_DISCREPANCY, measure=_LN))
    return [each for each in found if each is not None]


_SELECTED = (
    "Kind, scale and copy are selected on one half of the test images and scored on the other; the benefit is the "
    "accuracy of the selected copy less that of pruning without noise."
)
_NEEDS = f"noisy, pruned copies at a rate above {RATE_IN_THE_TEXT:g}"
_BENEFIT, _VARIANCE = ("fig-noise-benefit",), ("fig-variance-discrepancy",)
CLAIMS = {
    "PT-01": Rule(
        decide_better_networks,
        f"{_SELECTED} Its mean over the rates above {RATE_IN_THE_TEXT:g} is positive. {DIFFERENCE}",
        _NEEDS,
        _BENEFIT,
    ),
    "PT-02": Rule(
        decide_extreme_rates,
        f"{_SELECTED} Both must hold: its mean over the rates above {RATE_IN_THE_TEXT:g} is positive, and that over "
        f"the others below {NOTICEABLE_POINTS:g} point. {DIFFERENCE}",
        f"{_NEEDS} and at one up to there",
        _BENEFIT,
    ),
    "PT-03": Rule(
        decide_fine_tuning,
        f"Both must hold at rate {RATE:g}, for noise of fixed kind and scale: the mean copy is more accurate than "
        f"pruning without noise, and so it is after fine-tuning. {DIFFERENCE}",
        "the same noise before pruning, one-shot and fine-tuned",
        ("fig-noise-benefit",),
    ),
    "PT-04": Rule(
        decide_growing_discrepancy,
        "The mean over layers of |ln(variance / dense variance)| grows by more than ln 2 from the lowest rate to the "
        f"highest. {DIFFERENCE}",
        "variances of features at two or more pruning rates",
        _VARIANCE,
    ),
    "PT-05": Rule(
        decide_mitigated_discrepancy,
        "At the highest rate the discrepancy with noise before pruning less that without, averaged over scales, is "
        f"negative (by more than {NOTICEABLE_DISCREPANCY:g}). {DIFFERENCE}",
        "variances of features with and without noise",
        _VARIANCE,
    ),
}
