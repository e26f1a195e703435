"""Sentences about fields and pixels: accuracy beside the field, how much of it is used, what padding changes."""

from __future__ import annotations

import pandas as pd

from rflib.config import SHIFT_CLASSES
from rflib.paper.say import FEWEST_RANKED, NOTHING, Sentences, over_seeds, span, value
from rflib.paper.tables import GUESSING_POINTS, trend

_TASKS = {"classes": "telling classes", "shifts": "telling shifts"}


def accuracy(table: pd.DataFrame) -> Sentences:
    """Give the rank correlation of accuracy with the fields over networks; takes `tables.field_and_accuracy`."""
    if len(table) < 2:
        return NOTHING
    best, widest = (table.sort_values(column).iloc[-1] for column in ("accuracy_mean", "theoretical_field"))
    ends = (
        f"The most accurate network is `{best['architecture']}` ({value(best, 'accuracy')}) with a field of "
        f"{best['theoretical_field']:.0f} px; the widest field, {widest['theoretical_field']:.0f} px, is that of "
        f"`{widest['architecture']}` ({value(widest, 'accuracy')})."
    )
    return Sentences((*_correlations(table), ends, over_seeds(table)))


def use(table: pd.DataFrame) -> Sentences:
    """Say how much of each field is used and how training changes it; takes `tables.field_and_accuracy`."""
    if table.empty:
        return NOTHING
    return Sentences((*(_use(row) for _, row in table.iterrows()), over_seeds(table)))


def depth(table: pd.DataFrame) -> Sentences:
    """Say how the effective field grows along the depth; takes `tables.field_and_accuracy`."""
    if table.empty:
        return NOTHING
    points = [
        f"`{row['architecture']}`: trained, the effective field changes by {row['early_mean']:+z.1f} px over the first "
        f"half of the depth and by {row['late_mean']:+z.1f} px over the second."
        for _, row in table.iterrows()
    ]
    return Sentences((*points, over_seeds(table)))


def scaled(table: pd.DataFrame) -> Sentences:
    """Say what width and cardinality change while the field stays; takes `tables.constant_field`."""
    if len(table) < 2:
        return NOTHING
    fields = sorted({f"{field:.0f} px" for field in table["receptive_field"]})
    first = table.iloc[0]
    points = [
        f"{_scale(row, first)}: {value(row, 'accuracy')} with {row['parameters']:,} parameters, "
        f"{row['change_mean']:+z.1f} points."
        for _, row in table.iloc[1:].iterrows()
    ]
    start = (
        f"`{first['architecture']}` has a field of {' and '.join(fields)} at every width and cardinality. As it is: "
        f"{value(first, 'accuracy')} with {first['parameters']:,} parameters."
    )
    return Sentences((start, *points, over_seeds(table)))


def pixels(table: pd.DataFrame) -> Sentences:
    """Say how unequal the pixels of each network are; takes `tables.imbalance`."""
    if table.empty:
        return NOTHING
    even, uneven = table[table["uneven_layers"] == 0], table[table["uneven_layers"] > 0]
    kinds = [(uneven, "with kernels that their stride does not divide"), (even, "with none")]
    points = [_pixels(group, name) for group, name in kinds if len(group)]
    return Sentences((*points, over_seeds(table)))


def padding(table: pd.DataFrame) -> Sentences:
    """Say what kernel padding does to the pixels, and to both tasks; takes `tables.kernel_padding`."""
    if table.empty:
        return NOTHING
    return Sentences((*(_padding(row) for _, row in table.iterrows()), over_seeds(table)))


def _use(row: pd.Series) -> str:
    return (
        f"`{row['architecture']}`: {row['theoretical_field']:.0f} px in theory, of which {row['visible_field']:.0f} px "
        f"could be seen; the effective field is {value(row, 'untrained', 'px')} untrained and "
        f"{value(row, 'trained', 'px')} trained ({row['growth_mean']:+z.1f} px)."
    )


def _scale(row: pd.Series, first: pd.Series) -> str:
    if row["width"] != first["width"]:
        return f"Width × {row['width'] / first['width']:g}"
    return f"Cardinality {row['cardinality']}"


def _pixels(group: pd.DataFrame, name: str) -> str:
    networks = ", ".join(f"`{each}`" for each in group["architecture"])
    return (
        f"Networks {name} ({networks}): imbalance {span(group['imbalance_mean'], '.3f')} after training, "
        f"{span(group['uniform_imbalance'], '.3f')} by the architecture alone; "
        f"{span(group['partially_dead_mean'], '.1f')} % of the pixels are partially dead."
    )


def _padding(row: pd.Series) -> str:
    return (
        f"`{row['architecture']}`, {_TASKS[row['task']]}: padded kernels change the imbalance from "
        f"{row['imbalance_plain_mean']:.2f} to {row['imbalance_padded_mean']:.2f} and the test accuracy from "
        f"{value(row, 'accuracy_plain')} to {value(row, 'accuracy_padded')} "
        f"({row['accuracy_change_mean']:+z.1f} points). A shift by one pixel changes "
        f"{row['prediction_change_plain_mean']:.1f} % of the predictions without and "
        f"{row['prediction_change_padded_mean']:.1f} % with padding.{_guessing(row)}"
    )


def _guessing(row: pd.Series) -> str:
    """Say which of two networks guesses shifts, of which there are as many classes everywhere."""
    guess = 100 / SHIFT_CLASSES
    bound = guess + GUESSING_POINTS
    names = [name for name in ("plain", "padded") if row["task"] == "shifts" and row[f"accuracy_{name}_mean"] <= bound]
    return "".join(
        f" The {name} network is within {GUESSING_POINTS:g} points of guessing ({guess:g} %)." for name in names
    )


def _correlations(table: pd.DataFrame) -> list[str]:
    if len(table) < FEWEST_RANKED:
        return [f"{len(table)} networks are too few for a rank correlation."]
    return [
        f"Over {len(table)} networks the rank correlation of test accuracy with the {name} field is "
        f"{_correlation(table, column)}."
        for name, column in (("theoretical", "theoretical_field"), ("effective", "trained_mean"))
    ]


def _correlation(table: pd.DataFrame, column: str) -> str:
    found = trend(table[column].tolist(), table["accuracy_mean"].tolist())
    return "not defined, since one of them is constant" if found != found else f"{found:+z.2f}"
