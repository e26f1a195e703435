"""What was found and how sure that is, for the first page of the book: the paper's questions, numbers and verdicts.

The sentences ask and fill in numbers; what they come to is the verdict of the claims, which stands behind each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from rflib.paper import frames
from rflib.paper.chapters import claims as words
from rflib.paper.chapters import loss_landscape, representations
from rflib.paper.claims import Verdict, decide
from rflib.paper.say import NOTHING, Sentences, say
from rflib.study.profiles import RoleName
from rflib.study.store.published import PublishedProfile
from rflib.study.study import Study

ROLE: RoleName = "small_images"
# At 0.9 some networks guess at most fields; at this rate all but the smallest fields leave something.
_RATE = 0.8


def shown_rate(study: Study) -> float:
    """Return the pruning rate of the first page and its picture: of the measured ones that next to 0.8."""
    measured = frames.one_shot(study, ROLE)
    return min(measured["rate"].unique(), key=lambda rate: abs(rate - _RATE)) if len(measured) else _RATE


def findings(study: Study, published: Iterable[PublishedProfile]) -> Sentences:
    """Answer the paper's questions in numbers, each with its verdicts, and say how sure that is.

    `study` is that of the claims under the profile "published", and `published` what the index lists.
    """
    rate = shown_rate(study)
    table = frames.accuracy_and_pruning(study, role=ROLE, rate=rate)
    if table.empty:
        return NOTHING
    share = f"{100 * rate:.0f} %"
    decided = decide(study)
    verdicts = {verdict.id: verdict for verdict in decided}
    points = [
        f"**Does a larger field cost accuracy?** Dense: {_by_field(table, 'dense')}. {_labels(verdicts, 'RR-01')}",
        f"**Does it make pruning cheaper?** Without {share} of all weights: {_by_field(table, 'pruned')}. "
        f"{_labels(verdicts, 'RR-03', 'PT-06')}",
        f"**Is that the field, or weights that never learned?** Without {share} of the weights that can learn: "
        f"{_by_field(table, 'live')}. {_labels(verdicts, 'OQ-01', 'OQ-02')}",
        *_new_statistics(table, share, verdicts),
        *_landscape(study, verdicts),
        *_representations(study, verdicts),
        "**How sure is that?** In brackets behind a mean stands its 95 % interval. "
        f"{words.counts(decided).points[0]} {_certainty(table, study, published)}",
    ]
    return Sentences(tuple(points))


def _by_field(table: pd.DataFrame, quantity: str, *, form: str = "", along: str = "receptive_field") -> str:
    """Give a mean at every field of every network."""
    filled = say(
        f"`{{architecture}}` {{{quantity}{form}}} ({{n}})", table.dropna(subset=f"{quantity}_mean"), along=along
    )
    return "; ".join(filled.points)


def _labels(verdicts: Mapping[str, Verdict], *names: str) -> str:
    """Name the claims that the numbers bear on, with their verdicts."""
    return f"({'; '.join(f'{name}: {verdicts[name].label}' for name in names)})"


def _new_statistics(table: pd.DataFrame, share: str, verdicts: Mapping[str, Verdict]) -> list[str]:
    measured = table[table["n_calibrated"] > 0].drop(columns="n").rename(columns={"n_calibrated": "n"})
    if measured.empty:
        return []
    every, live = (_by_field(measured, f"{ranking}_calibrated") for ranking in ("pruned", "live"))
    return [
        "**Or statistics that no longer fit?** Batch norm keeps the means and variances of the dense network. "
        f"Re-estimated on training images after pruning, without {share} of all weights: {every}; of the weights "
        f"that can learn: {live}. {_labels(verdicts, 'OQ-03', 'OQ-04')}"
    ]


def _landscape(study: Study, verdicts: Mapping[str, Verdict]) -> list[str]:
    spectra = loss_landscape.by_network(study)
    largest = _by_field(spectra[spectra["checkpoint"] == "initial"], "largest", form=":digits", along="pool_kernel")
    said = f"**Is the loss landscape rougher?** Largest eigenvalue of the Hessian before training: {largest}."
    return [f"{said} {_labels(verdicts, 'RR-11')}"] if len(spectra) else []


def _representations(study: Study, verdicts: Mapping[str, Verdict]) -> list[str]:
    summary = representations.similarity_summary(study, role=ROLE)
    if summary.empty:
        return []
    deep = summary[summary["half"] == "after the middle"]
    parts = [
        f"{moment} {say('{debiased:.2f}', deep[deep['checkpoint'] == checkpoint], per=[], along='pool_kernel').text}"
        for checkpoint, moment in (("last", "trained"), ("initial", "untrained"))
    ]
    pairs = int(deep["pairs"].min())
    return [
        "**Do two seeds learn different things?** Similarity of the deep layers of `rf_resnet50`: "
        f"{'; '.join(parts)} ({pairs} pair{'s' * (pairs > 1)} of seeds). {_labels(verdicts, 'RR-15')}"
    ]


def _certainty(table: pd.DataFrame, study: Study, published: Iterable[PublishedProfile]) -> str:
    role = study.profile.roles[ROLE]
    printed, training = type(role.training)(), role.training
    done, planned = (sum(each) for each in zip(*((len(p.measurements), p.planned) for p in published), strict=True))
    return (
        f"{role.title}, {study.profile.width:g} of the paper's width, {training.epochs} epochs for {printed.epochs}, "
        f"learning rate {training.learning_rate:g} for {printed.learning_rate:g}, weight decay "
        f"{training.optimiser.weight_decay:g} for {printed.optimiser.weight_decay:g}, "
        f"{'clipping' if training.gradient_clip else 'no clipping'} for clipping at {printed.gradient_clip:g}; {done} "
        f"of {planned} planned measurements are finished."
    )
