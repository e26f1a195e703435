from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from rflib.config import ModelConfig
from rflib.errors import UsageError
from rflib.paper import frames, reported
from rflib.paper.chapters import accuracy_and_pruning, large_receptive_fields
from rflib.study.study import Study

Open = Callable[..., Study]


def lines(axes: object) -> dict[str, object]:
    return {str(line.get_label()): line for line in axes.lines}  # type: ignore[attr-defined]


def test_accuracy_is_the_mean_over_seeds_against_the_computed_field(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = accuracy_and_pruning.draw_accuracy_and_pruning(open_fake("accuracy-and-pruning"))
    vgg, resnet = figure.axes[0], figure.axes[2]
    assert [vgg.get_title(), resnet.get_title()] == ["rf_vgg19", "rf_resnet50"]
    models = [ModelConfig(architecture="rf_vgg19", pool_kernel=k, width=0.125) for k in (1, 2, 3, 4)]
    drawn = lines(vgg)
    assert drawn["dense"].get_xdata() == pytest.approx([180, 358, 536, 714])
    means = [sum(formulas.dense(model, seed) for seed in (0, 1)) / 2 for model in models]
    assert drawn["dense"].get_ydata() == pytest.approx(means)
    for scope, label in (("global", "90% of all pruned"), ("live", "90% of live pruned")):
        means = [sum(formulas.pruned(model, seed, scope, 0.9) for seed in (0, 1)) / 2 for model in models]
        assert drawn[label].get_ydata() == pytest.approx(means)
        again = [0.9 * formulas.dense(model, 0.5) for model in models]
        assert drawn[f"{label}, anew"].get_ydata() == pytest.approx(again)


def test_the_papers_values_are_hollow_markers_without_a_line(open_fake: Open) -> None:
    figure = accuracy_and_pruning.draw_accuracy_and_pruning(open_fake("accuracy-and-pruning"))
    printed = reported.table("Table 1")
    printed = printed[printed["architecture"] == "rf_vgg19"]
    drawn = lines(figure.axes[0])
    assert drawn["dense, paper"].get_ydata() == pytest.approx(printed["dense_mean"].tolist())
    assert drawn["90% pruned, paper"].get_ydata() == pytest.approx(printed["pruned_mean"].tolist())
    assert drawn["dense, paper"].get_linestyle() == "None"
    assert drawn["dense, paper"].get_markerfacecolor() == "none"
    assert "for CIFAR-10" in figure.get_supxlabel()


def test_spread_is_shown_and_explained_only_where_there_is_one(open_fake: Open) -> None:
    study = open_fake("accuracy-and-pruning")
    two, one = (
        accuracy_and_pruning.draw_accuracy_and_pruning(study),
        accuracy_and_pruning.draw_accuracy_and_pruning(study, role="large_images"),
    )
    assert "n = 2 seeds; bars: ± 1 standard deviation" in two.get_supxlabel()
    assert "n = 1 seed, so no spread" in one.get_supxlabel()
    table = frames.accuracy_and_pruning(study)
    bars = two.axes[0].collections[0].get_segments()
    spread = table.loc[table["architecture"] == "rf_vgg19", "dense_sd"]
    assert [(high - low) / 2 for (_, low), (_, high) in bars] == pytest.approx(spread.tolist())
    printed_only = 2
    assert len(one.axes[0].collections) == printed_only


def test_dead_taps_stand_below_with_their_values(open_fake: Open) -> None:
    figure = accuracy_and_pruning.draw_accuracy_and_pruning(open_fake("accuracy-and-pruning"))
    strip = figure.axes[1]
    assert [bar.get_height() for bar in strip.patches] == pytest.approx([2, 8, 18, 32])
    assert [text.get_text() for text in strip.texts] == ["2", "8", "18", "32"]
    assert [tick.get_text() for tick in strip.get_xticklabels()] == ["180\nk=1", "358\nk=2", "536\nk=3", "714\nk=4"]


def test_panels_use_the_whole_width_where_ticks_need_it(open_fake: Open) -> None:
    narrow = accuracy_and_pruning.draw_accuracy_and_pruning(open_fake("accuracy-and-pruning"))
    many = {"pool_kernels": {"rf_vgg19": [1, 2, 3, 4, 5], "rf_resnet50": [2]}}
    wide = accuracy_and_pruning.draw_accuracy_and_pruning(open_fake("accuracy-and-pruning", small=many))
    assert narrow.axes[0].get_position().width < 0.5 < wide.axes[0].get_position().width


def test_one_network_at_one_field_is_drawn(open_fake: Open) -> None:
    study = open_fake("accuracy-and-pruning", small={"pool_kernels": {"rf_vgg19": [3]}, "seeds": [0]})
    figure = accuracy_and_pruning.draw_accuracy_and_pruning(study)
    assert lines(figure.axes[0])["dense"].get_xdata() == pytest.approx([536])
    assert figure.axes[1].get_xlim()[0] < 536 < figure.axes[1].get_xlim()[1]


def test_a_rate_that_was_not_measured_is_refused(open_fake: Open) -> None:
    with pytest.raises(UsageError, match=r"rate 0.7: expected one of \[.*0\.9.*\]"):
        accuracy_and_pruning.draw_accuracy_and_pruning(open_fake("accuracy-and-pruning"), rate=0.7)


def test_large_fields_join_the_grid_and_show_what_is_seen(open_fake: Open, formulas: SimpleNamespace) -> None:
    figure = large_receptive_fields.draw_large_fields(open_fake("large-receptive-fields"))
    axes, strip = figure.axes
    kernels = (1, 2, 3, 4, 13, 18, 30)
    dense = lines(axes)["dense"]
    assert dense.get_xdata() == pytest.approx([105 * k + 2 for k in kernels])
    models = [ModelConfig(architecture="rf_resnet50", pool_kernel=k, width=0.125) for k in kernels]
    assert dense.get_ydata() == pytest.approx([formulas.dense(model, 0.5) for model in models])
    assert axes.get_xscale() == "log"
    seen = [100 * (32 // k * k / 32) ** 2 for k in kernels]
    assert lines(strip)["input pixels that are seen"].get_ydata() == pytest.approx(seen)
    assert lines(axes)["dense, paper"].get_ydata()[-3:] == pytest.approx([72.87, 53.37, 50.11])
