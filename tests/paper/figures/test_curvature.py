from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from rflib.paper.chapters import width_and_curvature
from rflib.paper.style import Drawing
from rflib.study.study import Study

Open = Callable[..., Study]


def test_accuracy_and_spectra_against_the_width(open_fake: Open, formulas: SimpleNamespace) -> None:
    study = open_fake("width-and-curvature")
    accuracy, loss, largest, spread = width_and_curvature.draw_width_and_curvature(study).axes
    assert list(accuracy.lines[0].get_xdata()) == [1, 2, 3]
    role = study.profile.roles["small_images"]
    models = [study.profile.model(role, "rf_vgg19", 2, width=0.125 * times) for times in (1, 2, 3)]
    assert list(accuracy.lines[0].get_ydata()) == pytest.approx([formulas.dense(m, 0) + 0.5 for m in models])
    assert [axes.get_yscale() for axes in (loss, largest, spread)] == ["linear", "log", "log"]
    whole, dashed = largest.lines[:2]
    assert list(whole.get_ydata()) == [16.5] * 3, "8 k after training, 40 k before, mean of seeds 0 and 1"
    assert list(dashed.get_ydata()) == [80.5] * 3
    assert (whole.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert (whole.get_markerfacecolor() == whole.get_color(), dashed.get_markerfacecolor()) == (True, "none")
    assert list(spread.lines[0].get_ydata()) == pytest.approx([16.5 * 0.9] * 3), "ten eigenvalues that fall as 1 / rank"


@pytest.mark.parametrize(
    "draw", [width_and_curvature.draw_width_and_curvature, width_and_curvature.draw_width_and_pruning]
)
def test_one_width_compares_nothing(open_fake: Open, draw: Callable[[Study], Drawing]) -> None:
    one = {"architecture": "rf_vgg19", "pool_kernels": [2, 4], "multiples": [1]}
    figure = draw(open_fake("width-and-curvature", small={"curvature": one}))
    assert figure.axes == []
    assert "Not covered" in figure.texts[0].get_text()


def test_pruning_against_the_width_with_its_control(open_fake: Open) -> None:
    pruned, lost = width_and_curvature.draw_width_and_pruning(open_fake("width-and-curvature")).axes
    for axes in (pruned, lost):
        assert [line.get_linestyle() for line in axes.lines[:2]] == ["-", "--"]
    assert lost.get_ylabel() == "accuracy lost (points)"
