from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rflib.paper.chapters import experimental_settings
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


def test_the_reach_of_clipping_stands_beside_what_training_travelled(open_fake: Open) -> None:
    (row,) = experimental_settings.reach_of_clipping(open_fake("experimental-settings")).to_dict("records")
    # Rates of 1e-4 sum to 1 here; clipped to 0.1 and with a momentum of 0.9 that is a reach of 1.
    assert (row["pool_kernel"], row["reach_mean"], row["initial_norm_mean"]) == (2, pytest.approx(1), 10)
    assert (row["distance_mean"], row["times"]) == (pytest.approx(0.01), pytest.approx(0.01))


def test_a_study_without_trials_says_so(open_fake: Open) -> None:
    study = open_fake("experimental-settings", small={"protocol": None})
    assert "Not covered by the profile" in experimental_settings.draw_early_training(study).texts[0].get_text()
    assert experimental_settings.reach_of_clipping(study).empty
