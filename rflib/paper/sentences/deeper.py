"""Sentences about layers beyond the border: do they add anything, and what is lost without them?"""

from __future__ import annotations

import pandas as pd

from rflib.paper.say import NOTHING, ONE_SEED, Sentences, counted_seeds, magnitude, over_seeds, value

# The truncated networks of "Should You Go Deeper?" are means over so many runs; of the others it says nothing.
RUNS_OF_THE_PAPER = 10


def borders(table: pd.DataFrame) -> Sentences:
    """Say where each network's border lies and what its layers do on both sides; takes `tables.productivity`."""
    if table.empty:
        return NOTHING
    points = [_border(row) for _, row in table.iterrows()]
    return Sentences((*points, _strength(table)))


def gains(table: pd.DataFrame) -> Sentences:
    """Say how what the deeper half adds changes with the pool kernel; takes `tables.probe_gains`."""
    if table.empty:
        return NOTHING
    points = [_gain(str(name), rows) for name, rows in table.groupby("architecture", sort=False)]
    return Sentences((*points, over_seeds(table)))


def truncated(table: pd.DataFrame) -> Sentences:
    """Say what each network loses or gains without its tail; takes `tables.truncation`."""
    if table.empty:
        return NOTHING
    return Sentences((*(_cut(row) for _, row in table.iterrows()), _strength(table)))


def stems(table: pd.DataFrame) -> Sentences:
    """Say what a ResNet gains without its stem, beside the paper's numbers; takes `tables.stems`."""
    points = []
    for name in [] if table.empty else table["architecture"]:
        if f"{name}_no_stem" in set(table["architecture"]):
            before, after = (table[table["architecture"] == each].iloc[0] for each in (name, f"{name}_no_stem"))
            points.append(_stem(before, after))
    return Sentences((*points, _strength(table))) if points else NOTHING


def _border(row: pd.Series) -> str:
    if not row["tail_layers"]:
        return f"`{row['architecture']}` has no border: every one of its {row['layers']} convolutions is productive."
    return (
        f"`{row['architecture']}`: the border lies at `{row['border']}`, with {row['tail_layers']} of {row['layers']} "
        f"convolutions from there on. The best probe before it is {row['probe_gain_before_mean']:+z.1f} points from "
        f"the first, and the best behind it {row['probe_gain_best_mean']:+z.1f} from that; mean saturation is "
        f"{row['saturation_before_mean']:.0f} and {row['saturation_tail_mean']:.0f} %."
    )


def _gain(architecture: str, rows: pd.DataFrame) -> str:
    ordered = rows.sort_values("pool_kernel")
    ends = [ordered.iloc[0], ordered.iloc[-1]][: len(ordered)]
    added = " and ".join(f"{row['gain_mean']:+z.1f} points at k = {row['pool_kernel']}" for row in ends)
    return f"`{architecture}`: the deeper half adds {added} to the best probe of the first half."


def _cut(row: pd.Series) -> str:
    parameters = row["parameters_truncated"] / row["parameters_full"]
    flops = row["forward_flops_truncated"] / row["forward_flops_full"]
    return (
        f"`{row['architecture']}`: {value(row, 'accuracy_full')} whole, {value(row, 'accuracy_truncated')} without its "
        f"tail, with {100 * parameters:.0f} % of the parameters and {100 * flops:.0f} % of the operations."
    )


def _stem(before: pd.Series, after: pd.Series) -> str:
    change = after["accuracy_mean"] - before["accuracy_mean"]
    reported = after["reported_accuracy"] - before["reported_accuracy"]
    operations = magnitude(after["forward_flops"] / before["forward_flops"])
    feasible = [f"{row['smallest_feasible_pixels']:.0f} px" for row in (before, after)]
    return (
        f"`{before['architecture']}`: {value(before, 'accuracy')} with its stem, {value(after, 'accuracy')} without "
        f"({change:+z.1f} points; the paper {reported:+z.1f}), at {operations} times the operations. The smallest "
        f"image without an unproductive layer has {feasible[0]} with the stem and {feasible[1]} without."
    )


def _strength(table: pd.DataFrame) -> str:
    """Say how far the number of seeds carries."""
    if table["n"].max() == 1:
        return ONE_SEED
    seeds = counted_seeds(table["n"])
    return f"Means over {seeds} a network, where the paper takes {RUNS_OF_THE_PAPER} for truncation."
