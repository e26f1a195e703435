from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from rflib.errors import UsageError
from rflib.paper.chapters import should_you_go_deeper
from rflib.paper.plots import before_and_after
from rflib.study.study import Study

Open = Callable[..., Study]


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("sequential", ["vgg11", "resnet18_no_skips"]),
        ("multi_path", ["mpnet18"]),
        ("residual", ["resnet18", "resnet18_no_stem"]),
        ("attention", ["resnet18_cbam"]),
        ("every", ["vgg11", "resnet18_no_skips", "mpnet18", "resnet18", "resnet18_no_stem", "resnet18_cbam"]),
    ],
)
def test_probes_and_saturation_by_hand_with_the_border(open_fake: Open, kind: str, titles: list[str]) -> None:
    figure = should_you_go_deeper.draw_layer_profiles(open_fake("should-you-go-deeper"), kind=kind)
    main, strips = figure.axes[::2], figure.axes[1::2]
    assert [axes.get_title() for axes in main] == titles
    for title, above, below in zip(titles, main, strips, strict=True):
        (probes,) = [line for line in above.lines if line.get_label() == "probe accuracy"]
        assert list(probes.get_ydata()) == [50.5, 60.5, 70.5, 80.5, 90.5, 90.5], "mean of seeds 0 and 1"
        bars = [patch.get_height() for patch in below.patches if patch.get_label() != "from the border on"]
        assert bars[-6:] == pytest.approx([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
        borders = [line.get_xdata()[0] for line in above.lines if line.get_label() == "border layer"]
        assert borders == ([] if title == "resnet18_no_stem" else [5.5])
    assert "n = 2 seeds" in figure.get_supxlabel()


def test_an_unknown_kind_is_refused(open_fake: Open) -> None:
    with pytest.raises(
        UsageError, match="unknown kind of network 'residuals': expected one of attention, every, multi_path, residual"
    ):
        should_you_go_deeper.draw_layer_profiles(open_fake("should-you-go-deeper"), kind="residuals")


def test_truncation_joins_each_network_with_its_shorter_self(open_fake: Open) -> None:
    (axes,) = should_you_go_deeper.draw_truncation(open_fake("should-you-go-deeper")).axes
    joins = [line for line in axes.lines if line.get_label().startswith("_")]
    assert [list(line.get_xdata()) for line in joins] == [[6000, 5000]] * 2
    for line in joins:
        whole, cut = line.get_ydata()
        assert cut > whole
    assert [text.get_text() for text in axes.texts] == ["vgg11", "resnet18"]


def test_a_difference_of_tenths_does_not_fill_the_axis() -> None:
    row = {"architecture": "vgg11", "parameters_full": 9, "parameters_truncated": 5, "n": 1}
    accuracy = {"accuracy_full_mean": 76.2, "accuracy_truncated_mean": 75.9}
    spread = {"accuracy_full_sd": None, "accuracy_truncated_sd": None}
    versions = {"full": "whole", "truncated": "truncated"}
    words = {"title": "both", "label": "parameters", "images": "images"}
    figure = before_and_after(pd.DataFrame([row | accuracy | spread]), versions, cost="parameters", **words)
    low, high = figure.axes[0].get_ylim()
    assert high - low == pytest.approx(5)
    assert (low + high) / 2 == pytest.approx(76.05)
