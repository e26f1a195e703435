"""The verdicts in words and as a picture: how they come about, how many there are, and every reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rflib.paper.claims import FROZEN, Evidence, Outcome, Verdict, claims_of, decide
from rflib.paper.say import NOTHING, Sentences
from rflib.paper.style import Drawing, NothingToDraw, drawn, legend, new, note
from rflib.paper.verdicts.assessment import FEWEST_SEEDS
from rflib.paper.verdicts.evidence import POINTS, RANK_CORRELATION
from rflib.paper.verdicts.margins import CLEAR_TREND, NOTICEABLE_POINTS, NOTICEABLE_SIMILARITY
from rflib.paper.verdicts.report import BOOK, OWN_SOURCE
from rflib.paper.verdicts.statistics import LEVEL, false_discoveries
from rflib.paper.verdicts.verdict import Strength
from rflib.study.study import Study

_LABELS = {
    RANK_CORRELATION: "rank correlation with k, positive as claimed",
    POINTS: "points of accuracy beyond what the claim needs",
}
_DOT: dict[str, Any] = {"linestyle": "none", "markersize": 5}
_MARKS: dict[bool, dict[str, Any]] = {
    True: {**_DOT, "color": "#1F4E9E", "marker": "o"},
    False: {**_DOT, "color": "#D7301F", "marker": "s", "markerfacecolor": "white"},
}
_NAMES = {True: "holds", False: "not shown"}
# The share of a row's height over which its combinations are spread.
_SPREAD = 0.6
_ROW_INCHES = 0.3
Rows = dict[str, list[tuple[Evidence, bool]]]


@drawn
def draw_claims(study: Study) -> Drawing:
    """Draw every combination of every decided claim by its effect in the claimed direction.

    Above, rank correlations with the pool kernel; below, differences in points of accuracy with their 95 % intervals,
    over seeds and over the choice of the test images. A claim of several parts
    shows each of them; exact claims and equivalences have no direction and are left out.
    """
    verdicts = decide(study)
    panels = {measure: rows for measure in _LABELS if (rows := _rows(verdicts, measure))}
    if not panels:
        raise NothingToDraw
    heights = [_ROW_INCHES * (len(rows) + 1) for rows in panels.values()]
    figure = new(sum(heights) + 0.5 * len(panels) + 1.2)
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for index, (measure, rows) in enumerate(panels.items()):
        _draw(figure.add_subplot(grid[index, 0]), rows, measure)
    legend(figure, columns=2, keys=[Line2D([], [], label=_NAMES[holds], **style) for holds, style in _MARKS.items()])
    titles = " and ".join(role.title for role in study.profile.roles.values())
    note(figure, f"{titles}.", "Lines: 95 % intervals of differences.")
    return figure


def _rows(verdicts: Sequence[Verdict], measure: str) -> Rows:
    """Return, for each claim, its effects in `measure` and whether the combination that each belongs to holds."""
    rows: Rows = {}
    for verdict in verdicts:
        for whole in verdict.evidence:
            for part in whole.parts or (whole,):
                if part.measure == measure and part.expected:
                    rows.setdefault(verdict.id, []).append((part, whole.holds))
    return rows


def _draw(axes: Axes, rows: Rows, measure: str) -> None:
    for row, effects in enumerate(rows.values()):
        if row % 2:
            axes.axhspan(row - 0.5, row + 0.5, color="#F4F4F4", zorder=0)
        offsets = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(effects)) if len(effects) > 1 else [0.0]
        for offset, (part, holds) in zip(offsets, effects, strict=True):
            style = _MARKS[holds]
            # The interval of a trend is that of its change, in units of its own.
            if part.interval is not None and measure != RANK_CORRELATION:
                ends = [part.expected * (end - part.bound) for end in part.interval]
                axes.plot(ends, [row + offset] * 2, color=style["color"], linewidth=1, alpha=0.5)
            axes.plot([part.beyond], [row + offset], clip_on=False, **style)
    axes.axvline(0, color="#777777", linewidth=0.8)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=_LABELS[measure], ylabel="claim")
    if measure == RANK_CORRELATION:
        axes.set_xlim(-1.05, 1.05)
    axes.grid(axis="y", visible=False)


_OUTCOMES: tuple[Outcome, ...] = ("reproduced", "partly", "not reproduced", "not seen")
_STRENGTHS: dict[Strength, str] = {
    "exact": "{} exact, without seeds or tests",
    "tested": "{} tested over seeds",
    "indicative": "{} indicative, from runs too few to test",
}
# The badge of each outcome; what it says is its text, the colour only says it again.
_BADGES: dict[str, str] = {
    "reproduced": "success",
    "partly": "warning",
    "not reproduced": "danger",
    "not seen": "secondary",
    "not covered": "secondary",
}
_NO_CONTROL = Sentences(("No claim that has a control is decided on this profile's measurements.",))


def rules() -> Sentences:
    """State the numbers of the rules that every verdict follows."""
    return Sentences(
        (
            f"Rules and margins were fixed on {FROZEN}; what was changed after results existed is listed below. A test "
            f"succeeds at a corrected p-value of at most {LEVEL:g}; intervals hold 95 %.",
            f"With fewer than {FEWEST_SEEDS} seeds nothing is tested, and the same goes for a test that could not "
            f"succeed with the given number of kernels and seeds. Then the means speak: a trend needs a rank "
            f"correlation of at least {CLEAR_TREND:g} in size and a change of more than {NOTICEABLE_POINTS:g} point of "
            f"accuracy, or {NOTICEABLE_SIMILARITY:g} of similarity, from the smallest kernel to the largest. Such a "
            f"verdict is called indicative, and where nothing of the claim shows, it is not seen. A test that succeeds "
            f"needs the same of the means.",
            "An accuracy is a share of the test images, and other images would give another. This error is part of "
            "every interval of an accuracy, and a change that it could make decides nothing.",
            f"Two accuracies are called equal if they differ by no more than {NOTICEABLE_POINTS:g} point, two "
            f"similarities if by no more than {NOTICEABLE_SIMILARITY:g}.",
        )
    )


def of_chapter(study: Study, *also: str) -> Sentences:
    """Say what became of each claim that the study's chapter treats: the claim, and a badge that links to its row.

    `also` names claims of other chapters that this one comes back to.
    """
    ids = (*claims_of(study.chapter), *also)
    return Sentences(tuple(_line(verdict) for verdict in decide(study, *ids))) if ids else NOTHING


def discoveries(verdicts: Sequence[Verdict]) -> Sentences:
    """Say how many of the verdicts by test would stand if false ones among all of them were held to the level."""
    tested = [verdict for verdict in verdicts if verdict.largest_p is not None and verdict.verdict == "reproduced"]
    others = [verdict for verdict in verdicts if verdict.strength == "tested" and verdict not in tested]
    p_values = [verdict.largest_p or 0.0 for verdict in tested] + [1.0] * len(others)
    kept = false_discoveries(p_values)[: len(tested)]
    if not tested:
        return NOTHING
    lost = [verdict.id for verdict, stays in zip(tested, kept, strict=True) if not stays]
    return Sentences(
        (
            f"Each claim is tested at {LEVEL:.0%} by itself, so the verdicts of many claims together hold more errors "
            f"than that. With the rate of false discoveries over all {len(p_values)} claims that rest on tests alone "
            f"held at {LEVEL:.0%} (Benjamini and Hochberg), {sum(kept)} of the {len(tested)} reproduced ones stay"
            f"{'' if not lost else ', without ' + ', '.join(lost)}.",
        )
    )


def anchored(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of verdicts, as `claims.table` makes it, whose rows badges can link to, with a badge in each."""
    return table.assign(
        id=[f"[{name}]{{#{_anchor(name)}}}" for name in table["id"]],
        verdict=[f"{{bdg-{_style(text)}}}`{text}`" for text in table["verdict"]],
    )


def counts(verdicts: Sequence[Verdict]) -> Sentences:
    """Say how many claims of the paper, of the other works and of this book are decided, and how."""
    paper = [verdict for verdict in verdicts if verdict.source == OWN_SOURCE]
    book = [verdict for verdict in verdicts if verdict.source == BOOK]
    others = [verdict for verdict in verdicts if verdict.source not in (OWN_SOURCE, BOOK)]
    pairs = (("the paper", paper), ("the other works", others), ("this book itself", book))
    return Sentences(tuple(_count(name, group) for name, group in pairs if group)) if verdicts else NOTHING


def reasons(verdicts: Sequence[Verdict]) -> Sentences:
    """Give, for every decided claim, the verdict, where it holds, what the weakest combination says, and the test."""
    decided = [verdict for verdict in verdicts if verdict.evidence]
    return Sentences(tuple(_reason(verdict) for verdict in decided)) if decided else NOTHING


def controls(verdicts: Sequence[Verdict]) -> Sentences:
    """Say what is left of a trend among live weights, and what untrained networks show."""
    points = tuple(f"**{verdict.id}** ({verdict.label}). {verdict.control}" for verdict in verdicts if verdict.control)
    return Sentences(points) if points else _NO_CONTROL


def uncovered(verdicts: Sequence[Verdict]) -> Sentences:
    """Name the claims of the paper that these measurements do not decide, and what they would need."""
    own = [verdict for verdict in verdicts if verdict.source == OWN_SOURCE]
    points = tuple(f"**{verdict.id}** {verdict.reason}" for verdict in own if not verdict.evidence)
    return Sentences(points or ("Every claim of the paper is decided.",))


def _count(name: str, verdicts: Sequence[Verdict]) -> str:
    found = Counter(verdict.verdict for verdict in verdicts)
    strengths = Counter(verdict.strength for verdict in verdicts)
    covered = [verdict.coverage for verdict in verdicts if verdict.verdict == "reproduced" and verdict.coverage]
    whole = sum(each.holds == each.scope for each in covered)
    parts = ", ".join(f"{found[outcome]} {outcome}" for outcome in _OUTCOMES)
    rests = ", ".join(text.format(strengths[strength]) for strength, text in _STRENGTHS.items())
    decided = len(verdicts) - found["not covered"]
    return (
        f"Of {len(verdicts)} claims of {name}, {decided} are decided here: {parts}. Of the reproduced ones, {whole} "
        f"are so in all that the claim speaks of and {len(covered) - whole} in a part of it. "
        f"What the verdicts rest on: {rests}. Not covered: {found['not covered']}."
    )


def _line(verdict: Verdict) -> str:
    badge = f"{{bdg-ref-{_style(verdict.verdict)}}}`{verdict.label} <{_anchor(verdict.id)}>`"
    return f"{verdict.claim} ({verdict.id}). {badge}"


def _style(verdict: str) -> str:
    outcome = max((name for name in _BADGES if verdict.startswith(name)), key=len)
    return f"{_BADGES[outcome]}-line"


def _anchor(name: str) -> str:
    return f"claim-{name.lower()}"


def _reason(verdict: Verdict) -> str:
    evidence = f"*Weakest evidence:* {verdict.statistic}."
    return f"**{verdict.id}** ({verdict.label}). {verdict.reason} {evidence} *Test:* {verdict.test}"
