"""Claims about pruned networks after fine-tuning: Section 3.4 of the paper, and the thesis."""

from __future__ import annotations

import pandas as pd

from rflib.claims.assessment import all_of, difference, trend
from rflib.claims.evidence import DIFFERENCE, TREND, Evidence
from rflib.claims.margins import MUCH_RECOVERED, NOTICEABLE_POINTS, RATE
from rflib.claims.readings import EVERY, RESNET_LARGE, Readings, by_seed, chosen, combinations
from rflib.claims.verdict import Finding, Rule

_CHAPTER = "fine-tuning"
_KEYS = ["role", "architecture", "pool_kernel", "seed"]
_NEEDS = f"networks pruned at rate {RATE:g} and fine-tuned, for two or more pool kernels"


def recovery(readings: Readings) -> Finding:
    """RR-09: a short fine-tuning brings back much of what pruning took, and the gap that is left falls with k.

    Where no gap is left at any field the second half fails, but the first stands for itself.
    """
    found, untouched, closed = [], [], []
    for where, group in combinations(_tuned(readings, "fine_tuned")):
        gap = trend(f"{where}, gap over k", by_seed(group, "gap"), -1)
        recovered = _share_recovered(where, group)
        if group["lost"].mean() <= NOTICEABLE_POINTS:
            untouched.append(where)
            found.append(gap)
        elif _closed(group):
            closed.append(where)
            found += [recovered, gap]
        else:
            found.append(all_of(where, [recovered, gap]))
    none = f"One-shot pruning took no noticeable accuracy, so there is none to recover: {'; '.join(untouched)}."
    return Finding(found, remark=f"{none if untouched else ''} {_no_gap(closed)}".strip())


def longer(readings: Readings) -> Finding:
    """RR-10: on the large images a longer fine-tuning leaves smaller gaps of ResNet50, still ordered by the field."""
    short, long = (
        chosen(_tuned(readings, purpose), role="large_images", architecture="rf_resnet50")
        for purpose in ("fine_tuned", "long_fine_tuned")
    )
    if short.empty or long.empty:
        return Finding([])
    both = long.merge(short, on=_KEYS, suffixes=("", "_short"))
    changes = (both["gap"] - both["gap_short"]).groupby(both["seed"]).mean()
    where = "rf_resnet50, large images"
    parts = [
        difference(f"{where}, long minus short", changes, -1),
        trend(f"{where}, gap over k", by_seed(long, "gap"), -1),
    ]
    return Finding([all_of(where, parts)])


def protection(readings: Readings) -> Finding:
    """PT-07: the gap that a short fine-tuning leaves falls with the field, in most settings."""
    groups = list(combinations(_tuned(readings, "fine_tuned")))
    closed = [where for where, group in groups if _closed(group)]
    found = [trend(where, by_seed(group, "gap"), -1) for where, group in groups if where not in closed]
    return Finding(found, remark=_no_gap(closed), lacking=_no_gap(closed))


def _closed(group: pd.DataFrame) -> bool:
    """Return whether fine-tuning leaves no noticeable gap at any field."""
    return bool(group.groupby("pool_kernel")["gap"].mean().max() <= NOTICEABLE_POINTS)


def _no_gap(closed: list[str]) -> str:
    """Say where there is no gap to be ordered; empty if there is one everywhere."""
    if not closed:
        return ""
    return (
        f"Fine-tuning leaves no gap of more than {NOTICEABLE_POINTS:g} point at any field, so that there is none to be "
        f"ordered by it: {'; '.join(closed)}."
    )


def _tuned(readings: Readings, purpose: str) -> pd.DataFrame:
    """Return one row a network and seed: `lost` to one-shot pruning, and the `gap` that fine-tuning leaves."""
    before = chosen(readings.pruning, purpose="grid", rate=RATE)
    after = chosen(readings.last_epochs, purpose=purpose, mask_scope="global", mask_rate=RATE)
    if before.empty or after.empty:
        return pd.DataFrame()
    both = before.merge(after[[*_KEYS, "test_accuracy"]], on=_KEYS)
    return both.assign(gap=both["dense"] - both["test_accuracy"])


def _share_recovered(where: str, group: pd.DataFrame) -> Evidence | None:
    """Return whether more than the margin's share of the loss, summed over the kernels of a seed, is made good."""
    sums = group.groupby("seed")[["lost", "gap"]].sum()
    share = 1 - sums["gap"] / sums["lost"].where(sums["lost"] > 0)
    what = f"{where}, share recovered"
    return difference(what, share, 1, bound=MUCH_RECOVERED, noticeable=0.0, measure="of the loss")


_GAP = f"Dense accuracy minus that after fine-tuning falls. {TREND} The family is every network and image size."

RULES = {
    "RR-09": Rule(
        recovery,
        f"Both must hold. More than {MUCH_RECOVERED:.0%} of the loss, summed over the kernels of a seed, is made good: "
        f"Student's t test, one-sided, left out where pruning costs less than {NOTICEABLE_POINTS:g} point. {_GAP}",
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
        f"{_GAP} It must hold in more than half of them, since the claim says often. Where no gap is above "
        f"{NOTICEABLE_POINTS:g} point there is none to be ordered.",
        _NEEDS,
        _CHAPTER,
        ("table-3", "table-4"),
        most=True,
        scope=EVERY,
    ),
}
