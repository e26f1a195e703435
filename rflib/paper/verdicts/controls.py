"""What the same test shows where a confound is held still: it stands beside a verdict and never takes its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from rflib.paper.verdicts.assessment import FEWEST_SEEDS, difference
from rflib.paper.verdicts.evidence import Evidence, p_text
from rflib.paper.verdicts.statistics import exceeding_p_value


def beside(plain: Sequence[Evidence], control: Sequence[Evidence], start: str) -> str:
    """Say, for every combination that holds, what the control's own test shows there, in numbers.

    `start` names the control and ends before the verb: "Among live weights the trend is". "Not shown" says that the
    test does not succeed, and not that there is nothing. Empty if no combination holds, or none has a control.
    """
    found = {combination(each.where): each for each in control}
    both = [found[name] for each in plain if each.holds and (name := combination(each.where)) in found]
    kinds = {
        "shown for": [str(each) for each in both if each.holds],
        "not shown for": [str(each) for each in both if not each.holds and not each.undecided],
        "not decided for": [f"{each.where} ({each.undecided})" for each in both if each.undecided],
    }
    said = [f"{words} {'; '.join(listed)}" for words, listed in kinds.items() if listed]
    return f"{start} {', and '.join(said)}." if said else ""


def beside_all(plain: Sequence[Evidence], controls: Mapping[str, Sequence[Evidence]]) -> str:
    """Say what several controls show, each under the words that it starts with."""
    return " ".join(filter(None, (beside(plain, control, start) for start, control in controls.items())))


def combination(where: str) -> str:
    """Return what evidence is of, without the rate at which it was read: a control may be read at another one."""
    return re.split(r", rates? ", where)[0]


def taken_away(where: str, plain: pd.DataFrame, control: pd.DataFrame) -> str:
    """Say by how much the change over the kernels is smaller under a control, seed by seed.

    Both grids have a row a seed and a column a kernel. Empty without a seed that both have, or with a single kernel.
    """
    both = plain.columns.intersection(control.columns)
    if len(both) < 2:
        return ""
    change = (plain[both[-1]] - plain[both[0]]) - (control[both[-1]] - control[both[0]])
    evidence = difference(f"{where}, k = {both[0]} to {both[-1]}", change, 1)
    if evidence is None:
        return ""
    # Of either sign, so that the p-value is two-sided.
    sample = change.dropna().to_numpy(dtype=float)
    tested = len(sample) >= FEWEST_SEEDS and sample.std() > 0
    p = f", p {p_text(2 * exceeding_p_value(sample, 0.0, 1 if sample.mean() > 0 else -1))}" if tested else ""
    return f"Plain pruning less the control, {evidence}{p}."
