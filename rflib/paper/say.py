"""Sentences with numbers filled in, as a Markdown list: how a network, a field, a mean and few seeds are worded.

No sentence judges: claims do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rflib.paper.frames import half_width
from rflib.study.profiles import RoleName
from rflib.study.study import Study

_SPREAD = "±"
_INTERVAL = "95 % interval of the mean"


@dataclass(frozen=True)
class Sentences:
    """Sentences in Markdown, one point of a list each; MyST roles such as `{numref}` work in them.

    Shown, they end with what ± stands for, if one of them has it and none says it.
    """

    points: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(f"- {point}" for point in (*self.points, *self._explained()))

    def __add__(self, other: Sentences) -> Sentences:
        # What both say, such as that nothing was measured, is said once.
        return Sentences(tuple(dict.fromkeys(self.points + other.points)))

    def _repr_markdown_(self) -> str:
        return str(self)

    def _explained(self) -> tuple[str, ...]:
        text = "".join(self.points)
        return (f"{_SPREAD} in these sentences is a {_INTERVAL}.",) if _SPREAD in text and _INTERVAL not in text else ()


NOTHING = Sentences(("This profile holds no measurements for this comparison.",))

# An interval of fewer seeds is not given.
FEWEST_FOR_AN_INTERVAL = 3

# A rank correlation of fewer networks says nothing.
FEWEST_RANKED = 4

ONE_SEED = "One seed a network: an indication, without a spread."

_SEEDS_OF_THE_PAPER = 5


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
    """Return a number of any size to three digits, without an exponent: "0.0000123", "734", "37,700"."""
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else np.format_float_positional(rounded, trim="-")


def span(values: pd.Series, form: str) -> str:
    """Return the least and the greatest value in a format, such as "0.20 to 0.40", or one where they read the same."""
    low, high = f"{values.min():{form}}", f"{values.max():{form}}"
    return low if low == high else f"{low} to {high}"


def percent(number: float) -> str:
    """Return a percentage to one digit."""
    return f"{number:.1f} %"


def by_field(table: pd.DataFrame, quantity: str, subject: str, unit: str) -> Sentences:
    """Give `QUANTITY_mean` of each network at every field."""
    if table.empty:
        return NOTHING
    points = []
    for name, group in networks(table):
        listed = ", ".join(f"{value(row, quantity, unit)} at {pixels(row)}" for _, row in group.iterrows())
        points.append(f"`{name}`: {subject} is {listed}.")
    return Sentences(tuple(points))


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
    return f"{span(counts, 'd')} seeds"


_DATA_OF_THE_PAPER = {"small_images": "CIFAR-10", "large_images": "Tiny ImageNet"}


def measured(study: Study, role: RoleName) -> str:
    """Return the closing sentences of a caption for accuracies measured under `role`."""
    filled = study.profile.roles.get(role)
    if filled is None:
        return f"Not measured under the profile {study.profile.name}."
    return (
        f"Measured on {filled.title}; weights of the last epoch; mean ± sample standard deviation over n seeds, in "
        f"percent. "
        f"Columns marked paper are its printed numbers, on {_DATA_OF_THE_PAPER[role]}."
    )
