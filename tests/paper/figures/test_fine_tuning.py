from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rflib.paper import reported
from rflib.paper.chapters import fine_tuning
from rflib.study.study import Study

Open = Callable[..., Study]


def test_dense_one_shot_and_fine_tuned_stand_beside_the_papers_values(open_fake: Open) -> None:
    study = open_fake("fine-tuning")
    figure = fine_tuning.draw_fine_tuning(study, role="small_images")
    drawn = {str(line.get_label()): line for line in figure.axes[1].lines}
    table = fine_tuning.fine_tuning(study, role="small_images").query("architecture == 'rf_resnet50'")
    assert drawn["dense"].get_ydata() == pytest.approx(table["dense_mean"].tolist())
    assert drawn["90% pruned, one-shot"].get_ydata() == pytest.approx(table["one_shot_mean"].tolist())
    reached = np.mean([80 * (1 - np.exp(-2)), 83 * (1 - np.exp(-2))]) + 0.05 * 2
    assert drawn["fine-tuned for 2 epochs"].get_ydata() == pytest.approx([reached] * 4)
    printed = reported.table("Table 3").query("architecture == 'rf_resnet50'")
    paper = drawn["fine-tuned for 10 epochs, paper"]
    assert paper.get_ydata() == pytest.approx(printed["pruned_mean"].tolist())


def test_the_longer_fine_tuning_is_drawn_where_there_is_one(open_fake: Open) -> None:
    study = open_fake("fine-tuning")
    long = fine_tuning.draw_fine_tuning(study, role="large_images")
    drawn = {str(line.get_label()): line for line in long.axes[0].lines}
    assert drawn["fine-tuned for 5 epochs"].get_ydata() == pytest.approx([80 * (1 - np.exp(-5)) + 0.25] * 4)
    short = fine_tuning.draw_fine_tuning(study, role="small_images")
    assert not any("5 epochs" in str(line.get_label()) for line in short.axes[0].lines)


def test_a_rate_that_was_not_fine_tuned_is_not_covered(open_fake: Open) -> None:
    figure = fine_tuning.draw_fine_tuning(open_fake("fine-tuning"), role="small_images", rate=0.8)
    assert figure.axes == []
    assert "Not covered" in figure.texts[0].get_text()
