"""What was found and how sure that is, in a few sentences for the first page of the book."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from rflib import tables
from rflib.claims import decide
from rflib.pipeline.profiles import RoleName
from rflib.pipeline.study import Study
from rflib.sentences import claims
from rflib.sentences.accuracy import kept_shares
from rflib.sentences.dead_taps import FEW_DEAD
from rflib.sentences.markdown import Sentences
from rflib.sentences.wording import NOTHING, ends, networks, pixels
from rflib.store.published import PublishedProfile

ROLE: RoleName = "small_images"
RATE = 0.9


def findings(study: Study, published: Iterable[PublishedProfile]) -> Sentences:
    """Say what each network's robustness comes to at its largest field, what became of the claims, how sure that is.

    `study` is that of the claims under the profile "published", and `published` what the index lists.
    """
    table = tables.accuracy_and_pruning(study, role=ROLE, rate=RATE)
    if table.empty:
        return NOTHING
    classes = study.profile.roles[ROLE].classes
    robustness = [_robustness(name, group.iloc[-1], classes) for name, group in networks(table)]
    paper = claims.counts(decide(study)).points[0]
    return Sentences((*robustness, *_without_dead_taps(study), paper, _certainty(table, study, published)))


def _robustness(name: str, row: pd.Series, classes: int) -> str:
    start = f"`{name}` at {pixels(row)} ({row['dead_share']:.0f} % dead taps)"
    kept = kept_shares(row, classes)
    if kept is None:
        return f"{start} is hardly better than guessing before anything is pruned."
    plain, live = (f"{100 * share:.0f} %" for share in kept)
    return (
        f"{start} keeps {plain} of what it can do beyond guessing without {100 * RATE:.0f} % of all weights, {live} "
        f"without {100 * RATE:.0f} % of the live ones."
    )


def _without_dead_taps(study: Study) -> list[str]:
    """Say what each network keeps at the ends of those of its fields that have hardly any dead taps."""
    parts = []
    for role in study.profile.roles:
        table = tables.tolerance(study, role=role)
        for name, group in networks(table[table["dead_share"] < FEW_DEAD]) if len(table) else ():
            if len(group) > 1:
                first, last = (f"{row['kept_mean']:.0f} % at {pixels(row)}" for row in ends(group))
                images = "" if role == ROLE else f" on {role.replace('_', ' ')}"
                parts.append(f"`{name}`{images} keeps {first} and {last}")
    if not parts:
        return []
    return [f"Where hardly a tap is dead, averaged over the rates, {', '.join(parts)}."]


def _certainty(table: pd.DataFrame, study: Study, published: Iterable[PublishedProfile]) -> str:
    role, seeds = study.profile.roles[ROLE], sorted({int(n) for n in table["n"]})
    done, planned = (sum(each) for each in zip(*((len(p.measurements), p.planned) for p in published), strict=True))
    return (
        f"How sure is that? {_between(seeds)} a network of the picture, {role.title}, {study.profile.width:g} of the "
        f"paper's width, {role.training.epochs} epochs; {done} of {planned} planned measurements are finished."
    )


def _between(seeds: list[int]) -> str:
    noun = "seed" if seeds == [1] else "seeds"
    return f"{seeds[0]} {noun}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} {noun}"
