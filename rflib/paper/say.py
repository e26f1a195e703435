"""Sentences with numbers filled in: a person writes a template, a frame fills it. No sentence judges: claims do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from rflib.errors import unknown
from rflib.paper.frames import half_width
from rflib.paper.quantities import quantity
from rflib.study.profiles import RoleName
from rflib.study.study import Study

# An interval of fewer seeds is not given.
FEWEST_FOR_AN_INTERVAL = 3


@dataclass(frozen=True)
class Sentences:
    """Sentences in Markdown, one point of a list each; MyST roles such as `{numref}` work in them."""

    points: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(f"- {point}" for point in self.points)

    def __bool__(self) -> bool:
        return bool(self.points)

    def __add__(self, other: Sentences) -> Sentences:
        # What both say is said once, and that nothing was measured only where nothing else is said.
        points = tuple(dict.fromkeys(point for point in self.points + other.points if point not in NOTHING.points))
        return Sentences(points) or NOTHING

    def _repr_markdown_(self) -> str:
        return str(self)

    @property
    def text(self) -> str:
        """All sentences as running text, such as the alternative text of a picture."""
        return " ".join(self.points)


NOTHING = Sentences(("This profile holds no measurements for this comparison.",))


def say(
    template: str, frame: pd.DataFrame, *, per: str | Sequence[str] = "architecture", along: str = "receptive_field"
) -> Sentences:
    """Return `template` filled from `frame`, one sentence for each group of rows that share the values of `per`.

    `{name}` is a column; of a quantity (`name_mean`, with `name_sd` and `n`) the mean with its unit and, from three
    seeds on, its 95 % interval (Student). Several rows are listed in the order of `along`: "83.5 % at k = 1, 78.3 % at
    k = 2". `{name[first]}` and `{name[last]}` are those of the smallest and the largest `along`, `{name[ends]}` lists
    both, `{name[change]}` is what lies between them; `{name[range]}` goes from the least to the greatest, and
    `[least]`, `[greatest]`, `[mean]`, `[median]`, `[sum]` and `[count]` are one number. `{n}` says over how many seeds.
    A format (`{name:+.2f}`) takes the place of the quantity's own and of the interval; `{name:digits}` writes three
    digits of whatever size. A group that lacks one of its values is left out.

    Raises `UsageError` for a column or a pick that does not exist.
    """
    keys = [per] if isinstance(per, str) else list(per)
    groups = [group for _, group in frame.groupby(keys, sort=False)] if keys and len(frame) else [frame]
    filled = (_filled(template, group, along) for group in groups if len(group))
    return Sentences(tuple(text for text in filled if text)) or NOTHING


def _filled(template: str, rows: pd.DataFrame, along: str) -> str:
    rows = rows.sort_values(along, kind="stable") if along in rows else rows
    try:
        return template.format_map(_Columns(rows, along))
    except _Missing:
        return ""


class _Missing(Exception):
    """A value that a sentence needs was not measured."""


@dataclass(frozen=True)
class _Columns(Mapping[str, Any]):
    """The columns of a group of rows, as the fields of a template."""

    rows: pd.DataFrame
    along: str

    def __getitem__(self, name: str) -> _Values:
        hidden = ("_sd", "_printed")
        known = [str(column).removesuffix("_mean") for column in self.rows if not str(column).endswith(hidden)]
        if name not in known:
            raise unknown("column", name, known)
        return _Values(self.rows, name, self.along)

    def __iter__(self) -> Iterator[str]:
        return map(str, self.rows)

    def __len__(self) -> int:
        return len(self.rows.columns)


# What a pick makes of all values, or which rows it takes.
_NUMBERS: dict[str, Callable[[pd.Series], Any]] = {
    "least": pd.Series.min,
    "greatest": pd.Series.max,
    "mean": pd.Series.mean,
    "median": pd.Series.median,
    "sum": pd.Series.sum,
    "count": pd.Series.count,
    "change": lambda values: values.iloc[-1] - values.iloc[0],
}
_ROWS = {"first": [0], "last": [-1], "ends": [0, -1]}


@dataclass(frozen=True)
class _Values:
    """What a group of rows holds of one column, all of it or what was picked."""

    rows: pd.DataFrame
    name: str
    along: str
    pick: str = "each"

    def __getitem__(self, pick: str) -> _Values:
        if pick not in (picks := (*_ROWS, *_NUMBERS, "range")):
            raise unknown("pick", pick, picks)
        return replace(self, pick=pick)

    def __format__(self, form: str) -> str:
        column = f"{self.name}_mean" if f"{self.name}_mean" in self.rows else self.name
        rows = self.rows.dropna(subset=column)
        values = rows[column]
        if rows.empty or (self.pick == "change" and len(rows) == 1):
            raise _Missing
        if self.name == "n":
            return f"n = {_between(values.min(), values.max(), 'd')}"
        if self.pick == "range":
            return _with_unit(self.name, _between(values.min(), values.max(), _form(self.name, values, form)))
        if self.pick == "count":
            return str(len(values))
        if self.pick in _NUMBERS:
            number = _NUMBERS[self.pick](values)
            form = form or ("+.1f" if self.pick == "change" else _form(self.name, pd.Series([number]), form))
            return _with_unit(self.name, _number(number, form), change=self.pick == "change")
        if self.pick in _ROWS and len(rows) > 1:
            rows = rows.iloc[_ROWS[self.pick]]
        return self._listed(rows, column, form)

    def _listed(self, rows: pd.DataFrame, column: str, form: str) -> str:
        texts = [self._one(row, column, form) for row in rows.to_dict("records")]
        if len(texts) == 1 or (column == self.name and len(set(texts)) == 1):
            return texts[0]
        if self.along not in rows:
            raise unknown("column to list along", self.along, map(str, rows))
        if self.name != self.along:
            place = quantity(self.along)
            places = [place.at.format(place.words.get(value, value)) for value in rows[self.along]]
            texts = [f"{text} {where}" for text, where in zip(texts, places, strict=True)]
        return (" and " if len(texts) == 2 else ", ").join(texts)

    def _one(self, row: Mapping[Any, Any], column: str, form: str) -> str:
        mean, own = row[column], _form(self.name, self.rows[column], form)
        if not own:
            return quantity(self.name).words.get(mean, str(mean))
        text = _with_unit(self.name, _number(mean, own))
        seeds = int(row["n"]) if column != self.name and f"{self.name}_sd" in row else 1
        if form or seeds < FEWEST_FOR_AN_INTERVAL:
            return text
        half = half_width(row[f"{self.name}_sd"], seeds)
        return f"{text} [{_number(mean - half, own)}, {_number(mean + half, own)}]"


def _form(name: str, values: pd.Series, form: str) -> str:
    """Return the format of a column's values: as asked for, as declared, or one of their kind; none for texts."""
    declared = quantity(name)
    if form or declared.words or not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return form
    if pd.api.types.is_integer_dtype(values):
        return ","
    return "digits" if declared.digits else f".{declared.decimals or 1}f"


def _with_unit(name: str, text: str, *, change: bool = False) -> str:
    unit = quantity(name).unit
    unit = "points" if change and unit == "%" else unit
    return f"{text} {unit}" if unit else text


def _between(least: Any, greatest: Any, form: str) -> str:
    """Return a range, or one value where both ends read the same."""
    low, high = _number(least, form), _number(greatest, form)
    return low if low == high else f"{low} to {high}"


def _number(number: Any, form: str) -> str:
    if form == "digits":
        return magnitude(number)
    if form in (",", "d") or form.endswith("g"):
        return format(number, form)
    # z: what rounds to zero has no sign.
    sign = form[:1] if form[:1] in "+-" else ""
    return format(number, f"{sign}z{form.removeprefix(sign)}")


# A rank correlation of fewer networks says nothing.
FEWEST_RANKED = 4


def magnitude(number: float) -> str:
    """Return a number of any size to three digits, without an exponent: "0.0000123", "734", "37,700"."""
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else np.format_float_positional(rounded, trim="-")


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
