"""Sentences about refinement: who needs it, what it takes, and what it brought the networks that were trained."""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, Sentences, magnitude, strength, value


def needs(table: pd.DataFrame) -> Sentences:
    """Say for each image size how many networks need a refinement, and what suffices; takes `tables.refinements`."""
    if table.empty:
        return NOTHING
    return Sentences(tuple(_need(str(size), group) for size, group in table.groupby("image_size")))


def costs(table: pd.DataFrame) -> Sentences:
    """Say what the cheapest refinements change in parameters and operations; takes `tables.refinements`."""
    found = table.dropna(subset=["changes"]) if len(table) else table
    if found.empty:
        return NOTHING
    same = int((found["parameters_refined"] == found["parameters"]).sum())
    ratios = found["flops_ratio"]
    single = found[found["changes"] == 1]["flops_ratio"]
    points = [
        f"Of {len(found)} refinements, {same} leave the number of parameters as it is. They multiply the operations of "
        f"one image by {_factors(ratios)}, in the median by {magnitude(ratios.median())}."
    ]
    if len(single):
        points.append(
            f"Where one change suffices, the factor is {_factors(single)}, in the median {magnitude(single.median())}."
        )
    return Sentences(tuple(points))


def predictions(table: pd.DataFrame) -> Sentences:
    """Say what probes gain before and behind the predicted layers; takes `tables.predicted_layers`."""
    if table.empty:
        return NOTHING
    points = []
    for name, group in table.groupby("architecture", sort=False):
        layers = int(group["unproductive"].iloc[0])
        if group["gain_behind"].isna().all():
            points.append(f"`{name}`: none of its convolutions is predicted to be unproductive, or all are.")
            continue
        before, behind = group["gain_before"].mean(), group["gain_behind"].mean()
        points.append(
            f"`{name}`: {layers} convolutions are predicted to be unproductive. Probes gain {before:+z.1f} points "
            f"before the first of them and {behind:+z.1f} from there on."
        )
    return Sentences(tuple(points))


def trained(table: pd.DataFrame) -> Sentences:
    """Say what refinement did to accuracy, to efficiency and to operations; takes `tables.trained_refinements`."""
    if table.empty:
        return NOTHING
    return Sentences((*(_trained(row) for _, row in table.iterrows()), strength(table)))


def _factors(ratios: pd.Series) -> str:
    return " to ".join(dict.fromkeys(magnitude(each) for each in (ratios.min(), ratios.max())))


def _need(size: str, group: pd.DataFrame) -> str:
    taken = group[group["takes_image"].astype(bool)]
    needed = taken[taken["needs_refinement"].astype(bool)]
    text = f"At {size} pixels, {len(needed)} of {len(taken)} networks need a refinement"
    small = group[~group["takes_image"].astype(bool)]["architecture"]
    if len(small):
        text += f" ({', '.join(f'`{name}`' for name in small)} cannot take such images)"
    counts = needed["changes"].dropna().astype(int).value_counts().sort_index()
    ways = [f"{count} with {'one change' if number == 1 else f'{number} changes'}" for number, count in counts.items()]
    none = needed[needed["changes"].isna()]["architecture"]
    if len(none):
        ways.append(f"for {', '.join(f'`{name}`' for name in none)} none suffices")
    return f"{text}: {', '.join(ways)}." if ways else f"{text}."


def _trained(row: pd.Series) -> str:
    operations = magnitude(row["forward_flops_refined"] / row["forward_flops_original"])
    parameters = (
        "the same parameters" if row["parameters_refined"] == row["parameters_original"] else "other parameters"
    )
    accuracies = [value(row, f"accuracy_{name}") for name in ("original", "refined")]
    efficiencies = [magnitude(row[f"efficiency_{name}_mean"]) for name in ("original", "refined")]
    return (
        f"`{row['architecture']}`: {accuracies[0]} as it is, {accuracies[1]} refined ({row['gain_mean']:+z.1f} "
        f"points), with {parameters} and {operations} times the operations. That is {efficiencies[0]} and "
        f"{efficiencies[1]} points a million parameters."
    )
