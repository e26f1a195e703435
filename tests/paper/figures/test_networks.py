from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.colors import to_hex

from rflib.paper.chapters import manipulating_the_receptive_field
from rflib.paper.style import kernel_style
from rflib.study.study import Study

Open = Callable[..., Study]


def test_fields_of_every_convolution_and_the_image(open_fake: Open) -> None:
    figure = manipulating_the_receptive_field.draw_field_growth(
        open_fake("manipulating-the-receptive-field"), role="large_images"
    )
    assert [axes.get_title() for axes in figure.axes] == ["rf_vgg19", "rf_resnet50"]
    resnet = {str(line.get_label()): line for line in figure.axes[1].lines}
    assert list(resnet) == ["k = 2", "k = 3", "k = 4", "k = 13", "k = 18", "k = 30", "image: 64 px"]
    assert resnet["k = 13"].get_xdata() == pytest.approx(np.arange(1, 54))
    assert resnet["k = 13"].get_ydata()[[0, -1]] == pytest.approx([3, 105 * 13 + 2])
    assert list(resnet["image: 64 px"].get_ydata()) == [64, 64]
    assert figure.axes[0].get_yscale() == "log"


def test_widths_and_variants_do_not_lengthen_a_network(open_fake: Open) -> None:
    figure = manipulating_the_receptive_field.draw_field_growth(open_fake("open-questions"), role="small_images")
    assert all(len(line.get_xdata()) == 16 for line in figure.axes[0].lines[:-1])


def test_dead_taps_and_map_sides_by_kernel(open_fake: Open) -> None:
    figure = manipulating_the_receptive_field.draw_dead_taps(
        open_fake("manipulating-the-receptive-field"), role="small_images"
    )
    shares, sides = figure.axes[2:]
    assert shares.get_title() == "rf_resnet50"
    assert [bar.get_height() for bar in shares.patches] == pytest.approx([2, 8, 18, 32, 79, 79, 79])
    assert [bar.get_height() for bar in sides.patches] == [4, 2, 1, 1, 1, 1, 1]
    assert [tick.get_text() for tick in sides.get_xticklabels()] == ["1", "2", "3", "4", "13", "18", "30"]
    colours = [kernel_style(kernel)["color"] for kernel in (1, 2, 3, 4, 13, 18, 30)]
    assert [to_hex(bar.get_facecolor()) for bar in shares.patches] == [colour.lower() for colour in colours]
