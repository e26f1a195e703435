"""Sentences about pruning rates: from which rate on pruning costs anything, and where a large field prunes best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

import pandas as pd

from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import NOTHING, NOTICEABLE_POINTS, networks, strength
from rflib.tables import GUESSING_POINTS

# Section 3.3 of the paper: the trend "only arises" for rates above this one.
RATE_IN_THE_TEXT = 0.8


def opening_rates(tables: Mapping[float, pd.DataFrame], *, classes: int) -> Sentences:
    """Say at which rates the largest field loses less than the smallest, and ends higher; test the paper's 0.8.

    `tables` maps rates to `tables.accuracy_and_pruning`. A point of accuracy is the least that counts. A rate at which
    both networks guess among `classes` compares nothing and is left out of what is measured here.
    """
    filled = [table.assign(rate=rate) for rate, table in sorted(tables.items()) if not table.empty]
    if not filled:
        return NOTHING
    every = pd.concat(filled)
    every["guesses"] = every["pruned_mean"] <= 100 / classes + GUESSING_POINTS
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
    guessing = _both_guess(group)
    left_out = f" Left out: both guess {_listed(guessing)}." if guessing else ""
    return f"{start}. {measured}.{left_out}" + (f" In the paper: {printed[0].lower()}{printed[1:]}." if printed else "")


def _advantage(group: pd.DataFrame, source: str) -> str | None:
    less, higher = _gains(group, "difference", source, -1), _gains(group, "pruned", source, 1)
    if not less or not higher:
        return None
    lower_loss, level = ([rate for rate, more in found.items() if more] for found in (less, higher))
    return f"The largest field loses less than the smallest {_listed(lower_loss)}, and ends higher {_listed(level)}"


def _gains(group: pd.DataFrame, quantity: str, source: str, sign: int) -> dict[float, bool]:
    """Return whether the largest field has noticeably more (sign 1) or less (-1) than the smallest, by rate, ascending.

    Empty where no rate has two values. Never where both networks guess: `source` is "" for what is measured here.
    """
    column = f"{quantity}{source}_mean"
    guessing = [] if source else _both_guess(group)
    gains = {}
    for rate in sorted(group["rate"].unique().tolist()) if column in group else ():
        values = group.loc[group["rate"] == rate, column].dropna().tolist()
        if len(values) > 1:
            gains[rate] = rate not in guessing and sign * (values[-1] - values[0]) > NOTICEABLE_POINTS
    return gains


def _both_guess(group: pd.DataFrame) -> list[float]:
    """Return the rates at which the networks of the smallest and of the largest field both guess."""
    by_rate = {rate: group.loc[group["rate"] == rate, "guesses"].tolist() for rate in group["rate"].unique().tolist()}
    return sorted(rate for rate, guesses in by_rate.items() if guesses[0] and guesses[-1])


def _test(subject: str, every: pd.DataFrame, source: str) -> str:
    """Say whether the higher pruned accuracy of a large field needs a rate above the one in the paper's text."""
    found = [gains for _, group in networks(every) if (gains := _gains(group, "pruned", source, 1))]
    if not found:
        return ""
    rates = sorted({rate for gains in found for rate, higher in gains.items() if higher})
    if not rates:
        return f"In {subject}, the largest field ends higher than the smallest at no rate."
    if rates[0] > RATE_IN_THE_TEXT:
        return f"In {subject}, ending higher needs a rate above {RATE_IN_THE_TEXT:g}, as the paper's text has it."
    opened = min(filter(None, map(_from_here_on, found)), default=None)
    if opened is None or opened > RATE_IN_THE_TEXT:
        return f"In {subject}, the largest field ends higher {_listed(rates)} for at least one network."
    return (
        f"In {subject}, the largest field ends higher from rate {opened:g} on for at least one network, so a rate "
        f"above {RATE_IN_THE_TEXT:g} is not needed."
    )


def _from_here_on(gains: Mapping[float, bool]) -> float | None:
    """Return the rate from which on the largest field ends higher at every rate; None if it does not at the last."""
    held = list(takewhile(gains.__getitem__, sorted(gains, reverse=True)))
    return held[-1] if held else None


def _listed(rates: Sequence[float]) -> str:
    if not rates:
        return "at no rate"
    return f"at {'rate' if len(rates) == 1 else 'rates'} {', '.join(f'{rate:g}' for rate in rates)}"
