from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rflib.paper.chapters import experimental_settings
from rflib.paper.chapters.experimental_settings import printed_protocol
from rflib.study.study import Study

Open = Callable[..., Study]


def test_a_line_a_schedule_over_the_first_epochs(open_fake: Open, formulas: SimpleNamespace) -> None:
    study = open_fake("experimental-settings")
    (axes,) = experimental_settings.draw_early_training(study).axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert {"this profile's", "as printed, clipped by norm", "as printed, not clipped"} <= lines.keys()
    runs = [item.key.runs[0] for item in study.items if item.purpose == "usual" and item.key.analysis == "history"]
    expected = [np.mean([formulas.accuracy_at(run, epoch) for run in runs]) for epoch in (1, 2, 3)]
    assert list(lines["this profile's"].get_xdata()) == [1, 2, 3]
    assert lines["this profile's"].get_ydata() == pytest.approx(expected)
    assert lines["the paper, at the end"].get_ydata() == [91.1, 91.1]


def test_the_sentences_give_the_table_in_words(open_fake: Open) -> None:
    study = open_fake("experimental-settings")
    table = printed_protocol(study)
    (told, seeds) = experimental_settings.say_first_epochs(table, study).points
    assert told.startswith("`rf_vgg19` at k = 2, test accuracy after 3 epochs: this profile's ")
    assert seeds.startswith("2 seeds")
    (reach,) = experimental_settings.say_reach(table).points
    # Rates of 1e-4 sum to 1 here; clipped to 0.1 and with a momentum of 0.9 that is a reach of 1.
    assert "can take the weights 1 away from where they begin, at a norm of 10;" in reach
    assert reach.endswith("took them 0.01, 0.01 times as far.")


def test_a_study_without_trials_says_so(open_fake: Open) -> None:
    study = open_fake("experimental-settings", small={"protocol": None})
    assert "Not covered by the profile" in experimental_settings.draw_early_training(study).texts[0].get_text()
    empty = printed_protocol(study)
    assert str(experimental_settings.say_first_epochs(empty, study)) == str(experimental_settings.say_reach(empty))
    assert "no measurements" in str(experimental_settings.say_reach(empty))
