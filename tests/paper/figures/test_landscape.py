from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rflib.config import SpectrumSettings
from rflib.paper.chapters import loss_landscape
from rflib.paper.style import kernel_style
from rflib.study.study import Study

Open = Callable[..., Study]
RANKS = range(1, 13)


def test_a_panel_before_and_one_after_training(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = loss_landscape.draw_spectra(open_fake("loss-landscape"), architecture="rf_vgg19")
    assert [axes.get_title() for axes in figure.axes] == ["at initialisation", "after training"]
    for axes, checkpoint in zip(figure.axes, ("initial", "last"), strict=True):
        settings = SpectrumSettings(checkpoint=checkpoint)
        shown = [line for line in axes.lines if str(line.get_label()).startswith("k = ")]
        assert len(shown) == 4
        for kernel, line in enumerate(shown, start=1):
            values = [formulas.eigenvalue("rf_vgg19", kernel, 0.5, settings, rank) for rank in RANKS]
            assert line.get_xdata() == pytest.approx(list(RANKS))
            assert line.get_ydata() == pytest.approx(values)


def test_frozen_statistics_are_thin_dotted_lines_in_the_kernels_colour(open_fake: Open) -> None:
    figure = loss_landscape.draw_spectra(open_fake("loss-landscape"), architecture="rf_vgg19")
    dotted = [line for line in figure.axes[1].lines if line.get_linestyle() == ":" and len(line.get_xdata())]
    assert [line.get_color() for line in dotted] == [kernel_style(4)["color"]]
    assert dotted[0].get_linewidth() == 1.0
    without = loss_landscape.draw_spectra(
        open_fake("loss-landscape", small={"frozen_spectrum_kernels": []}), architecture="rf_vgg19"
    )
    texts = [[text.get_text() for text in each.legends[0].get_texts()] for each in (figure, without)]
    assert "frozen batch statistics" in texts[0]
    assert "frozen batch statistics" not in texts[1]


def test_the_scale_is_logarithmic_unless_an_eigenvalue_is_not_positive(open_fake: Open) -> None:
    study = open_fake("loss-landscape")
    positive, mixed = (loss_landscape.draw_spectra(study, architecture=name) for name in ("rf_vgg19", "rf_resnet50"))
    assert [axes.get_yscale() for axes in positive.axes] == ["log", "log"]
    assert [axes.get_yscale() for axes in mixed.axes] == ["symlog", "symlog"]
    # A thousandth of the panel with the smaller eigenvalues, down to a power of ten.
    assert "linear between ±0.01 and logarithmic beyond" in mixed.get_supxlabel()
    lowest = min(line.get_ydata().min() for axes in mixed.axes for line in axes.lines if len(line.get_xdata()) > 2)
    assert lowest < 0
    assert mixed.axes[0].get_ylim()[0] <= lowest


def test_the_note_says_what_the_bands_are(open_fake: Open) -> None:
    figure = loss_landscape.draw_spectra(open_fake("loss-landscape"), architecture="rf_vgg19")
    assert "n = 2 seeds; bands: smallest to largest" in figure.get_supxlabel().replace("\n", " ")
    one = loss_landscape.draw_spectra(
        open_fake("loss-landscape", small={"spectrum_seeds": [0]}), architecture="rf_vgg19"
    )
    assert "n = 1 seed" in one.get_supxlabel()
    assert len(one.axes[0].collections) == 0


def test_curves_are_means_over_seeds_and_doubled_schedules_are_told_apart(open_fake: Open) -> None:
    figure = loss_landscape.draw_training_curves(open_fake("loss-landscape"), role="small_images")
    accuracy, loss = figure.axes
    single = [line for line in accuracy.lines if line.get_linestyle() == "-"]
    assert [line.get_label() for line in single] == ["k = 1", "k = 2", "k = 3", "k = 4"]
    epochs = np.arange(1, 7)
    assert single[0].get_ydata() == pytest.approx(95.5 * (1 - np.exp(-epochs)) + 0.3)
    assert loss.lines[1].get_ydata() == pytest.approx(2 / epochs + 0.05)
    doubled = {line.get_linestyle(): line for line in accuracy.lines if line.get_linestyle() != "-"}
    longer = np.arange(1, 13)
    for dash, period in (("--", 6), (":", 12)):
        assert doubled[dash].get_ydata() == pytest.approx(75 * (1 - np.exp(-longer)) + 0.05 * period)
        assert doubled[dash].get_color() == kernel_style(4)["color"]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[-3:] == [f"{e} epochs, $T_{{max}}$ = {t}" for e, t in ((6, 6), (12, 6), (12, 12))]


def test_curves_of_another_network(open_fake: Open) -> None:
    figure = loss_landscape.draw_training_curves(
        open_fake("loss-landscape"), role="large_images", architecture="rf_vgg19"
    )
    assert figure.axes[0].get_title() == "rf_vgg19"
    assert {line.get_linestyle() for line in figure.axes[0].lines} == {"-"}


def test_doubled_schedules_alone_keep_their_lines(open_fake: Open) -> None:
    study = open_fake("loss-landscape", small={"pool_kernels": {"rf_vgg19": [1]}})
    figure = loss_landscape.draw_training_curves(study, role="small_images")
    assert [line.get_linestyle() for line in figure.axes[0].lines] == ["--", ":"]
    assert figure.legends[0].get_texts()[0].get_text() == "k = 4"
