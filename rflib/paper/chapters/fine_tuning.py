"""Pruned networks after fine-tuning, beside dense ones that are trained for as long."""

from __future__ import annotations

import pandas as pd

from rflib.paper import plots, reported
from rflib.paper.frames import NETWORK, fields, one_shot, renamed, summarise
from rflib.paper.style import Drawing, covered, drawn, legend, note, quantity_style
from rflib.paper.verdicts.assessment import all_of, difference, floor, trend
from rflib.paper.verdicts.evidence import DIFFERENCE, TREND, Evidence
from rflib.paper.verdicts.margins import MUCH_RECOVERED, NOTICEABLE_POINTS, RATE
from rflib.paper.verdicts.readings import EVERY, RESNET_LARGE, Readings, by_seed, chosen, combinations
from rflib.paper.verdicts.verdict import Finding, Rule
from rflib.study.origin import traced
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_SOURCES = {
    ("small_images", False): "Table 3",
    ("large_images", False): "Table 4",
    ("large_images", True): "Table 5",
}


@traced
def fine_tuning(
    study: Study, *, role: RoleName = "small_images", long: bool = False, rate: float = 0.9
) -> pd.DataFrame:
    """Return one row a network: accuracy in percent dense, pruned one-shot, and after fine-tuning, over seeds.

    `difference` is dense minus fine-tuned, seed by seed. `long` takes the longer fine-tuning of Table 5. Weights
    of the last epoch throughout.
    """
    tuned = _tuned(study, role, rate, long=long)
    before = one_shot(study, role)
    before = before[(before["rate"] - rate).abs() < 1e-9]
    per_seed = before.merge(tuned, on=[*NETWORK, "seed"]).drop(columns="difference")
    per_seed = per_seed.rename(columns={"pruned": "one_shot"})
    per_seed["difference"] = per_seed["dense"] - per_seed["fine_tuned"]
    measured = summarise(per_seed, NETWORK, ["dense", "one_shot", "fine_tuned", "difference"])
    table = fields(study, role)[[*NETWORK, "receptive_field", "dead_share", "input_share"]].merge(measured, on=NETWORK)
    table.insert(
        2,
        "label",
        [reported.label(*pair) for pair in zip(table["architecture"], table["pool_kernel"], strict=True)],
    )
    source = _SOURCES.get((role, long))
    if source is None or rate != 0.9:
        return table
    printed = renamed(reported.table(source))
    printed.columns = printed.columns.str.replace("pruned_", "fine_tuned_")
    return table.merge(printed, on=NETWORK, how="left")


@traced
def continued(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> pd.DataFrame:
    """Return one row a network: accuracy in percent dense, after as many epochs more, and fine-tuned, over seeds.

    `gap` is the dense network that went on minus the fine-tuned one, seed by seed, in points.
    """
    tuned, frame = _tuned(study, role, rate, long=False), study.frame("history", "continued", role=role)
    frame = frame[frame["epoch"] == frame["epochs"]]
    before = one_shot(study, role)
    reference = frame[[*NETWORK, "seed", "test_accuracy"]].rename(columns={"test_accuracy": "continued"})
    dense = before[[*NETWORK, "seed", "dense"]].drop_duplicates()
    both = dense.merge(reference, on=[*NETWORK, "seed"]).merge(tuned, on=[*NETWORK, "seed"])
    both["gap"] = both["continued"] - both["fine_tuned"]
    measured = summarise(both, NETWORK, ["dense", "continued", "fine_tuned", "gap"])
    return fields(study, role)[[*NETWORK, "receptive_field", "dead_share"]].merge(measured, on=NETWORK)


def _tuned(study: Study, role: RoleName, rate: float, *, long: bool) -> pd.DataFrame:
    frame = study.frame("history", "long_fine_tuned" if long else "fine_tuned", role=role)
    last = frame[(frame["epoch"] == frame["epochs"]) & (frame["mask_rate"] == rate)]
    return last[[*NETWORK, "seed", "test_accuracy", "epochs"]].rename(
        columns={"test_accuracy": "fine_tuned", "epochs": "fine_tuning_epochs"}
    )


@traced
def longer(study: Study, *, role: RoleName = "large_images") -> pd.DataFrame:
    """Return one row a network and `where`: `gain` in points of the longer fine-tuning, measured and in the paper."""
    short, long = (fine_tuning(study, role=role, long=each) for each in (False, True))
    both = short.merge(long, on=NETWORK, suffixes=("_short", "_long"))
    parts = []
    for where, quantity in (("Here", "fine_tuned"), ("In the paper", "fine_tuned_reported")):
        gain = both[f"{quantity}_mean_long"] - both[f"{quantity}_mean_short"]
        parts.append(both[NETWORK].assign(where=where, gain=gain, higher=gain > 0).dropna(subset="gain"))
    return pd.concat(parts)


@drawn
def draw_fine_tuning(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent dense, pruned one-shot at `rate`, and fine-tuned, against the field in pixels.

    The longer fine-tuning of Table 5 is drawn too where the study has it; the paper's values are Tables 3 and 4's.
    """
    table = fine_tuning(study, role=role, rate=rate)
    covered(table)
    long = fine_tuning(study, role=role, rate=rate, long=True)
    settings = study.profile.roles[role]
    labels = {
        "dense": "dense",
        "one_shot": f"{rate:.0%} pruned, one-shot",
        "fine_tuned": f"fine-tuned for {settings.fine_tuning.epochs} epochs",
    }
    groups = plots.by_architecture(table)
    figure, main, _ = plots.panels(list(groups), columns=plots.columns_for(table), height=3.0, extra=1.5)
    for axes, (name, group) in zip(main, groups.items(), strict=True):
        for quantity, label in labels.items():
            style = quantity_style("pruned" if quantity == "one_shot" else quantity)
            plots.curve(axes, group["receptive_field"], group, quantity, label=label, **style)
        if not long.empty:
            longer = long[long["architecture"] == name]
            label = f"fine-tuned for {settings.long_fine_tuning_epochs} epochs"
            style = quantity_style("long_fine_tuned")
            plots.curve(axes, longer["receptive_field"], longer, "fine_tuned", label=label, **style)
        plots.hollow(axes, group, "dense", "dense, paper")
        plots.hollow(axes, group, "fine_tuned", "fine-tuned for 10 epochs, paper")
        plots.field_axis(axes, group)
    plots.accuracy_axis(main)
    legend(figure, columns=2)
    note(figure, f"{settings.title}.", plots.spread_note(table["n"]), plots.paper_note(table, role))
    return figure


_KEYS = ["role", "architecture", "pool_kernel", "seed"]
# Dense training that goes on for as many epochs as each fine-tuning has.
_REFERENCES = {"fine_tuned": "continued", "long_fine_tuned": "long_continued"}
_NEEDS = f"networks pruned at rate {RATE:g} and fine-tuned, for two or more pool kernels"


def decide_recovery(readings: Readings) -> Finding:
    """RR-09: a short fine-tuning brings back much of what pruning took, and the gap that is left falls with k.

    Two halves, each on its own. The gap is to the dense network after as many epochs more.
    """
    found: list[Evidence | None] = []
    for where, group in combinations(_claim_tuned(readings, "fine_tuned")):
        if group["lost"].mean() > NOTICEABLE_POINTS:
            found.append(_share_recovered(f"{where}, share recovered", group))
        else:
            why = f"one-shot pruning took no more than {NOTICEABLE_POINTS:g} point, so there is none to recover"
            found.append(floor(f"{where}, share recovered", 1, why))
        found.append(_gap_over_fields(readings, f"{where}, gap over k", group))
    return Finding(found)


def decide_longer(readings: Readings) -> Finding:
    """RR-10: on the large images a longer fine-tuning leaves smaller gaps of ResNet50, still ordered by the field."""
    short, long = (
        chosen(_claim_tuned(readings, purpose), role="large_images", architecture="rf_resnet50")
        for purpose in ("fine_tuned", "long_fine_tuned")
    )
    if short.empty or long.empty:
        return Finding([])
    both = long.merge(short, on=_KEYS, suffixes=("", "_short"))
    # Beside the dense network as it was, as the paper prints it: its gaps could close because training goes on.
    changes = (both["tuned_short"] - both["tuned"]).groupby(both["seed"]).mean()
    images = readings.test_images["large_images"]
    parts = [
        difference(f"{RESNET_LARGE}, long minus short", changes, -1, images=images),
        _gap_over_fields(readings, f"{RESNET_LARGE}, gap over k", long),
    ]
    return Finding([all_of(RESNET_LARGE, parts)])


def decide_protection(readings: Readings) -> Finding:
    """PT-07: the gap that a short fine-tuning leaves falls with the field, in most settings."""
    grids = combinations(_claim_tuned(readings, "fine_tuned"))
    return Finding([_gap_over_fields(readings, where, group) for where, group in grids])


def _gap_over_fields(readings: Readings, where: str, group: pd.DataFrame) -> Evidence | None:
    """Return whether the gap falls with the field; nothing is decided where none is left, or without a reference."""
    gaps = by_seed(group.dropna(subset="gap"), "gap")
    if gaps.shape[1] < 2:
        few = group["pool_kernel"].nunique() < 2
        return None if few else floor(where, -1, "the dense network after as many epochs more is not measured")
    if gaps.mean().max() <= NOTICEABLE_POINTS:
        return floor(where, -1, f"fine-tuning leaves no gap of more than {NOTICEABLE_POINTS:g} point at any field")
    return trend(where, gaps, -1, images=readings.test_images[group["role"].iloc[0]])


def _claim_tuned(readings: Readings, purpose: str) -> pd.DataFrame:
    """Return one row a network and seed: `lost` to one-shot pruning, accuracy `tuned`, and the `gap` that is left.

    The gap is to the dense network after as many epochs of the same schedule, else training for longer would be taken
    for recovery; NaN where that is not measured.
    """
    before = chosen(readings.pruning, purpose="grid", rate=RATE)
    after = chosen(readings.last_epochs, purpose=purpose, mask_scope="global", mask_rate=RATE)
    if before.empty or after.empty:
        return pd.DataFrame()
    both = before.merge(after[[*_KEYS, "test_accuracy"]].rename(columns={"test_accuracy": "tuned"}), on=_KEYS)
    further = chosen(readings.last_epochs, purpose=_REFERENCES[purpose])
    if further.empty:
        return both.assign(gap=float("nan"))
    reference = further[[*_KEYS, "test_accuracy"]].rename(columns={"test_accuracy": "reference"})
    both = both.merge(reference, on=_KEYS, how="left")
    return both.assign(gap=both["reference"] - both["tuned"])


def _share_recovered(where: str, group: pd.DataFrame) -> Evidence | None:
    """Return whether more than the margin's share of the loss, summed over the kernels of a seed, is made good."""
    left = (group["dense"] - group["tuned"]).groupby(group["seed"]).sum()
    lost = group.groupby("seed")["lost"].sum()
    share = 1 - left / lost.where(lost > 0)
    return difference(where, share, 1, bound=MUCH_RECOVERED, noticeable=0.0, measure="of the loss")


_GAP = (
    "Accuracy of the dense network after as many epochs more, minus that after fine-tuning, falls. "
    f"{TREND} Where no gap is above {NOTICEABLE_POINTS:g} point there is none to be ordered. The family is every "
    "network and image size."
)
CLAIMS = {
    "RR-09": Rule(
        decide_recovery,
        f"Each on its own. More than {MUCH_RECOVERED:.0%} of the loss, summed over the kernels of a seed, is made "
        f"good: Student's t test, one-sided, left out where pruning costs less than {NOTICEABLE_POINTS:g} point. "
        f"{_GAP}",
        _NEEDS,
        ("table-3", "table-4"),
        scope=EVERY,
    ),
    "RR-10": Rule(
        decide_longer,
        f"Both must hold, for ResNet50 on the large images. The gap after the long fine-tuning minus that after the "
        f"short one, averaged over the kernels, is negative. {DIFFERENCE} The gap after the long one falls. {TREND}",
        f"rf_resnet50 on the large images, pruned at rate {RATE:g}, fine-tuned short and long at two or more kernels",
        ("table-5",),
        scope=(RESNET_LARGE,),
    ),
    "PT-07": Rule(
        decide_protection,
        f"{_GAP} It must hold in more than half of them, since the claim says often.",
        _NEEDS,
        ("table-3", "table-4"),
        most=True,
        scope=EVERY,
    ),
}
