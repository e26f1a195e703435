"""Figures of what stands behind one-shot pruning draw what was measured, with old statistics and with new ones."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from rflib.config import ModelConfig
from rflib.paper.chapters import accuracy_and_pruning, open_questions
from rflib.paper.style import Drawing
from rflib.study.study import Study

Open = Callable[..., Study]


def test_new_statistics_stand_beside_the_old_ones(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = accuracy_and_pruning.draw_new_statistics(open_fake("accuracy-and-pruning"))
    assert [axes.get_title() for axes in figure.axes[:2]] == ["rf_vgg19, all weights", "rf_vgg19, live weights"]
    assert figure.axes[0].get_ylabel() == "test accuracy (%)"
    assert [axes.get_xlabel() for axes in figure.axes[:2]] == ["pruning rate (%)"] * 2
    for axes, scope in zip(figure.axes, ("global", "live"), strict=False):
        old, new = axes.lines[:2]
        model = ModelConfig(architecture="rf_vgg19", pool_kernel=1, width=0.125)
        assert (old.get_label(), old.get_linestyle(), new.get_linestyle()) == ("k = 1", "-", ":")
        assert old.get_xdata() == pytest.approx([50, 80, 90])
        means = [sum(formulas.pruned(model, seed, scope, rate) for seed in (0, 1)) / 2 for rate in (0.5, 0.8, 0.9)]
        assert old.get_ydata() == pytest.approx(means)
        assert new.get_ydata() == pytest.approx([0.9 * formulas.dense(model, 0.5)] * 3)


def test_live_weights_are_counted_by_share_and_by_number(open_fake: Open, formulas: SimpleNamespace) -> None:
    share, left, *_ = accuracy_and_pruning.draw_live_weights(open_fake("accuracy-and-pruning")).axes
    assert (share.get_xlabel(), share.get_ylabel()) == ("live weights pruned (%)", "kept (%)")
    assert left.get_xlabel() == "live weights left (thousands)"
    # Of 1000 weights 100 are dead; at 0.5, 450 of the 500 pruned ones were live, of 900.
    assert share.lines[0].get_xdata() == pytest.approx([50, 100 * 750 / 900, 100 * 850 / 900])
    assert left.lines[0].get_xdata() == pytest.approx([0.45, 0.15, 0.05])
    assert left.get_xlim()[0] > left.get_xlim()[1], "as pruning goes on, fewer are left"
    model = ModelConfig(architecture="rf_vgg19", pool_kernel=1, width=0.125)
    kept = [
        100 * (formulas.pruned(model, seed, "live", 0.9) - 10) / (formulas.dense(model, seed) - 10) for seed in (0, 1)
    ]
    assert share.lines[0].get_ydata()[-1] == pytest.approx(sum(kept) / 2)
    again = [100 * (0.9 * formulas.dense(model, seed) - 10) / (formulas.dense(model, seed) - 10) for seed in (0, 1)]
    assert share.lines[1].get_ydata() == pytest.approx([sum(again) / 2] * 3)


def test_rescaled_taps_have_a_line_a_factor(open_fake: Open) -> None:
    figure = open_questions.draw_rescaled_taps(open_fake("open-questions"))
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("pruning rate (%)", "test accuracy (%)")
    plain, large = figure.axes[0].lines
    assert [plain.get_label(), large.get_label()] == ["dead taps × 1", "dead taps × 10"]
    assert plain.get_xdata() == pytest.approx([50, 90])
    assert plain.get_ydata() == pytest.approx([77.5, 75.5])
    assert large.get_ydata() == pytest.approx([55, 35])
    assert "Before pruning all of them compute the same." in figure.get_supxlabel()


@pytest.mark.parametrize(
    ("draw", "chapter"),
    [
        (accuracy_and_pruning.draw_new_statistics, "accuracy-and-pruning"),
        (accuracy_and_pruning.draw_live_weights, "accuracy-and-pruning"),
        (open_questions.draw_rescaled_taps, "open-questions"),
    ],
)
def test_what_a_profile_leaves_out_is_said(open_fake: Open, draw: Callable[[Study], Drawing], chapter: str) -> None:
    figure = draw(open_fake(chapter, small=None))
    assert "Not covered by the profile" in figure.texts[0].get_text()
