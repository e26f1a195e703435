from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rflib.paper.chapters import effective_receptive_field
from rflib.study.study import Study

Open = Callable[..., Study]
CHAPTER = "effective-receptive-field"
NETWORKS = ["vgg11", "vgg19", "mpnet18", "resnet18"]


@pytest.mark.parametrize(("mirrored", "side"), [(False, 32), (True, 128)])
def test_fields_along_the_depth_by_hand(open_fake: Open, mirrored: bool, side: int) -> None:
    figure = effective_receptive_field.draw_effective_fields(open_fake(CHAPTER), mirrored=mirrored)
    assert [axes.get_title() for axes in figure.axes] == NETWORKS
    for axes in figure.axes:
        lines = {line.get_label(): line for line in axes.lines}
        assert list(lines["in theory"].get_ydata()) == [10, 50, 90]
        assert list(lines["effective, untrained"].get_ydata()) == [1, 5, 9]
        assert list(lines["effective, trained"].get_ydata()) == [2.5, 6.5, 10.5], "mean of seeds 0 and 1"
        assert lines["side of the input"].get_ydata()[0] == side
    assert "n = 2 seeds" in figure.get_supxlabel()


def test_a_numbered_dot_a_network(open_fake: Open) -> None:
    figure = effective_receptive_field.draw_field_and_accuracy(open_fake(CHAPTER))
    theory, effective = figure.axes
    for axes, field in ((theory, 90), (effective, 10.5)):
        assert [text.get_text() for text in axes.texts] == ["1", "2", "3", "4"]
        assert [line.get_xdata()[0] for line in axes.lines] == [field] * 4
    assert "1 vgg11, 2 vgg19, 3 mpnet18, 4 resnet18" in figure.get_supxlabel().replace("\n", " ")


def test_maps_of_both_kinds_with_and_without_padding(open_fake: Open) -> None:
    figure = effective_receptive_field.draw_sensitivity_maps(open_fake(CHAPTER))
    shown = {axes.get_title(): axes.images[0] for axes in figure.axes if axes.get_title()}
    assert list(shown) == [
        "architecture alone, plain",
        "architecture alone, padded",
        "trained, plain",
        "trained, padded",
    ]
    plain = np.asarray(shown["architecture alone, plain"].get_array())
    assert plain[:2, :2].tolist() == [[0.25, 0.75], [0.75, 2.25]]
    assert np.asarray(shown["trained, padded"].get_array()) == pytest.approx(1)
    assert shown["trained, plain"].get_clim() == shown["trained, padded"].get_clim()
    assert "the mean of 2 seeds" in figure.get_supxlabel()


def test_padding_beside_plain_for_each_task(open_fake: Open) -> None:
    panels = effective_receptive_field.draw_kernel_padding(open_fake(CHAPTER)).axes
    assert [axes.get_ylabel() for axes in panels] == [
        "test accuracy (%)",
        "imbalance of pixels",
        "changed predictions (%)",
    ]
    for axes, (plain, padded) in zip(panels[1:], [(0.205, 0.055), (4, 2)], strict=True):
        assert [label.get_text() for label in axes.get_xticklabels()] == ["classes", "shifts"]
        assert [list(line.get_ydata()) for line in axes.lines] == [pytest.approx([v, v]) for v in (plain, padded)]
