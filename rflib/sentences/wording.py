"""How every sentence words a network, a field, a mean, a direction and the strength of few seeds."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

import pandas as pd

from rflib.sentences.markdown import Sentences
from rflib.tables import direction, half_width, trend

# Below this a difference of accuracies is called none: one point is a few images of the smallest test set.
NOTICEABLE_POINTS = 1.0
NOTHING = Sentences(("This profile holds no measurements for this comparison.",))

# An interval of fewer seeds is not given.
FEWEST_FOR_AN_INTERVAL = 3

# A rank correlation of fewer networks says nothing.
FEWEST_RANKED = 4

ONE_SEED = "One seed a network: an indication, without a spread."

_SEEDS_OF_THE_PAPER = 5
_PHRASES = {"mixed": "has no clear direction", "flat": "does not change"}


def networks(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows of each network, from the smallest field to the largest."""
    for name, group in table.groupby("architecture", sort=False):
        yield str(name), group.sort_values("receptive_field")


def ends(group: pd.DataFrame) -> list[pd.Series]:
    """Return the rows of the smallest and the largest field of a network; one row where there is one field."""
    return [group.iloc[0], group.iloc[-1]] if len(group) > 1 else [group.iloc[0]]


def pixels(row: pd.Series) -> str:
    """Return the computed field of a row, such as "180 px"."""
    return f"{row['receptive_field']:.0f} px"


def value(row: pd.Series, quantity: str, unit: str = "%") -> str:
    """Return a mean with its unit and, from three seeds on, half the width of its 95 % interval (Student)."""
    mean, seeds = row[f"{quantity}_mean"], int(row["n"])
    if seeds < FEWEST_FOR_AN_INTERVAL:
        return f"{mean:.1f} {unit}"
    return f"{mean:.1f} ± {half_width(row[f'{quantity}_sd'], seeds):.1f} {unit}"


def magnitude(number: float) -> str:
    """Return a number of any size to three digits, without an exponent: "0.0123", "734", "37,700"."""
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:g}"


def span(values: pd.Series, form: str) -> str:
    """Return the least and the greatest value in a format, such as "0.20 to 0.40", or one where they read the same."""
    low, high = f"{values.min():{form}}", f"{values.max():{form}}"
    return low if low == high else f"{low} to {high}"


def percent(number: float) -> str:
    """Return a percentage to one digit."""
    return f"{number:.1f} %"


def moves(table: pd.DataFrame, quantity: str, subject: str, unit: str) -> Sentences:
    """Say how `QUANTITY_mean` moves with the field for each network, and how the paper's value moves."""
    if table.empty:
        return NOTHING
    return Sentences(tuple(_move(name, group, quantity, subject, unit) for name, group in networks(table)))


def strength(table: pd.DataFrame) -> str:
    """Say how far the number of seeds carries, beside the five of the paper."""
    fewest, most = int(table["n"].min()), int(table["n"].max())
    if most == 1 or fewest >= _SEEDS_OF_THE_PAPER:
        return over_seeds(table)
    few = "fewer" if most < _SEEDS_OF_THE_PAPER else "some of them with fewer"
    return f"{counted_seeds(table['n'])} a network: an indication, {few} than the five of the paper."


def over_seeds(table: pd.DataFrame) -> str:
    """Say over how many seeds a network the means of a table are."""
    return ONE_SEED if table["n"].max() == 1 else f"Means over {counted_seeds(table['n'])} a network."


def counted_seeds(counts: pd.Series) -> str:
    """Return how many seeds rows have, such as "3 seeds" or "2 to 3 seeds"; more than one somewhere."""
    fewest, most = int(counts.min()), int(counts.max())
    return f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"


def _move(name: str, group: pd.DataFrame, quantity: str, subject: str, unit: str) -> str:
    first, last = group.iloc[0], group.iloc[-1]
    start = f"`{name}`: {subject} is {value(first, quantity, unit)} at {pixels(first)}"
    if len(group) == 1:
        return f"{start}, the only field measured."
    measured = trend(group["receptive_field"].tolist(), group[f"{quantity}_mean"].tolist())
    path = f"{value(last, quantity, unit)} at {pixels(last)}; over {len(group)} fields it {_phrase(measured)}"
    return f"{start} and {path}. {_beside_the_paper(measured, group, f'{quantity}_reported_mean')}".rstrip()


def _phrase(correlation: float) -> str:
    word = direction(correlation)
    return _PHRASES.get(word, word)


def _beside_the_paper(measured: float, group: pd.DataFrame, column: str) -> str:
    """Say how the paper's value moves, and whether that is the same direction where both have one."""
    if column not in group or group[column].notna().sum() < 2:
        return ""
    printed = trend(group["receptive_field"].tolist(), group[column].tolist())
    text = f"In the paper it {_phrase(printed)}"
    if any(isnan(each) or direction(each) == "mixed" for each in (measured, printed)):
        return f"{text}."
    return f"{text}: {'the same' if measured * printed > 0 else 'the opposite'} direction."
