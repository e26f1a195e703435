"""Claims about pruned networks after fine-tuning: Section 3.4 of the paper, and the thesis."""

from __future__ import annotations

import pandas as pd

from rflib.paper.verdicts.assessment import all_of, difference, floor, trend
from rflib.paper.verdicts.evidence import DIFFERENCE, TREND, Evidence
from rflib.paper.verdicts.margins import MUCH_RECOVERED, NOTICEABLE_POINTS, RATE
from rflib.paper.verdicts.readings import EVERY, RESNET_LARGE, Readings, by_seed, chosen, combinations
from rflib.paper.verdicts.verdict import Finding, Rule

_CHAPTER = "fine-tuning"
_KEYS = ["role", "architecture", "pool_kernel", "seed"]
# Dense training that goes on for as many epochs as each fine-tuning has.
_REFERENCES = {"fine_tuned": "continued", "long_fine_tuned": "long_continued"}
_NEEDS = f"networks pruned at rate {RATE:g} and fine-tuned, for two or more pool kernels"


def recovery(readings: Readings) -> Finding:
    """RR-09: a short fine-tuning brings back much of what pruning took, and the gap that is left falls with k.

    Two halves, each on its own. The gap is to the dense network after as many epochs more.
    """
    found: list[Evidence | None] = []
    for where, group in combinations(_tuned(readings, "fine_tuned")):
        if group["lost"].mean() > NOTICEABLE_POINTS:
            found.append(_share_recovered(f"{where}, share recovered", group))
        else:
            why = f"one-shot pruning took no more than {NOTICEABLE_POINTS:g} point, so there is none to recover"
            found.append(floor(f"{where}, share recovered", 1, why))
        found.append(_gap_over_fields(readings, f"{where}, gap over k", group))
    return Finding(found)


def longer(readings: Readings) -> Finding:
    """RR-10: on the large images a longer fine-tuning leaves smaller gaps of ResNet50, still ordered by the field."""
    short, long = (
        chosen(_tuned(readings, purpose), role="large_images", architecture="rf_resnet50")
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


def protection(readings: Readings) -> Finding:
    """PT-07: the gap that a short fine-tuning leaves falls with the field, in most settings."""
    grids = combinations(_tuned(readings, "fine_tuned"))
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


def _tuned(readings: Readings, purpose: str) -> pd.DataFrame:
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

RULES = {
    "RR-09": Rule(
        recovery,
        f"Each on its own. More than {MUCH_RECOVERED:.0%} of the loss, summed over the kernels of a seed, is made "
        f"good: Student's t test, one-sided, left out where pruning costs less than {NOTICEABLE_POINTS:g} point. "
        f"{_GAP}",
        _NEEDS,
        _CHAPTER,
        ("table-3", "table-4"),
        scope=EVERY,
    ),
    "RR-10": Rule(
        longer,
        f"Both must hold, for ResNet50 on the large images. The gap after the long fine-tuning minus that after the "
        f"short one, averaged over the kernels, is negative. {DIFFERENCE} The gap after the long one falls. {TREND}",
        f"rf_resnet50 on the large images, pruned at rate {RATE:g}, fine-tuned short and long at two or more kernels",
        _CHAPTER,
        ("table-5",),
        scope=(RESNET_LARGE,),
    ),
    "PT-07": Rule(
        protection,
        f"{_GAP} It must hold in more than half of them, since the claim says often.",
        _NEEDS,
        _CHAPTER,
        ("table-3", "table-4"),
        most=True,
        scope=EVERY,
    ),
}
