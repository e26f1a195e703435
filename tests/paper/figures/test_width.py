from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rflib.config import ModelConfig
from rflib.paper.chapters import width_and_depth
from rflib.study.study import Study

Open = Callable[..., Study]


def test_accuracy_against_the_width_beside_table_8(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = width_and_depth.draw_width_and_depth(open_fake("width-and-depth"))
    measured, paper = figure.axes[0].lines[::2], figure.axes[0].lines[1::2]
    printed = {3: [59.10, 60.97, np.nan], 13: [32.00, 37.36, 38.0], 30: [22.84, 26.33, 26.04]}
    for (kernel, values), line, hollow in zip(printed.items(), measured, paper, strict=True):
        models = [ModelConfig(pool_kernel=kernel, width=0.125 * multiple) for multiple in (1, 2, 3)]
        assert line.get_label() == f"k = {kernel} ({105 * kernel + 2} px)"
        assert list(line.get_xdata()) == [1, 2, 3]
        assert line.get_ydata() == pytest.approx([formulas.dense(model, 0) for model in models])
        assert hollow.get_ydata() == pytest.approx(values, nan_ok=True)
        assert hollow.get_markerfacecolor() == "none"
        assert hollow.get_color() == line.get_color()
    assert "is pending" in figure.get_supxlabel()


def test_the_shallow_network_is_dashed_beside_the_deep_one(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = width_and_depth.draw_width_and_depth(open_fake("width-and-depth"))
    drawn = {str(line.get_label()): line for line in figure.axes[1].lines}
    assert drawn["rf_resnet50, dense"].get_xdata() == pytest.approx([317, 1367, 3152])
    assert drawn["rf_resnet26, dense"].get_xdata() == pytest.approx([155, 308])
    models = [ModelConfig(architecture="rf_resnet26", pool_kernel=k, width=0.125) for k in (3, 6)]
    pruned = [formulas.pruned(model, 0, "global", 0.9) for model in models]
    assert drawn["rf_resnet26, pruned"].get_ydata() == pytest.approx(pruned)
    assert [drawn[f"{name}, dense"].get_linestyle() for name in ("rf_resnet50", "rf_resnet26")] == ["-", "--"]
    assert sorted(text.get_text() for text in figure.axes[1].texts) == ["k=13", "k=3", "k=3", "k=30", "k=6"]


def test_without_a_network_at_the_plain_width_there_is_one_panel(open_fake: Open) -> None:
    study = open_fake("width-and-depth", large={"widths": {"multiples": [2], "pool_kernels": [3]}})
    figure = width_and_depth.draw_width_and_depth(study)
    assert [axes.get_title() for axes in figure.axes] == ["by width"]
    assert list(figure.axes[0].get_xticks()) == [2]
