"""The course of training, and what twice the epochs bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.ticker import MaxNLocator

from rflib.paper import plots
from rflib.paper.frames import NETWORK, summarise, training_curves
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.paper.verdicts.assessment import all_of, difference, trend
from rflib.paper.verdicts.evidence import DIFFERENCE, TREND, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import (
    RESNET_LARGE,
    RESNET_SMALL,
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


@drawn
def draw_training_curves(
    study: Study, *, role: RoleName = "small_images", architecture: str = "rf_resnet50"
) -> Drawing:
    """Draw test accuracy in percent and training loss against the epoch, a line a pool kernel.

    Runs of twice the epochs are dashed with T_max as it was and dotted with T_max doubled.
    """
    frame = training_curves(study, role=role, architecture=architecture)
    frame = covered(frame[frame["purpose"].astype(str).str.match("grid$|doubled_")])
    settings = study.profile.roles[role]
    schedule = ["epochs", "cosine_period_epochs"]
    by = ["pool_kernel", *schedule, "epoch"]
    table = summarise(frame, by, ["test_accuracy", "train_loss"]).sort_values(by)
    figure, (accuracy,), (loss,) = plots.panels([architecture], height=3.4, strip=1.5, extra=2.2)
    keys = []
    for epochs, period in table[schedule].drop_duplicates().sort_values(schedule).itertuples(index=False):
        line = "-" if epochs == settings.training.epochs else "--" if period < epochs else ":"
        keys.append(key(rf"{epochs} epochs, $T_{{max}}$ = {period}", linestyle=line))
        rows = table[(table["epochs"] == epochs) & (table["cosine_period_epochs"] == period)]
        for kernel, group in plots.by_kernel(rows):
            style = kernel_style(kernel) | {"linestyle": line, "marker": "none"}
            label = f"k = {kernel}"
            plots.curve(accuracy, group["epoch"], group, "test_accuracy", band=True, label=label, **style)
            plots.curve(loss, group["epoch"], group, "train_loss", band=True, **style)
    accuracy.set_ylabel("test accuracy (%)")
    loss.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    loss.set(xlabel="epoch", ylabel="training loss")
    legend(figure, columns=2, keys=keys)
    note(figure, f"{settings.title}.", plots.spread_note(table["n"], "bands"))
    return figure


@traced
def last_epochs(study: Study, *, role: RoleName = "small_images") -> pd.DataFrame:
    """Return one row a network of the grid: test accuracy and training loss at the last epoch, means over seeds."""
    curves = training_curves(study, role=role)
    curves = curves[(curves["purpose"] == "grid") & (curves["epoch"] == curves["epochs"])]
    return summarise(curves, NETWORK, ["test_accuracy", "train_loss"])


@traced
def twice_the_epochs(study: Study) -> pd.DataFrame:
    """Return one row a network and T_max of the runs of twice the epochs, beside the smallest field trained once.

    `best` and `last` are test accuracies at the best and at the last epoch, `middle` and `late` means around the middle
    and over the last quarter; `base_best` and `base_last` are of the network at `base_kernel`, over the same seeds.
    """
    curves = training_curves(study)
    grid = curves[curves["purpose"] == "grid"]
    grid = grid[grid["pool_kernel"] == grid.groupby("architecture")["pool_kernel"].transform("min")]
    base = _run_by_run(grid, ["architecture", "seed"]).rename(columns=lambda name: name.replace("run_", "base_"))
    keys = [*NETWORK, "cosine_period_epochs", "seed"]
    runs = _run_by_run(curves[curves["purpose"].str.startswith("doubled")], keys)
    both = runs.rename(columns=lambda name: name.removeprefix("run_")).merge(base, on=["architecture", "seed"])
    both = both[both["base_kernel"] < both["pool_kernel"]]
    quantities = ["best", "last", "middle", "late", "base_best", "base_last"]
    return summarise(both, [*keys[:-1], "epochs", "base_kernel", "base_epochs"], quantities)


def _run_by_run(curves: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return one row a run: what a training curve of test accuracy comes to."""
    rows = [dict(zip(keys, key, strict=True)) | _course(run) for key, run in curves.groupby(list(keys), sort=False)]
    return pd.DataFrame(rows, columns=[*keys, *(f"run_{name}" for name in _COURSE)])


_COURSE = ("kernel", "epochs", "best", "last", "middle", "late")


def _course(run: pd.DataFrame) -> dict[str, Any]:
    accuracy, epochs = run.set_index("epoch")["test_accuracy"].sort_index(), run["epoch"].max()
    middle, late = _middle_and_late(run)
    found = (run["pool_kernel"].iloc[0], epochs, accuracy.max(), accuracy.iloc[-1], middle, late)
    return {f"run_{name}": value for name, value in zip(_COURSE, found, strict=True)}


def _middle_and_late(run: pd.DataFrame) -> tuple[float, float]:
    """Return mean test accuracy around the middle of a run, within 1/40 of it, and over its last quarter."""
    epochs = run["epoch"].max()
    middle = (run["epoch"] - epochs / 2).abs() <= max(0.5, epochs / 40)
    return run.loc[middle, "test_accuracy"].mean(), run.loc[run["epoch"] > 0.75 * epochs, "test_accuracy"].mean()


def decide_training(readings: Readings) -> Finding:
    """RR-12: ResNet50 ends with lower test accuracy and a higher training loss at larger fields."""
    found = []
    for where, group in combinations(chosen(readings.last_epochs, purpose="grid", architecture="rf_resnet50")):
        images = readings.test_images[group["role"].iloc[0]]
        found.append(trend(f"{where}, test accuracy", by_seed(group, "test_accuracy"), -1, images=images))
        found.append(trend(f"{where}, training loss", by_seed(group, "train_loss"), 1, noticeable=0.0))
    remark = "That the landscape is the reason does not follow from these curves, whatever they show."
    return Finding(found, remark=remark)


def decide_twice_the_epochs(readings: Readings) -> Finding:
    """RR-13: the best test epoch of a doubled run at a large field stays below that of a plain one at the smallest."""
    found = []
    for (architecture, role, kernel, period), runs in _claim_doubled(readings):
        plain = chosen(readings.history, purpose="grid", architecture=architecture, role=role)
        plain = chosen(plain, pool_kernel=plain["pool_kernel"].min()) if len(plain) else plain
        if plain.empty or plain["pool_kernel"].iloc[0] >= kernel:
            continue
        gaps, where = _best(runs) - _best(plain), f"{architecture}, {images(role)}, k = {kernel}, T_max = {period}"
        found.append(difference(where, gaps, -1, images=readings.test_images[role]))
    return Finding(found)


def decide_bump(readings: Readings) -> Finding:
    """RR-14: test accuracy stands higher in the middle of a doubled run than late only with T_max as printed."""
    heights: dict[tuple[str, str, int], dict[bool, pd.Series]] = {}
    for (architecture, role, kernel, period), runs in _claim_doubled(readings):
        printed = bool(period < runs["epochs"].max())
        heights.setdefault((architecture, role, kernel), {})[printed] = runs.groupby("seed")[
            ["epoch", "test_accuracy"]
        ].apply(_bump_height)
    found: list[Evidence | None] = []
    for (architecture, role, kernel), by_period in heights.items():
        if len(by_period) == 2:
            where = f"{architecture}, {images(role)}, k = {kernel}"
            parts = [
                difference(f"{where}, T_max as printed", by_period[True], 1),
                difference(f"{where}, T_max doubled", by_period[False], -1, bound=NOTICEABLE_POINTS, noticeable=0.0),
            ]
            found.append(all_of(where, parts))
    return Finding(found)


def _bump_height(run: pd.DataFrame) -> float:
    middle, late = _middle_and_late(run)
    return middle - late


def _claim_doubled(readings: Readings) -> Iterator[tuple[tuple[str, str, int, int], pd.DataFrame]]:
    """Yield network, role, pool kernel and T_max of every set of runs of twice the epochs, with their epochs."""
    history = readings.history
    if history.empty:
        return
    long = history[history["purpose"].str.startswith("doubled")]
    yield from groups(long, "architecture", "role", "pool_kernel", "cosine_period_epochs")


def _best(runs: pd.DataFrame) -> pd.Series:
    return runs.groupby("seed")["test_accuracy"].max()


CLAIMS = {
    "RR-12": Rule(
        decide_training,
        f"Two quantities of ResNet50 at the last epoch, each on its own: test accuracy falls, and training loss rises. "
        f"{TREND} The family is every image size and quantity.",
        "training runs of rf_resnet50 at two or more pool kernels",
        ("figure-3",),
        scope=(RESNET_SMALL, RESNET_LARGE),
    ),
    "RR-13": Rule(
        decide_twice_the_epochs,
        "The best test epoch of a run of twice the epochs minus that of a plain run at the smallest kernel is negative "
        f"(by more than {NOTICEABLE_POINTS:g} point), for T_max as printed and doubled. {DIFFERENCE}",
        "runs of twice the epochs at a kernel above the smallest of the grid",
        ("figure-3",),
    ),
    "RR-14": Rule(
        decide_bump,
        "Both must hold of mean test accuracy in the middle of the doubled run minus that of its last quarter: "
        f"positive with T_max as printed, and below {NOTICEABLE_POINTS:g} point with T_max doubled. {DIFFERENCE}",
        "runs of twice the epochs with T_max as printed and with T_max doubled",
        ("figure-3",),
    ),
}
