"""How the claims about refinement are decided."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from rflib.paper.chapters.receptive_field_refinement.shown import predicted_layers, refinement_runs, refinements
from rflib.paper.verdicts.assessment import all_of, difference, fact
from rflib.paper.verdicts.evidence import DIFFERENCE, Evidence
from rflib.paper.verdicts.margins import NOTICEABLE_POINTS
from rflib.paper.verdicts.readings import Readings, images
from rflib.paper.verdicts.verdict import Finding, Rule

_ACCURACY = ("fig-refined-accuracy",)


_NEEDS = "a network trained as it is and refined"


_PER_MILLION = "points a million parameters"


def decide_accuracy(readings: Readings) -> Finding:
    """RF-01: a refined network is more accurate."""
    found = [difference(where, runs.set_index("seed")["gain"], 1) for where, runs in _claim_trained(readings)]
    return Finding(found, remark=_changed(readings))


def decide_predictions(readings: Readings) -> Finding:
    """RF-02: probes gain before the layers that are predicted to be unproductive, and nothing from there on.

    Best against best, as for the border layer of "Should You Go Deeper?".
    """
    found = []
    for role in readings.study.profile.roles:
        frame = predicted_layers(readings.study, role=role)
        for name, runs in frame.groupby("architecture", sort=False) if len(frame) else ():
            where, runs = f"{name}, {images(role)}", runs.set_index("seed")
            rules = (("gain_before", "before the first", 1), ("gain_behind", "from the first on", -1))
            parts = [
                difference(f"{where}, {place}", runs[gain], sign, bound=NOTICEABLE_POINTS, noticeable=0.0)
                for gain, place, sign in rules
            ]
            found.append(all_of(where, parts))
    return Finding(found)


def decide_efficiency(readings: Readings) -> Finding:
    """RF-03: a refined network has more accuracy for its parameters."""
    found = []
    for where, runs in _claim_trained(readings):
        runs = runs.set_index("seed")
        gain = runs["efficiency_refined"] - runs["efficiency_original"]
        # A point of accuracy, in the units of the quotient.
        noticeable = 1e6 * NOTICEABLE_POINTS / float(runs["parameters_original"].iloc[0])
        found.append(difference(where, gain, 1, noticeable=noticeable, measure=_PER_MILLION))
    return Finding(found)


def decide_equal_parameters(readings: Readings) -> Finding:
    """RF-05: below the resolution of the images, accuracy increases and the number of parameters is the same."""
    found: list[Evidence | None] = []
    for where, runs in _claim_trained(readings):
        apart = float((runs["parameters_refined"] - runs["parameters_original"]).abs().max())
        gain = difference(f"{where}, accuracy", runs.set_index("seed")["gain"], 1)
        found.append(all_of(where, [fact(f"{where}, parameters", "parameters apart", apart, agrees=apart == 0), gain]))
    return Finding(found)


def _claim_trained(readings: Readings) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every network that is trained as it is and refined, named, with a row a seed."""
    for role in readings.study.profile.roles:
        frame = refinement_runs(readings.study, role=role)
        for name, runs in frame.groupby("architecture", sort=False) if len(frame) else ():
            yield f"{name}, {images(role)}", runs


def _changed(readings: Readings) -> str:
    """Say of how many networks one change would do, in the search that needs no training."""
    frame = refinements(readings.study)
    if frame.empty:
        return ""
    counts = []
    for size, group in frame[frame["takes_image"].astype(bool)].groupby("image_size"):
        needed = group[group["needs_refinement"].astype(bool)]
        counts.append(f"{int((needed['changes'] == 1).sum())} of {len(needed)} at {size} pixels")
    return f"One change suffices for so many of the networks that need one: {', '.join(counts)}."


CLAIMS = {
    "RF-01": Rule(
        decide_accuracy,
        "Test accuracy after the last epoch, refined minus original within a seed, is positive (more "
        f"than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        _NEEDS,
        _ACCURACY,
    ),
    "RF-02": Rule(
        decide_predictions,
        f"The best probe before the first convolution that is predicted to be unproductive is more than "
        f"{NOTICEABLE_POINTS:g} point above that of the first convolution, and the best from there on is no more than "
        f"that above it. {DIFFERENCE}",
        "probes of a network with layers that are predicted to be unproductive",
    ),
    "RF-03": Rule(
        decide_efficiency,
        "Accuracy divided by parameters, refined minus original within a seed, is positive (by more "
        f"than {NOTICEABLE_POINTS:g} point of accuracy). {DIFFERENCE}",
        _NEEDS,
    ),
    "RF-05": Rule(
        decide_equal_parameters,
        "The number of parameters is the same, exactly; and test accuracy, refined minus original within a seed, is "
        f"positive (more than {NOTICEABLE_POINTS:g} point). {DIFFERENCE}",
        _NEEDS,
        _ACCURACY,
    ),
}
