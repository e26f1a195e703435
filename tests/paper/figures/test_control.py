from __future__ import annotations

from collections.abc import Callable

import pytest
from scipy.stats import t as student

from rflib.paper.chapters import open_questions
from rflib.study.study import Study

Open = Callable[..., Study]


def test_a_row_a_network_under_both_rankings(open_fake: Open) -> None:
    study = open_fake("open-questions")
    small, large = open_questions.draw_dead_tap_control(study).axes
    assert (small.get_title(), large.get_title()) == ("fake, 32 px", "fake, 64 px")
    table = open_questions.advantage(study)
    lines = {str(line.get_label()): line for line in small.lines}
    assert list(lines["all weights pruned alike"].get_xdata()) == pytest.approx(table["gain_mean"].tolist())
    assert list(lines["only live weights pruned"].get_xdata()) == pytest.approx(table["gain_live_mean"].tolist())
    names = [label.get_text() for label in small.get_yticklabels()]
    assert len(names) == len(table) == 3 + 3 + 8
    assert names[0] == "rf_vgg19, k = 2\n8 % dead taps"
    assert "rf_vgg19, k = 3, padded maps\n0 % dead taps" in names


def test_lines_are_intervals_over_seeds(open_fake: Open) -> None:
    study = open_fake("open-questions")
    small, large = open_questions.draw_dead_tap_control(study).axes
    row = open_questions.advantage(study).iloc[0]
    (ends,) = (segments[0][:, 0] for segments in [small.collections[0].get_segments()])
    assert (ends[1] - ends[0]) / 2 == pytest.approx(student.ppf(0.975, 1) * row["gain_sd"] / 2**0.5)
    assert all(len(segment) == 0 or segment[0, 0] != segment[0, 0] for segment in large.collections[0].get_segments())


def test_a_study_with_one_field_has_no_advantage_to_show(open_fake: Open) -> None:
    one = {"pool_kernels": {"rf_vgg19": [2]}, "variants": None}
    figure = open_questions.draw_dead_tap_control(open_fake("open-questions", small=one, large=None))
    assert "Not covered by the profile" in figure.texts[0].get_text()
