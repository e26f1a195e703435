"""How far pruning drives the variances of features from the dense network's, and what noise makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from rflib.paper import plots
from rflib.paper.frames import NETWORK, summarise
from rflib.paper.style import Drawing, covered, drawn, kernel_style, key, legend, note
from rflib.paper.verdicts.assessment import corrected, difference
from rflib.paper.verdicts.cells import known
from rflib.paper.verdicts.controls import beside_all
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_DISCREPANCY, SHARP_DISCREPANCY
from rflib.paper.verdicts.readings import Readings, chosen, each_network
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

VARIANCE_SCOPES = {"all": "variance", "live": "variance_live"}
_RUN = [*NETWORK, "seed", "calibrated"]


@traced
def variance_runs(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a rate, noise, network and seed: how far features' variances are from the dense network's.

    Columns as the measurement `feature_variance`; `change` is the discrepancy with noise less that without.
    """
    frame = study.frame("feature_variance", VARIANCE_SCOPES[scope], role=role)
    keys = [*_RUN, "rate"]
    plain = frame[frame["order"] == "none"][[*keys, "discrepancy"]]
    frame = frame.merge(plain.rename(columns={"discrepancy": "plain"}), on=keys)
    return frame.assign(change=frame["discrepancy"] - frame["plain"])


@traced
def feature_variances(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a rate, noise and network: the summary of `variance_runs` over seeds; scale 0 is without noise."""
    by = [*NETWORK, "calibrated", "rate", "order", "scale"]
    quantities = ["discrepancy", "dispersion", "dense_dispersion", "change"]
    return summarise(variance_runs(study, role=role, scope=scope), by, quantities)


@traced
def discrepancy_runs(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network, seed and kind of statistics: the discrepancy at its ends, and what noise changes.

    `at_lowest` and `at_highest` are without noise, at the rates `lowest` and `highest`. `before` and `after` are what
    noise before and after pruning changes `at_highest` by, means over scales.
    """
    runs = variance_runs(study, role=role, scope=scope)
    rates = runs.groupby([*NETWORK, "calibrated"])["rate"]
    runs = runs.assign(lowest=rates.transform("min"), highest=rates.transform("max"))
    low, high = (runs[runs["rate"] == runs[end]] for end in ("lowest", "highest"))
    ends = {
        "at_lowest": (low, "none", "discrepancy"),
        "at_highest": (high, "none", "discrepancy"),
        "before": (high, "before", "change"),
        "after": (high, "after", "change"),
    }
    found = {
        name: rows[rows["order"] == order].groupby([*_RUN, "lowest", "highest"], sort=False)[value].mean()
        for name, (rows, order, value) in ends.items()
    }
    return pd.DataFrame(found).reset_index()


@traced
def discrepancies(study: Study, *, role: RoleName = "small_images", scope: str = "all") -> pd.DataFrame:
    """Return one row a network and kind of statistics: the summary of `discrepancy_runs` over seeds."""
    by = [*NETWORK, "calibrated", "lowest", "highest"]
    runs = discrepancy_runs(study, role=role, scope=scope)
    return summarise(runs, by, ["at_lowest", "at_highest", "before", "after"])


_LINES: dict[str, dict[str, Any]] = {
    "without noise": {"linestyle": "-"},
    "noise before pruning": {"linestyle": "--", "markerfacecolor": "white"},
}
_STATISTICS = {False: "own statistics", True: "new statistics"}


@drawn
def draw_variance_discrepancy(
    study: Study, *, role: RoleName = "small_images", scope: str = "all", scale: float | None = None
) -> Drawing:
    """Draw how far features' variances are from the dense network's against the pruning rate, a line a pool kernel.

    With noise of `scale` (None: the largest) before pruning, dashed; with the dense network's own batch-norm
    statistics, and with new ones. `scope` is "all" or "live".
    """
    table = covered(feature_variances(study, role=role, scope=scope))
    shown_scale = table["scale"].max() if scale is None else scale
    places = plots.rate_places(table)
    groups = plots.by_architecture(table.sort_values(["pool_kernel", "rate"], kind="stable"))
    pairs = [(group, calibrated) for group in groups.values() for calibrated in _STATISTICS]
    titles = [f"{name}, {text}" for name in groups for text in _STATISTICS.values()]
    figure, main, _ = plots.panels(titles, height=2.6, extra=1.4)
    for axes, (group, calibrated) in zip(main, pairs, strict=True):
        measured = group[group["calibrated"] == calibrated]
        noisy = measured[(measured["order"] == "before") & ((measured["scale"] - shown_scale).abs() < 1e-9)]
        for (name, line), rows in zip(_LINES.items(), (measured[measured["order"] == "none"], noisy), strict=True):
            for kernel, shown in plots.by_kernel(rows):
                label = f"k = {kernel}" if name == "without noise" else "_"
                style = kernel_style(kernel) | line
                plots.curve(axes, shown["rate"].map(places), shown, "discrepancy", band=True, label=label, **style)
        plots.rate_axis(axes, places)
    main[0].set_ylim(bottom=0)
    plots.label_left(main, "discrepancy")
    legend(figure, columns=4, keys=[key(name, **style) for name, style in _LINES.items()])
    title = f"{study.profile.roles[role].title}; noise of scale {shown_scale:g}."
    note(figure, title, plots.spread_note(table["n"], "bands"), "Discrepancy: mean of |ln(variance / dense variance)|.")
    return figure


_LN = "of ln(variance)"
Family = tuple[Evidence, ...]


def decide_growing_discrepancy(readings: Readings) -> Finding:
    """PT-04: from the lowest to the highest rate the variance discrepancy from the dense network grows sharply."""
    found = _growth(readings)
    controls = {
        "Among live weights the growth is": _growth(readings, scope="live"),
        "With re-estimated statistics the growth is": _growth(readings, calibrated=True),
    }
    return Finding(found, control=beside_all(found, controls))


def decide_mitigated_discrepancy(readings: Readings) -> Finding:
    """PT-05: at the highest rate noise before pruning lowers the discrepancy, as the mean over scales."""
    found = _mitigation(readings)
    controls = {
        "With noise after pruning the effect is": _mitigation(readings, order="after"),
        "Among live weights the effect is": _mitigation(readings, scope="live"),
        "With re-estimated statistics the effect is": _mitigation(readings, calibrated=True),
    }
    return Finding(found, control=beside_all(found, controls))


def _runs(readings: Readings, scope: str, *, calibrated: bool) -> Iterator[tuple[str, pd.DataFrame]]:
    frame = readings.over_roles(discrepancy_runs, scope=scope)
    yield from each_network(chosen(frame, calibrated=calibrated))


def _growth(readings: Readings, *, scope: str = "all", calibrated: bool = False) -> Family:
    found = []
    for where, runs in _runs(readings, scope, calibrated=calibrated):
        growth = (runs["at_highest"] - runs["at_lowest"])[runs["lowest"] < runs["highest"]]
        found.append(difference(where, growth, 1, bound=SHARP_DISCREPANCY, noticeable=0.0, measure=_LN))
    return corrected(known(found))


def _mitigation(readings: Readings, *, scope: str = "all", calibrated: bool = False, order: str = "before") -> Family:
    found = []
    for where, runs in _runs(readings, scope, calibrated=calibrated):
        found.append(difference(where, runs[order], -1, noticeable=NOTICEABLE_DISCREPANCY, measure=_LN))
    return corrected(known(found))


CLAIMS = {
    "PT-04": Rule(
        decide_growing_discrepancy,
        "The mean over layers of |ln(variance / dense variance)| grows by more than ln 2 from the lowest rate to the "
        f"highest. {DIFFERENCE}",
        "variances of features at two or more pruning rates",
        ("fig-variance-discrepancy",),
    ),
    "PT-05": Rule(
        decide_mitigated_discrepancy,
        "At the highest rate the discrepancy with noise before pruning less that without, averaged over scales, is "
        f"negative (by more than {NOTICEABLE_DISCREPANCY:g}). {DIFFERENCE}",
        "variances of features with and without noise",
        ("fig-variance-discrepancy",),
    ),
}
