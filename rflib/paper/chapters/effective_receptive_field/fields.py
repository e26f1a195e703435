"""How much of its field a network uses, before training and after it, and how accuracy goes with either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from rflib.paper import plots
from rflib.paper.chapters.effective_receptive_field.runs import effective_fields, field_runs, scaled_runs
from rflib.paper.frames import spearman, summarise
from rflib.paper.say import FEWEST_RANKED
from rflib.paper.style import Drawing, covered, drawn, legend, note
from rflib.paper.verdicts.assessment import all_of, difference, fact, within
from rflib.paper.verdicts.evidence import DIFFERENCE, EQUIVALENCE, Evidence
from rflib.paper.verdicts.margins import (
    CLEAR_TREND,
    NOTICEABLE_PIXELS,
    NOTICEABLE_POINTS,
)
from rflib.paper.verdicts.readings import Readings, combinations, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@traced
def field_and_accuracy(study: Study, *, role: RoleName = "small_images", mirrored: bool = False) -> pd.DataFrame:
    """Return one row a network: the field of its last convolution, theory and trained, and test accuracy in percent.

    `growth` is the trained effective field minus the untrained one, `early` how much the trained one grows from the
    first layer looked at to the one in the middle, `late` from there to the last; all in pixels, seed by seed.
    """
    per_seed = field_runs(study, role=role, mirrored=mirrored)
    if per_seed.empty:
        return per_seed
    theory = ["architecture", "convolutions", "theoretical_field", "visible_field"]
    return summarise(per_seed, theory, ["untrained", "trained", "growth", "early", "late", "accuracy"])


@traced
def accuracy_by_field(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row: rank correlations of accuracy with both fields over networks, the best and the widest of them.

    Without a row for fewer than `FEWEST_RANKED` networks, over which a correlation says nothing.
    """
    table = field_and_accuracy(study, role=role)
    columns = ["networks", "theoretical", "effective", "best", "best_field", "widest", "widest_field"]
    if len(table) < FEWEST_RANKED:
        return pd.DataFrame(columns=columns)
    accuracy = table["accuracy_mean"].tolist()
    ranks = [spearman(table[field].tolist(), accuracy) for field in ("theoretical_field", "trained_mean")]
    ends = [table.sort_values(column).iloc[-1] for column in ("accuracy_mean", "theoretical_field")]
    named = [end[column] for end in ends for column in ("architecture", "theoretical_field")]
    return pd.DataFrame([[len(table), *ranks, *named]], columns=columns)


@traced
def constant_field(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a width and cardinality of one architecture: field in pixels, parameters, accuracy in percent.

    `change` is the accuracy minus that of the first row in points, seed by seed.
    """
    runs = scaled_runs(study, role=role)
    if runs.empty:
        return runs
    by = ["architecture", "width", "cardinality", "receptive_field", "parameters"]
    return summarise(runs, by, ["accuracy", "change"])


_THEORY: dict[str, Any] = {"color": "#8A8A8A", "linestyle": "-", "marker": ""}


_UNTRAINED: dict[str, Any] = {"color": "#E08A00", "linestyle": "--", "marker": "s", "markersize": 5}


_TRAINED: dict[str, Any] = {"color": "#1F4E9E", "linestyle": "-", "marker": "o", "markersize": 5}


@drawn
def draw_field_and_accuracy(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw test accuracy in percent against the theoretical and against the effective field, a point a network."""
    table = field_and_accuracy(study, role=role)
    covered(table)
    figure, (theory, effective), _ = plots.panels(["in theory", "effective"], height=3.6, extra=1.0)
    for axes, x in ((theory, "theoretical_field"), (effective, "trained_mean")):
        for number, row in enumerate(table.to_dict("records"), start=1):
            axes.errorbar(row[x], row["accuracy_mean"], yerr=row["accuracy_sd"], color="#1F4E9E", marker="o", capsize=0)
            label = (row[x], row["accuracy_mean"])
            axes.annotate(str(number), label, xytext=(5, 5), textcoords="offset points", fontsize=9.5)
        axes.margins(x=0.15, y=0.15)
    theory.set_xlabel("receptive field (px)")
    effective.set_xlabel("effective field (px)")
    plots.label_left([theory, effective], "test accuracy (%)")
    names = ", ".join(f"{number} {name}" for number, name in enumerate(table["architecture"], start=1))
    note(figure, f"{study.profile.roles[role].title}. {names}.", plots.spread_note(table["n"]))
    return figure


@drawn
def draw_effective_fields(study: Study, *, role: RoleName = "small_images", mirrored: bool = False) -> Drawing:
    """Draw the field of convolutions along the depth in pixels, in theory, untrained and trained, a panel a network.

    Measured on the images as they are, or `mirrored` beyond their border.
    """
    frame = effective_fields(study, role=role, mirrored=mirrored)
    covered(frame)
    names = list(frame["architecture"].unique())
    figure, main, _ = plots.panels(names, height=2.1, extra=1.3)
    for name, axes in zip(names, main, strict=True):
        _draw_fields(axes, frame[frame["architecture"] == name])
    plots.label_left(main, "side (px)")
    legend(figure, columns=2)
    seeds = frame.groupby("architecture")["seed"].nunique()
    definition = "Effective: side of a square of as many pixels as hold 95 % of the gradient."
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(seeds), definition)
    return figure


def _draw_fields(axes: Axes, frame: pd.DataFrame) -> None:
    theory = frame.drop_duplicates("depth").sort_values("depth")
    axes.plot(theory["depth"], theory["theoretical_field"], label="in theory", **_THEORY)
    axes.axhline(frame["input_size"].iloc[0], label="side of the input", color="#1A1A1A", linestyle=":", linewidth=1.4)
    for checkpoint, label, style in (("initial", "untrained", _UNTRAINED), ("last", "trained", _TRAINED)):
        chosen = frame[frame["checkpoint"] == checkpoint].sort_values("depth")
        summary = summarise(chosen, ["depth"], ["area_side"])
        plots.curve(axes, summary["depth"], summary, "area_side", label=f"effective, {label}", **style)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("convolution whose field grows")


# Fewer networks have no rank correlation to speak of.
_FEWEST_NETWORKS = 4


def decide_smaller_and_growing(readings: Readings) -> Finding:
    """RR-25: the effective field of the last convolution is smaller than in theory, and larger after training."""

    def decide(where: str, runs: pd.DataFrame) -> Evidence | None:
        beside = _claim_pixels(f"{where}, beside theory", runs["trained"] - runs["visible_field"], -1)
        return all_of(where, [beside, _claim_pixels(f"{where}, growth", runs["growth"], 1)])

    control = _mirrored(readings, "growth", "the trained field is larger than the untrained one")
    return Finding(_by_network(readings, decide), control=control)


def decide_field_and_accuracy(readings: Readings) -> Finding:
    """DP-01: over networks, accuracy follows the field weakly or not at all."""
    found, networks = [], []
    for role in readings.study.profile.roles:
        runs = field_runs(readings.study, role=role)
        if runs.empty or runs["architecture"].nunique() < _FEWEST_NETWORKS:
            continue
        correlations = {
            seed: spearman(group["theoretical_field"].tolist(), group["accuracy"].tolist())
            for (seed,), group in groups(runs, "seed")
        }
        networks.append(f"{runs['architecture'].nunique()} networks on {images(role)}")
        sample = pd.Series(correlations)
        found.append(within(images(role), sample, CLEAR_TREND, measure="rank correlation with the field"))
    remark = f"Over {' and '.join(networks)}: the interval is over seeds and says nothing about other networks."
    return Finding(found, remark=remark if networks else "")


def decide_width_and_cardinality(readings: Readings) -> Finding:
    """DP-02: width and cardinality change the accuracy while the field stays."""
    found: list[Evidence | None] = []
    for where, runs in _scaled(readings):
        first = runs.iloc[0]
        for (width, cardinality), group in groups(runs, "width", "cardinality"):
            if (width, cardinality) == (first["width"], first["cardinality"]):
                continue
            what = f"{where}, width × {width / first['width']:g}, cardinality {cardinality}"
            apart = float((group["receptive_field"] - first["receptive_field"]).abs().max())
            same = fact(f"{what}, field", "px apart", apart, agrees=apart == 0)
            found.append(all_of(what, [same, _either_way(f"{what}, accuracy", group.set_index("seed")["change"])]))
    return Finding(found)


def decide_saturation(readings: Readings) -> Finding:
    """DP-03: along the depth the effective field grows, and less and less."""

    def decide(where: str, runs: pd.DataFrame) -> Evidence | None:
        flatter = _claim_pixels(f"{where}, second half beside the first", runs["late"] - runs["early"], -1)
        return all_of(where, [_claim_pixels(f"{where}, first half", runs["early"], 1), flatter])

    control = _mirrored(readings, "flattening", "the second half of the depth adds less than the first")
    return Finding(_by_network(readings, decide), control=control)


def _by_network(readings: Readings, decide: Callable[[str, pd.DataFrame], Evidence | None]) -> list[Evidence | None]:
    """Return the evidence of each network, from one row a seed."""
    return [decide(where, runs.set_index("seed")) for where, runs in combinations(_field_runs(readings))]


def _field_runs(readings: Readings, *, mirrored: bool = False) -> pd.DataFrame:
    return readings.over_roles(field_runs, mirrored=mirrored)


def _scaled(readings: Readings) -> list[tuple[str, pd.DataFrame]]:
    return list(combinations(readings.over_roles(scaled_runs)))


def _mirrored(readings: Readings, quantity: str, words: str) -> str:
    """Say in how many networks a mean is positive where the border of the image bounds no field."""
    runs = _field_runs(readings, mirrored=True)
    if runs.empty:
        return ""
    runs = runs.assign(flattening=runs["early"] - runs["late"])
    means = [group[quantity].mean() for _, group in combinations(runs)]
    held = sum(mean > 0 for mean in means)
    return f"On images that are mirrored beyond their border {words} in {held} of {len(means)} networks."


def _claim_pixels(where: str, sample: pd.Series, expected: int) -> Evidence | None:
    return difference(where, sample, expected, noticeable=NOTICEABLE_PIXELS, measure="px")


def _either_way(where: str, sample: pd.Series) -> Evidence | None:
    """Return whether a difference is not zero, whatever its sign: the test of its own sign, with twice the p-value."""
    found = difference(where, sample, 1 if sample.mean() >= 0 else -1)
    return found if found is None or found.p is None else replace(found, p=min(1.0, 2 * found.p))


_BORDER = "The side of the image bounds every effective field; the control is without this bound."


CLAIMS = {
    "RR-25": Rule(
        decide_smaller_and_growing,
        "Both must hold for the last convolution of a network, on images as they are: the trained effective field is "
        "smaller than the theoretical one or the image, whichever is less, and larger than the untrained one (without "
        f"a test, each by more than {NOTICEABLE_PIXELS:g} px). {_BORDER} {DIFFERENCE}",
        "effective fields before and after training",
        ("fig-effective-fields", "fig-effective-fields-mirrored"),
    ),
    "DP-01": Rule(
        decide_field_and_accuracy,
        f"In each seed the rank correlation of test accuracy with the theoretical field, over {_FEWEST_NETWORKS} "
        f"networks or more; its mean is between -{CLEAR_TREND:g} and {CLEAR_TREND:g}. {EQUIVALENCE}",
        f"trained networks of {_FEWEST_NETWORKS} or more architectures",
        ("fig-field-and-accuracy",),
    ),
    "DP-02": Rule(
        decide_width_and_cardinality,
        "Exact: the field is the same. And the accuracy differs, up or down (by more than "
        f"{NOTICEABLE_POINTS:g} point). {DIFFERENCE.replace('one-sided', 'two-sided')}",
        "runs of one architecture at several widths or cardinalities",
    ),
    "DP-03": Rule(
        decide_saturation,
        "Both must hold, along the layers of a trained network on images as they are: the effective field grows over "
        "the first half of the depth, and grows less over the second (each by more than "
        f"{NOTICEABLE_PIXELS:g} px). {_BORDER} {DIFFERENCE}",
        "effective fields along the depth",
        ("fig-effective-fields", "fig-effective-fields-mirrored"),
    ),
}
