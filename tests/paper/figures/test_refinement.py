from __future__ import annotations

from collections.abc import Callable

from rflib.paper.chapters import receptive_field_refinement
from rflib.study.study import Study

Open = Callable[..., Study]


def test_every_network_is_a_row_with_its_refined_self(open_fake: Open) -> None:
    (axes,) = receptive_field_refinement.draw_feasible_resolutions(open_fake("receptive-field-refinement")).axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["vgg16", "mobilenet_v2"]
    assert list(lines["as it is"].get_xdata()) == [100, 240]
    assert list(lines["as it is"].get_ydata()) == [0, 1]
    assert list(lines["refined"].get_xdata()) == [50, 120]
    assert [lines[f"image of {size} px"].get_xdata()[0] for size in (32, 64)] == [32, 64]


def test_refinement_joins_each_network_with_its_refined_self(open_fake: Open) -> None:
    (axes,) = receptive_field_refinement.draw_refined_accuracy(open_fake("receptive-field-refinement")).axes
    (join,) = [line for line in axes.lines if line.get_label().startswith("_")]
    assert list(join.get_xdata()) == [0.06, 0.06], "60,000 operations both"
    original, refined = join.get_ydata()
    assert refined > original
    assert [text.get_text() for text in axes.texts] == ["resnet18"]
