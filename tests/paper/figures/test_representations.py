from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rflib.errors import UsageError
from rflib.paper.chapters import representations
from rflib.study.study import Study

Open = Callable[..., Study]


def test_a_heat_map_a_kernel_on_one_scale_with_red_lines_at_the_25th_layer(
    open_fake: Open, formulas: SimpleNamespace
) -> None:
    figure = representations.draw_similarity(open_fake("representations"), role="small_images")
    maps = [axes for axes in figure.axes if axes.images]
    titles = [f"k = {k} (paper: {label} px)" for k, label in ((1, 110), (2, 213), (3, 318), (4, 423))]
    assert [axes.get_title() for axes in maps] == titles
    for kernel, axes in enumerate(maps, start=1):
        expected = formulas.similarity_matrix(kernel, "last", "debiased")
        assert np.asarray(axes.images[0].get_array()) == pytest.approx(expected)
        assert axes.images[0].get_clim() == (0, 1)
        assert axes.images[0].get_extent() == [0.5, 53.5, 0.5, 53.5]
        vertical, horizontal = axes.lines
        assert list(vertical.get_xdata()) == [25, 25]
        assert list(horizontal.get_ydata()) == [25, 25]
    assert (maps[0].get_xlabel(), maps[0].get_ylabel()) == ("layer of seed 1", "layer of seed 0")
    assert figure.axes[-1].get_ylabel() == "linear CKA, debiased"


@pytest.mark.parametrize(("checkpoint", "estimator"), [("initial", "debiased"), ("last", "biased")])
def test_the_untrained_control_and_the_biased_estimator(
    open_fake: Open, formulas: SimpleNamespace, checkpoint: str, estimator: str
) -> None:
    study = open_fake("representations")
    figure = representations.draw_similarity(study, role="small_images", checkpoint=checkpoint, estimator=estimator)
    expected = formulas.similarity_matrix(1, checkpoint, estimator)
    assert np.asarray(figure.axes[0].images[0].get_array()) == pytest.approx(expected)
    assert figure.axes[-1].get_ylabel() == f"linear CKA, {estimator}"
    assert ("untrained" in figure.get_supxlabel()) == (checkpoint == "initial")


def test_an_unknown_estimator_is_refused(open_fake: Open) -> None:
    with pytest.raises(UsageError, match="unknown estimator 'unbiased': expected one of biased, debiased"):
        representations.draw_similarity(open_fake("representations"), role="small_images", estimator="unbiased")


def test_values_below_the_scale_are_announced_at_the_colour_bar(open_fake: Open) -> None:
    study = open_fake("representations")
    plain = representations.draw_similarity(study, role="small_images")
    below = representations.draw_similarity(study, role="small_images", checkpoint="initial")
    extends = [figure.axes[3].images[0].colorbar.extend for figure in (plain, below)]
    lowest = [min(axes.images[0].get_array().min() for axes in figure.axes if axes.images) for figure in (plain, below)]
    assert extends == ["min" if value < 0 else "neither" for value in lowest]
    assert extends == ["neither", "min"]


def test_matching_layers_trained_and_untrained(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = representations.draw_similarity_by_layer(open_fake("representations"), role="small_images")
    (axes,) = figure.axes
    for kernel in (1, 2, 3, 4):
        trained, untrained = axes.lines[2 * kernel - 2 : 2 * kernel]
        for line, checkpoint in ((trained, "last"), (untrained, "initial")):
            expected = np.diag(formulas.similarity_matrix(kernel, checkpoint, "debiased"))
            assert line.get_xdata() == pytest.approx(np.arange(1, 54))
            assert line.get_ydata() == pytest.approx(expected)
        assert (trained.get_linestyle(), untrained.get_linestyle()) == ("-", "--")
        assert trained.get_color() == untrained.get_color()
    assert "Pairs of seeds: n = 1; 360 test images." in figure.get_supxlabel()


def test_matching_layers_are_means_over_all_pairs_of_seeds(open_fake: Open, formulas: SimpleNamespace) -> None:
    """The pairs (0, 1), (0, 2) and (1, 2) are 0, 0.03 and 0.06 above the formula; the heat maps show the first."""
    study = open_fake("representations", small={"seeds": [0, 1, 2]})
    figure = representations.draw_similarity_by_layer(study, role="small_images")
    for kernel in (1, 2, 3, 4):
        for line, checkpoint in zip(
            figure.axes[0].lines[2 * kernel - 2 : 2 * kernel], ("last", "initial"), strict=True
        ):
            expected = np.diag(formulas.similarity_matrix(kernel, checkpoint, "debiased")) + 0.03
            assert line.get_ydata() == pytest.approx(expected)
    assert "Pairs of seeds: n = 3; 360 test images." in figure.get_supxlabel()
    maps = representations.draw_similarity(study, role="small_images")
    assert np.asarray(maps.axes[0].images[0].get_array()) == pytest.approx(
        formulas.similarity_matrix(1, "last", "debiased")
    )
    assert (maps.axes[2].get_xlabel(), maps.axes[0].get_ylabel()) == ("layer of seed 1", "layer of seed 0")
    assert "n = 1 pair of trained networks, 360 test images." in maps.get_supxlabel()


def test_deep_with_shallow_layers_of_one_network(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = representations.draw_similarity_within(open_fake("representations"), role="small_images")
    (axes,) = figure.axes
    for checkpoint, line in zip(("last", "initial"), axes.lines, strict=False):
        block = [formulas.similarity_matrix(k, checkpoint, "debiased")[25:, :25].mean() for k in (1, 2, 3, 4)]
        assert line.get_xdata() == pytest.approx([1, 2, 3, 4])
        assert line.get_ydata() == pytest.approx(block)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["trained", "untrained"]
    assert "360 test images" in figure.get_supxlabel()
