"""Sentences about pruning rates: from which rate on pruning costs anything, and where a large field prunes best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import NOTHING, NOTICEABLE_POINTS, networks, strength

# Section 3.3 of the paper: the trend "only arises" for rates above this one.
RATE_IN_THE_TEXT = 0.8


def opening_rates(tables: Mapping[float, pd.DataFrame]) -> Sentences:
    """Say at which rates the largest field loses less than the smallest, and ends higher; test the paper's 0.8.

    `tables` maps rates to `tables.accuracy_and_pruning`. A point of accuracy is the least that counts.
    """
    filled = [table.assign(rate=rate) for rate, table in sorted(tables.items()) if not table.empty]
    if not filled:
        return NOTHING
    every = pd.concat(filled)
    points = [_network(name, group) for name, group in networks(every)]
    tests = [_test("what is measured here", every, ""), _test("the paper's numbers", every, _REPORTED)]
    return Sentences((*points, *(test for test in tests if test), strength(every)))


_REPORTED = "_reported"


def _network(name: str, group: pd.DataFrame) -> str:
    costly = sorted(group.loc[group["difference_mean"] > NOTICEABLE_POINTS, "rate"].unique())
    start = f"`{name}`: pruning costs more than {NOTICEABLE_POINTS:g} point at some field {_listed(costly)}"
    measured, printed = _advantage(group, ""), _advantage(group, _REPORTED)
    if measured is None:
        return f"{start}; with one field there is nothing to compare."
    return f"{start}. {measured}." + (f" In the paper: {printed[0].lower()}{printed[1:]}." if printed else "")


def _advantage(group: pd.DataFrame, source: str) -> str | None:
    less, higher = _rates(group, f"difference{source}_mean", -1), _rates(group, f"pruned{source}_mean", 1)
    if less is None or higher is None:
        return None
    return f"The largest field loses less than the smallest {_listed(less)}, and ends higher {_listed(higher)}"


def _rates(group: pd.DataFrame, column: str, sign: int) -> list[float] | None:
    """Return the rates at which the largest field has noticeably more (sign 1) or less (-1) than the smallest.

    None where no rate has two values.
    """
    if column not in group:
        return None
    gains = {}
    for rate in group["rate"].unique().tolist():
        values = group.loc[group["rate"] == rate, column].dropna().tolist()
        if len(values) > 1:
            gains[rate] = sign * (values[-1] - values[0])
    return [rate for rate, gain in gains.items() if gain > NOTICEABLE_POINTS] if gains else None


def _test(subject: str, every: pd.DataFrame, source: str) -> str:
    """Say whether the higher pruned accuracy of a large field needs a rate above the one in the paper's text."""
    column = f"pruned{source}_mean"
    found = [rates for _, group in networks(every) if (rates := _rates(group, column, 1)) is not None]
    rates = sorted({rate for each in found for rate in each})
    if not found:
        return ""
    if not rates:
        return f"In {subject}, the largest field ends higher than the smallest at no rate."
    if rates[0] > RATE_IN_THE_TEXT:
        return f"In {subject}, ending higher needs a rate above {RATE_IN_THE_TEXT:g}, as the paper's text has it."
    return (
        f"In {subject}, the largest field ends higher from rate {rates[0]:g} on for at least one network, so a rate "
        f"above {RATE_IN_THE_TEXT:g} is not needed."
    )


def _listed(rates: Sequence[float]) -> str:
    if not rates:
        return "at no rate"
    return f"at {'rate' if len(rates) == 1 else 'rates'} {', '.join(f'{rate:g}' for rate in rates)}"
