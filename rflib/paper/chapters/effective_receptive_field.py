"""Dead pixels: field beside accuracy and effective field, and what kernel padding does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from rflib.config import SHIFT_CLASSES
from rflib.paper import plots
from rflib.paper.frames import spearman, summarise
from rflib.paper.say import FEWEST_RANKED
from rflib.paper.style import Drawing, NothingToDraw, covered, drawn, legend, new, note
from rflib.paper.verdicts.assessment import all_of, difference, fact, within
from rflib.paper.verdicts.evidence import DIFFERENCE, EQUIVALENCE, Evidence
from rflib.paper.verdicts.margins import (
    CLEAR_IMBALANCE,
    CLEAR_TREND,
    DEAD_PIXELS_PERCENT,
    GUESSING_POINTS,
    NOTICEABLE_IMBALANCE,
    NOTICEABLE_PIXELS,
    NOTICEABLE_POINTS,
    NOTICEABLE_SHARE,
)
from rflib.paper.verdicts.readings import Readings, chosen, combinations, groups, images
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_RUN = ["architecture", "width", "cardinality", "kernel_padding", "task", "seed"]
# What kernel padding may change.
_PADDED = ("accuracy", "imbalance", "partially_dead", "prediction_change", "output_change")


@traced
def effective_fields(study: Study, *, role: RoleName = "small_images", mirrored: bool = False) -> pd.DataFrame:
    """Return one row a layer along the depth, network, checkpoint and seed: fields in pixels.

    Measured on the images as they are, or `mirrored` beyond their border. `visible_field` is the theoretical field cut
    to the side of what was put in, the most that could be found; `area_side`, `square_side` and `gaussian_width` as the
    measurement `effective_field` defines them.
    """
    frame = _of(study, "effective_field", role, "mirrored" if mirrored else "field")
    if frame.empty:
        return frame
    frame["visible_field"] = frame["theoretical_field"].clip(upper=frame["input_size"])
    columns = ["architecture", "seed", "checkpoint", "name", "depth", "image_size", "input_size", "theoretical_field"]
    return frame[[*columns, "visible_field", "area_side", "square_side", "gaussian_width"]].reset_index(drop=True)


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
def field_runs(study: Study, *, role: RoleName = "small_images", mirrored: bool = False) -> pd.DataFrame:
    """Return what `field_and_accuracy` is the summary of, one row a network and seed."""
    fields = effective_fields(study, role=role, mirrored=mirrored)
    accuracy = _accuracies(study, role, "field")
    if accuracy.empty or set(fields.get("checkpoint", ())) != {"initial", "last"}:
        return pd.DataFrame()
    both = fields.groupby(["architecture", "seed"], sort=False).filter(lambda run: run["checkpoint"].nunique() == 2)
    rows = [_along(group) for _, group in both.groupby(["architecture", "seed"], sort=False)]
    return pd.DataFrame(rows).merge(accuracy[["architecture", "seed", "accuracy"]], on=["architecture", "seed"])


def _along(group: pd.DataFrame) -> dict[str, object]:
    """Describe the effective fields of one network of one seed, before and after training."""
    before, after = (group[group["checkpoint"] == each].sort_values("depth") for each in ("initial", "last"))
    last, sides = after.iloc[-1], after["area_side"].to_numpy()
    middle = sides[len(sides) // 2]
    return {
        **{name: last[name] for name in ("architecture", "seed", "theoretical_field", "visible_field")},
        "convolutions": last["depth"],
        "untrained": before["area_side"].iloc[-1],
        "trained": sides[-1],
        "growth": sides[-1] - before["area_side"].iloc[-1],
        "early": middle - sides[0],
        "late": sides[-1] - middle,
    }


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


@traced
def scaled_runs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return what `constant_field` is the summary of, one row a width, cardinality and seed."""
    accuracy = _accuracies(study, role, "constant_field")
    if accuracy.empty:
        return accuracy
    scale = ["architecture", "width", "cardinality"]
    networks = pd.DataFrame(
        {
            **{name: getattr(item.key.settings.model, name) for name in scale},  # type: ignore[attr-defined]
            "receptive_field": max(row["r_max"] for row in measurement.values["rows"]),
            "parameters": measurement.values["parameters"],
        }
        for item, measurement in study.select("layers", "constant_field", role=role)
    )
    if networks.empty:
        return networks
    first = accuracy[(accuracy[scale] == accuracy.iloc[0][scale]).all(axis=1)].set_index("seed")["accuracy"]
    accuracy["change"] = accuracy["accuracy"] - accuracy["seed"].map(first)
    return networks.merge(accuracy, on=scale)


@traced
def imbalance(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return one row a network without kernel padding: how unequal pixels of one period are, after training.

    `partially_dead` is in percent; `uniform_imbalance` follows from the architecture alone.
    """
    frame = pixel_runs(study, role=role, period=period)
    if frame.empty:
        return frame
    by = ["architecture", "strided_layers", "uneven_layers", "uniform_imbalance"]
    return summarise(frame, by, ["imbalance", "ratio", "partially_dead"])


@traced
def pixel_runs(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return what `imbalance` is the summary of, one row a network and seed."""
    frame = _of(study, "pixel_sensitivity", role, "field")
    return frame if frame.empty else frame[frame["period"] == period]


@traced
def by_kernels(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `imbalance` with `kernels`: whether a network has some that their stride does not divide."""
    names = {True: "with kernels that their stride does not divide", False: "without such kernels"}
    return table.assign(kernels=(table["uneven_layers"] > 0).map(names)) if len(table) else table


@traced
def floors(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `kernel_padding` for shifts, and each version that is hardly above `guessing` them."""
    bound, columns = 100 / SHIFT_CLASSES + GUESSING_POINTS, ["architecture", "task", "guessing", "margin"]
    rows = [
        [row["architecture"], row["task"], version, GUESSING_POINTS]
        for row in table.to_dict("records")
        for version in ("plain", "padded")
        if row["task"] == "shifts" and row[f"accuracy_{version}_mean"] <= bound
    ]
    return pd.DataFrame(rows, columns=columns)


@traced
def kernel_padding(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return one row a network and task: plain and padded, and padded minus plain (`_change`), seed by seed.

    Quantities: `accuracy`, `partially_dead` and `prediction_change` in percent, their changes in points; `imbalance` of
    pixels of one period, and `output_change`.
    """
    both = padded_runs(study, role=role, period=period)
    if both.empty:
        return both
    versions = [f"{quantity}_{version}" for quantity in _PADDED for version in ("plain", "padded", "change")]
    return summarise(both, ["architecture", "task"], versions)


@traced
def padded_runs(study: Study, *, role: RoleName = "small_images", period: int = 2) -> pd.DataFrame:
    """Return what `kernel_padding` is the summary of, one row a network, task and seed."""
    accuracy = _accuracies(study, role, "kernel_padding")
    pixels = _of(study, "pixel_sensitivity", role, "kernel_padding")
    if accuracy.empty or pixels.empty:
        return pd.DataFrame()
    frame = pixels[pixels["period"] == period].merge(accuracy, on=_RUN)
    keys = ["architecture", "task", "seed"]
    plain, padded = (frame[frame["kernel_padding"] == padding][[*keys, *_PADDED]] for padding in (False, True))
    both = plain.merge(padded, on=keys, suffixes=("_plain", "_padded"))
    for quantity in _PADDED:
        both[f"{quantity}_change"] = both[f"{quantity}_padded"] - both[f"{quantity}_plain"]
    return both


def sensitivity_maps(
    study: Study, architecture: str, *, role: RoleName = "small_images", task: str = "classes"
) -> dict[tuple[str, bool], np.ndarray]:
    """Return maps (height, width) by kind and kernel padding, each over its mean, as means over seeds.

    The kind is "trained" or "uniform", which the architecture alone decides.
    """
    found: dict[tuple[str, bool], list[np.ndarray]] = {}
    for item, measurement in study.select("pixel_sensitivity", "kernel_padding", role=role):
        config = item.key.runs[0].config
        if (item.role, config.model.architecture, config.data.task) == (role, architecture, task):
            for kind, array in (("trained", "map"), ("uniform", "uniform")):
                values = np.asarray(measurement.arrays[array])
                found.setdefault((kind, config.model.kernel_padding), []).append(values / values.mean())
    return {key: np.mean(maps, axis=0) for key, maps in found.items()}


def _of(study: Study, analysis: str, role: RoleName, purpose: str) -> pd.DataFrame:
    return study.frame(analysis, purpose, role=role)


def _accuracies(study: Study, role: RoleName, purpose: str) -> pd.DataFrame:
    """Return one row a run: test accuracy after its last epoch, in percent."""
    frame = _of(study, "history", role, purpose)
    if frame.empty:
        return frame
    last = frame[frame["epoch"] == frame["epochs"]]
    return last[[*_RUN, "test_accuracy"]].rename(columns={"test_accuracy": "accuracy"})


_THEORY: dict[str, Any] = {"color": "#8A8A8A", "linestyle": "-", "marker": ""}
_UNTRAINED: dict[str, Any] = {"color": "#E08A00", "linestyle": "--", "marker": "s", "markersize": 5}
_TRAINED: dict[str, Any] = {"color": "#1F4E9E", "linestyle": "-", "marker": "o", "markersize": 5}
_PLAIN: dict[str, Any] = {"color": "#1F4E9E", "marker": "o"}
_DRAW_PADDED: dict[str, Any] = {"color": "#D7301F", "marker": "s"}
_KINDS = {"trained": "trained", "uniform": "architecture alone"}
_QUANTITIES = {
    "accuracy": "test accuracy (%)",
    "imbalance": "imbalance of pixels",
    "prediction_change": "changed predictions (%)",
}


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


@drawn
def draw_sensitivity_maps(
    study: Study, architecture: str = "resnet18", *, role: RoleName = "small_images", task: str = "classes"
) -> Drawing:
    """Draw how strongly the output depends on each pixel, over the mean, with plain kernels and with padded ones.

    The upper row counts the paths of the architecture alone, all weights equal; the lower row is after training.
    """
    maps = sensitivity_maps(study, architecture, role=role, task=task)
    if len(maps) < 2 * len(_KINDS):
        raise NothingToDraw
    figure = new(6.3)
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    for row, kind in zip(grid, ("uniform", "trained"), strict=True):
        top = max(float(maps[kind, padding].max()) for padding in (False, True))
        for axes, padding in zip(row, (False, True), strict=True):
            shown = axes.imshow(maps[kind, padding], cmap="cividis", vmin=0, vmax=top, interpolation="nearest")
            axes.set_title(f"{_KINDS[kind]}, {'padded' if padding else 'plain'}")
            axes.grid(visible=False)
        figure.colorbar(shown, ax=list(row), label="sensitivity / mean")
    for axes in grid[:, 0]:
        axes.set_ylabel("row (px)")
    for axes in grid[1]:
        axes.set_xlabel("column (px)")
    seeds = len(study.profile.roles[role].seeds)
    over = "one seed" if seeds == 1 else f"the mean of {seeds} seeds"
    note(figure, f"{study.profile.roles[role].title}, {architecture}. Trained: {over}.")
    return figure


@drawn
def draw_kernel_padding(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw accuracy, imbalance and the response to shifts by one pixel, plain beside padded, for both tasks."""
    table = kernel_padding(study, role=role)
    covered(table)
    figure = new(3.9)
    panels = figure.subplots(1, len(_QUANTITIES))
    labels = [_task_label(row, table) for row in table.to_dict("records")]
    for axes, (quantity, name) in zip(panels, _QUANTITIES.items(), strict=True):
        for shift, version, style in ((-0.12, "plain", _PLAIN), (0.12, "padded", _DRAW_PADDED)):
            x, column = np.arange(len(table)) + shift, f"{quantity}_{version}"
            spread = table[f"{column}_sd"].fillna(0)
            label = {"plain": "plain kernels", "padded": "padded kernels"}[version]
            axes.errorbar(x, table[f"{column}_mean"], yerr=spread, linestyle="none", label=label, capsize=0, **style)
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylabel(name)
        axes.set_ylim(bottom=0)
    panels[len(panels) // 2].set_xlabel("task")
    legend(figure, columns=2)
    note(figure, f"{study.profile.roles[role].title}.", plots.spread_note(table["n"]))
    return figure


def _task_label(row: dict[Any, Any], table: pd.DataFrame) -> str:
    return row["task"] if table["architecture"].nunique() == 1 else f"{row['architecture']}\n{row['task']}"


_TASKS = {"classes": "telling classes", "shifts": "telling shifts"}


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


def decide_unequal_pixels(readings: Readings) -> Finding:
    """DP-04: the pixels of residual networks contribute unequally, and some are partially dead."""
    found: list[Evidence | None] = []
    for where, runs in combinations(_pixel_runs(readings)):
        if "resnet" in where:
            by_seed = runs.set_index("seed")
            spread = _imbalance(f"{where}, imbalance", by_seed["imbalance"], 1, bound=CLEAR_IMBALANCE)
            share, here = by_seed["partially_dead"], f"{where}, partially dead"
            dead = difference(here, share, 1, bound=DEAD_PIXELS_PERCENT, noticeable=0.0, measure="% of the pixels")
            found.append(all_of(where, [spread, dead]))
    return Finding(found)


def decide_odd_kernels(readings: Readings) -> Finding:
    """DP-05: pixels are unequal where a stride does not divide its kernel, and alike where every stride does."""
    found: list[Evidence | None] = []
    for (role,), runs in groups(_pixel_runs(readings), "role"):
        even = runs[runs["uneven_layers"] == 0].groupby("seed")["imbalance"].mean()
        for (architecture,), group in groups(runs[runs["uneven_layers"] > 0], "architecture"):
            more = group.set_index("seed")["imbalance"] - even
            where = f"{architecture}, {images(role)}, beside networks of even kernels"
            found.append(_imbalance(where, more, 1, noticeable=NOTICEABLE_IMBALANCE))
    return Finding(found)


def decide_padding_evens_out(readings: Readings) -> Finding:
    """DP-06: with padded kernels the pixels are less unequal."""
    changes = _padded(readings, "imbalance_change")
    return Finding([_imbalance(where, sample, -1, noticeable=NOTICEABLE_IMBALANCE) for where, sample in changes])


def decide_padding_and_classes(readings: Readings) -> Finding:
    """DP-07: padded kernels do not help to tell classes."""
    gains = _padded(readings, "accuracy_change", task="classes")
    return Finding([difference(where, gain, -1, bound=NOTICEABLE_POINTS, noticeable=0.0) for where, gain in gains])


def decide_padding_and_shifts(readings: Readings) -> Finding:
    """DP-08: padded kernels help to tell shifts, and the output answers less to a shift of the whole image."""
    responses = dict(_padded(readings, "output_change_change", task="shifts"))
    found = []
    for where, gain in _padded(readings, "accuracy_change", task="shifts"):
        here, spread = f"{where}, response", "of the outputs' spread"
        calmer = difference(here, responses[where], -1, noticeable=NOTICEABLE_SHARE, measure=spread)
        found.append(all_of(where, [difference(f"{where}, accuracy", gain, 1), calmer]))
    return Finding(found)


def _by_network(readings: Readings, decide: Callable[[str, pd.DataFrame], Evidence | None]) -> list[Evidence | None]:
    """Return the evidence of each network, from one row a seed."""
    return [decide(where, runs.set_index("seed")) for where, runs in combinations(_field_runs(readings))]


def _field_runs(readings: Readings, *, mirrored: bool = False) -> pd.DataFrame:
    return readings.over_roles(field_runs, mirrored=mirrored)


def _pixel_runs(readings: Readings) -> pd.DataFrame:
    return readings.over_roles(pixel_runs)


def _scaled(readings: Readings) -> list[tuple[str, pd.DataFrame]]:
    return list(combinations(readings.over_roles(scaled_runs)))


def _padded(readings: Readings, quantity: str, **only: str) -> list[tuple[str, pd.Series]]:
    """Return padded minus plain by seed for each network and task, named."""
    frame = chosen(readings.over_roles(padded_runs), **only)
    return [
        (f"{architecture}, {images(role)}, {task}", runs.set_index("seed")[quantity])
        for (architecture, role, task), runs in groups(frame, "architecture", "role", "task")
    ]


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


def _imbalance(
    where: str, sample: pd.Series, expected: int, *, bound: float = 0.0, noticeable: float = 0.0
) -> Evidence | None:
    return difference(where, sample, expected, bound=bound, noticeable=noticeable, measure="imbalance")


def _either_way(where: str, sample: pd.Series) -> Evidence | None:
    """Return whether a difference is not zero, whatever its sign: the test of its own sign, with twice the p-value."""
    found = difference(where, sample, 1 if sample.mean() >= 0 else -1)
    return found if found is None or found.p is None else replace(found, p=min(1.0, 2 * found.p))


_BORDER = "The side of the image bounds every effective field; the control is without this bound."
_AS_PADDED = "one-sided differences padded minus plain, within a seed"
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
    "DP-04": Rule(
        decide_unequal_pixels,
        f"Both must hold: the coefficient of variation of the four phases of pixels exceeds {CLEAR_IMBALANCE:g}, and "
        f"more than {DEAD_PIXELS_PERCENT:g} % of the pixels have less than half the sensitivity of their 2x2 cell. "
        f"{DIFFERENCE}",
        "pixel sensitivity of residual networks",
        ("fig-sensitivity-maps",),
    ),
    "DP-05": Rule(
        decide_odd_kernels,
        "The imbalance of a network with kernels that their stride does not divide exceeds the mean of the networks "
        f"without any (by more than {NOTICEABLE_IMBALANCE:g}). {DIFFERENCE}",
        "pixel sensitivity of networks with odd and with even strided kernels",
    ),
    "DP-06": Rule(
        decide_padding_evens_out,
        f"The imbalance of pixels, {_AS_PADDED}, is negative (by more than {NOTICEABLE_IMBALANCE:g}). {DIFFERENCE}",
        "pixel sensitivity with and without kernel padding",
        ("fig-kernel-padding",),
    ),
    "DP-07": Rule(
        decide_padding_and_classes,
        f"Test accuracy, {_AS_PADDED}, is below +{NOTICEABLE_POINTS:g} point. {DIFFERENCE}",
        "runs on classes with and without kernel padding",
        ("fig-kernel-padding",),
    ),
    "DP-08": Rule(
        decide_padding_and_shifts,
        f"Both must hold on the task of shifts, as {_AS_PADDED}: test accuracy rises (by more than "
        f"{NOTICEABLE_POINTS:g} point), and the change of the outputs when the image moves by one pixel falls (without "
        f"a test, by more than {NOTICEABLE_SHARE:.0%} of their spread). {DIFFERENCE}",
        "runs on shifts with and without kernel padding",
        ("fig-kernel-padding",),
    ),
}
