"""Figures of noise before pruning and of redundancy, against the formulas of the fake study."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rflib.paper.chapters import noise_before_pruning, redundancy_and_saturation
from rflib.study.study import Study

Open = Callable[..., Study]


@pytest.mark.parametrize(("sweep", "part"), [("all", 1.0), ("live", 0.5), ("recalibrated", 1.0)])
def test_benefit_by_hand(open_fake: Open, sweep: str, part: float) -> None:
    (axes,) = noise_before_pruning.draw_noise_benefit(open_fake("noise-before-pruning"), sweep=sweep).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.lines if str(line.get_label()).startswith("k")}
    # The largest scale, 0.4, is selected; the mean of seeds 0 and 1 adds half a point.
    assert drawn == {f"k = {kernel}": pytest.approx([0.5, 0.5, *[part * 4 * kernel + 0.5] * 3]) for kernel in (1, 4)}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "80", "90", "95", "98"]
    controls = [list(line.get_ydata()) for line in axes.lines if line.get_linestyle() == "--"]
    assert controls == [pytest.approx([0.5, 0.5, *[part * 0.4 * kernel + 0.5] * 3]) for kernel in (1, 4)]


def test_discrepancy_by_hand(open_fake: Open) -> None:
    figure = noise_before_pruning.draw_variance_discrepancy(open_fake("noise-before-pruning"))
    assert [axes.get_title() for axes in figure.axes] == ["rf_vgg19, own statistics", "rf_vgg19, new statistics"]
    rates = (0.5, 0.8, 0.9, 0.95, 0.98)
    for axes, factor in zip(figure.axes, (1, 0.1), strict=True):
        lines = [list(line.get_ydata()) for line in axes.lines]
        plain = [[kernel * rate * factor + 0.5 for rate in rates] for kernel in (1, 4)]
        assert lines == [pytest.approx(each) for each in [*plain, *([y - 0.02 for y in line] for line in plain)]]
    assert "noise of scale 0.4" in figure.get_supxlabel()
    small = noise_before_pruning.draw_variance_discrepancy(open_fake("noise-before-pruning"), scope="live", scale=0.1)
    assert "noise of scale 0.1" in small.get_supxlabel()


@pytest.mark.parametrize("scope", ["all", "live"])
def test_saturation_along_the_depth(open_fake: Open, scope: str) -> None:
    figure = redundancy_and_saturation.draw_saturation_along_depth(open_fake("redundancy-and-saturation"), scope=scope)
    assert [axes.get_title() for axes in figure.axes] == ["rf_vgg19", "rf_resnet50"]
    dense, pruned = figure.axes[0].lines[:2]
    assert list(dense.get_xdata()) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert list(dense.get_ydata()) == pytest.approx([78.5 - 10 * layer for layer in range(6)])
    assert list(pruned.get_ydata()) == pytest.approx([69.5 - 10 * layer for layer in range(6)])


@pytest.mark.parametrize("part", ["deep", "tail"])
def test_what_pruning_one_part_costs(open_fake: Open, part: str) -> None:
    figure = redundancy_and_saturation.draw_deep_pruning(open_fake("redundancy-and-saturation"), part=part)
    for axes in figure.axes[::2]:
        lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
        lost = [7.2 / kernel + 0.5 for kernel in (1, 2, 3, 4)]
        assert lines["among all weights"] == pytest.approx(lost)
        assert lines["among live weights"] == pytest.approx([2 * each - 0.5 for each in lost])
    assert [bar.get_height() for bar in figure.axes[1].patches] == [0, 20, 40, 60]
    assert f"the {part} layers alone pruned at 0.9" in figure.get_supxlabel()


def test_rings_stand_at_the_highest_means(open_fake: Open) -> None:
    figure = redundancy_and_saturation.draw_best_field(open_fake("redundancy-and-saturation"))
    for axes, last in zip(figure.axes, (714, 422), strict=True):
        rings = [line.get_xdata()[0] for line in axes.lines if line.get_markersize() == 14]
        first = 180 if last == 714 else 107
        assert rings == [first, last, first]
    # Of one class, every network guesses.
    guessing = redundancy_and_saturation.draw_best_field(open_fake("redundancy-and-saturation", small={"classes": 1}))
    assert not [line for axes in guessing.axes for line in axes.lines if line.get_markersize() == 14]
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels[:2] == ["90\nk=1\n1 left out", "180\nk=1"]
