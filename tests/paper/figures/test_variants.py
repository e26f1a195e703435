from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rflib.config import ModelConfig
from rflib.paper.chapters import open_questions
from rflib.study.study import Study

Open = Callable[..., Study]

PANELS = {
    "shrinking maps (the paper)": ((1, 2, 3, 4), {}),
    "maps kept by padding": ((2, 3, 4), {"map_size": "padded"}),
    "maps kept by dilation": ((2, 3, 4), {"map_size": "dilated"}),
    "pool dilated by 2": ((2, 3), {"pool_dilation": 2}),
}


def test_a_panel_a_variant_with_dense_and_both_prunings(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = open_questions.draw_variants(open_fake("open-questions"))
    assert [axes.get_title() for axes in figure.axes] == list(PANELS)
    for axes, (kernels, changes) in zip(figure.axes, PANELS.values(), strict=True):
        drawn = {str(line.get_label()): line for line in axes.lines}
        models = [ModelConfig(architecture="rf_vgg19", pool_kernel=k, width=0.125, **changes) for k in kernels]
        assert list(drawn["dense"].get_xdata()) == list(kernels)
        assert drawn["dense"].get_ydata() == pytest.approx([formulas.dense(model, 0.5) for model in models])
        for scope, label in (("global", "90% of all pruned"), ("live", "90% of live pruned")):
            means = [np.mean([formulas.pruned(model, seed, scope, 0.9) for seed in (0, 1)]) for model in models]
            assert drawn[label].get_ydata() == pytest.approx(means)
        assert axes.get_xlim() == figure.axes[0].get_xlim()
        assert axes.get_ylim() == figure.axes[0].get_ylim()


def test_dead_taps_are_bars_behind(open_fake: Open) -> None:
    figure = open_questions.draw_variants(open_fake("open-questions"))
    assert [bar.get_height() for bar in figure.axes[0].patches] == pytest.approx([2, 8, 18, 32])
    assert [bar.get_height() for bar in figure.axes[1].patches] == pytest.approx([0, 0, 0])


def test_variants_of_a_network_outside_the_grid_stand_alone(open_fake: Open) -> None:
    study = open_fake("open-questions", small={"pool_kernels": {"rf_resnet50": [2]}})
    assert [axes.get_title() for axes in open_questions.draw_variants(study).axes] == list(PANELS)[1:]
