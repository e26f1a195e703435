from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from rflib.paper import claims
from rflib.paper.chapters.claims import draw_claims
from rflib.paper.claims import Evidence
from rflib.study.profiles import Role
from rflib.study.study import Study

Open = Callable[..., Study]
Pictured = tuple[Study, Any]


@pytest.fixture(scope="module")
def pictured(open_fake: Open) -> Callable[..., Pictured]:
    """Return a study and the picture of its claims; deciding all of them takes seconds, so each is drawn once."""

    @cache
    def draw(*left_out: str) -> Pictured:
        study = open_fake("claims", **dict.fromkeys(left_out))
        return study, draw_claims(study)

    return draw


def expected_marks(study: Study, measure: str) -> dict[str, list[tuple[float, bool]]]:
    """Return, for each claim, where its marks must stand and whether they are filled."""
    marks: dict[str, list[tuple[float, bool]]] = {}
    for verdict in claims.decide(study):
        for whole in verdict.evidence:
            parts: tuple[Evidence, ...] = whole.parts or (whole,)
            for part in parts:
                if part.measure == measure and part.expected:
                    beyond = part.expected * (part.effect - part.bound)
                    marks.setdefault(verdict.id, []).append((beyond, whole.holds))
    return marks


@pytest.mark.parametrize(("panel", "measure"), [(0, "rank correlation"), (1, "points")])
def test_every_effect_is_a_mark_in_the_row_of_its_claim(
    pictured: Callable[..., Pictured], panel: int, measure: str
) -> None:
    study, figure = pictured()
    axes = figure.axes[panel]
    marks = [line for line in axes.lines if line.get_marker() != "None"]
    names = [label.get_text() for label in axes.get_yticklabels()]
    drawn: dict[str, list[tuple[float, bool]]] = {}
    for mark in marks:
        row = round(float(mark.get_ydata()[0]))
        drawn.setdefault(names[row], []).append((mark.get_xdata()[0], mark.get_markerfacecolor() != "white"))
    expected = expected_marks(study, measure)
    assert list(drawn) == list(expected)
    for name, values in expected.items():
        assert [x for x, _ in drawn[name]] == pytest.approx([x for x, _ in values])
        assert [filled for _, filled in drawn[name]] == [filled for _, filled in values]


def test_intervals_point_the_same_way_as_their_marks(pictured: Callable[..., Pictured]) -> None:
    study, figure = pictured("large")
    trends, points = figure.axes
    assert not [line for line in trends.lines if line.get_linestyle() == "-" and line.get_alpha()]
    lines = [sorted(line.get_xdata()) for line in points.lines if line.get_linestyle() == "-" and line.get_alpha()]
    evidence = next(v for v in claims.decide(study, "RR-20")).evidence[0]
    assert evidence.interval is not None
    expected = sorted(evidence.expected * (end - evidence.bound) for end in evidence.interval)
    assert any(line == pytest.approx(expected) for line in lines)


def test_the_note_names_the_data_of_every_role(pictured: Callable[..., Pictured]) -> None:
    assert pictured()[1].get_supxlabel().startswith("fake, 32 px and fake, 64 px.")
    assert pictured("large")[1].get_supxlabel().startswith("fake, 32 px. Lines")


def test_without_a_claim_that_has_a_direction_the_command_is_named(open_fake: Open) -> None:
    plans = [name for name, field in Role.model_fields.items() if field.default is None]
    bare = {"pool_kernels": {"rf_vgg19": [1]}, "large_pool_kernels": [], **dict.fromkeys(plans)}
    figure = draw_claims(open_fake("claims", small=bare, large=None))
    assert figure.axes == []
    assert "rflib run claims --profile digits" in "\n".join(text.get_text() for text in figure.texts)


def test_both_kinds_of_mark_are_explained(pictured: Callable[..., Pictured]) -> None:
    (legend,) = pictured()[1].legends
    assert [text.get_text() for text in legend.get_texts()] == ["holds", "not shown"]
