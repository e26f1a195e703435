from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rflib.config import ModelConfig
from rflib.paper import frames
from rflib.paper.chapters import pruning_rates
from rflib.study.study import Study

Open = Callable[..., Study]
RATES = (0.5, 0.8, 0.9)


def test_a_panel_a_network_and_two_lines_a_kernel(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = pruning_rates.draw_pruning_rates(open_fake("pruning-rates"), role="small_images")
    assert [axes.get_title() for axes in figure.axes] == ["rf_vgg19", "rf_resnet50"]
    drawn = figure.axes[0].lines
    assert len(drawn) == 8
    for index, kernel in enumerate((1, 2, 3, 4)):
        model = ModelConfig(architecture="rf_vgg19", pool_kernel=kernel, width=0.125)
        for line, scope, dash in zip(drawn[2 * index :], ("global", "live"), ("-", "--"), strict=False):
            means = [np.mean([formulas.pruned(model, seed, scope, rate) for seed in (0, 1)]) for rate in RATES]
            assert line.get_xdata() == pytest.approx([50, 80, 90])
            assert line.get_ydata() == pytest.approx(means)
            assert line.get_linestyle() == dash
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["k = 1", "k = 2", "k = 3", "k = 4", "among all weights", "among live weights"]


def test_the_normalised_difference_is_a_share_of_dense_accuracy(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = pruning_rates.draw_normalised_difference(open_fake("open-questions"), role="small_images")
    model = ModelConfig(architecture="rf_vgg19", pool_kernel=2, width=0.125)
    lost = [
        [100 * (1 - formulas.pruned(model, seed, "global", rate) / formulas.dense(model, seed)) for rate in RATES]
        for seed in (0, 1)
    ]
    assert figure.axes[0].lines[2].get_ydata() == pytest.approx(np.mean(lost, axis=0))
    assert figure.axes[0].get_ylabel() == "(dense - pruned) / dense (%)"


def test_bands_are_one_standard_deviation(open_fake: Open) -> None:
    study = open_fake("pruning-rates")
    figure = pruning_rates.draw_pruning_rates(study, role="small_images")
    rows = frames.one_shot(study, "small_images").query("architecture == 'rf_vgg19' and pool_kernel == 1")
    spread = rows.groupby("rate")["pruned"].std()
    corners = figure.axes[0].collections[0].get_paths()[0].vertices
    for rate, sd in spread.items():
        heights = corners[np.isclose(corners[:, 0], 100 * rate), 1]
        assert np.ptp(heights) == pytest.approx(2 * sd)
    assert "bands: ± 1 standard deviation" in figure.get_supxlabel()
