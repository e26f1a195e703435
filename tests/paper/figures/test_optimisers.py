from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from rflib.paper.chapters import optimisers_and_prunability
from rflib.study.study import Study

Open = Callable[..., Study]
CHAPTER = "optimisers-and-prunability"
NAMES = ["sgd", "sam", "adahessian"]


@pytest.mark.parametrize("budget", ["epochs", "evaluations"])
def test_accuracy_by_optimiser_and_field(open_fake: Open, formulas: SimpleNamespace, budget: str) -> None:
    study = open_fake(CHAPTER)
    panels = optimisers_and_prunability.draw_prunability_by_optimiser(study, budget=budget).axes
    assert [axes.get_title() for axes in panels] == ["k = 2", "k = 4"]
    for axes, kernel in zip(panels, (2, 4), strict=True):
        assert [label.get_text() for label in axes.get_xticklabels()] == NAMES
        lines = {str(line.get_label()): list(line.get_ydata()) for line in axes.lines}
        role = study.profile.roles["small_images"]
        model = study.profile.model(role, "rf_vgg19", kernel)
        assert lines["dense"] == pytest.approx([formulas.dense(model, 0) + 0.5] * 3), "mean of seeds 0 and 1"
        live = sum(formulas.pruned(model, seed, "live", 0.9) for seed in (0, 1)) / 2
        assert lines["pruned among live weights"] == pytest.approx([live] * 3)


def test_cost_is_in_epochs_of_sgd(open_fake: Open) -> None:
    axes = optimisers_and_prunability.draw_cost_of_optimisers(open_fake(CHAPTER)).axes[0]
    places = [(str(line.get_label()), float(line.get_xdata()[0])) for line in axes.lines if "_" not in line.get_label()]
    assert places == [("sgd", 6), ("sam", 12), ("adahessian", 18), ("sgd", 6), ("sam", 6), ("adahessian", 6)]


def test_solutions_against_what_pruning_takes(open_fake: Open) -> None:
    panels = optimisers_and_prunability.draw_solutions_by_optimiser(open_fake(CHAPTER)).axes
    first = panels[0].lines
    found = sorted((str(line.get_label()), float(line.get_xdata()[0])) for line in first)
    assert found[:4] == [("adahessian", 80), ("adahessian", 81), ("adahessian", 160), ("adahessian", 161)]
    assert panels[0].get_xscale() == "log"
    assert [axes.get_xlabel() for axes in panels][2:] == ["filter similarity", "relative rank of filters"]
    live = optimisers_and_prunability.draw_solutions_by_optimiser(open_fake(CHAPTER), live=True)
    assert "pruned among live weights" in live.get_supxlabel()
    plain, other = (axes.lines[-1].get_ydata()[0] for axes in (panels[0], live.axes[0]))
    assert plain != other, "pruning among live weights takes something else"


def test_the_loss_rises_from_zero(open_fake: Open) -> None:
    panels = optimisers_and_prunability.draw_loss_around_solutions(open_fake(CHAPTER)).axes
    assert [axes.get_title() for axes in panels][:2] == [
        "k = 2, along the top eigenvector",
        "k = 2, along a random direction",
    ]
    lines = {str(line.get_label()): list(line.get_ydata()) for line in panels[0].lines}
    assert lines["sgd"][3] == 0
    assert lines["sgd"][-1] == pytest.approx(20.5 * 0.4**2 / 2), "mean over seeds of 20 and 21"
    assert lines["adahessian"][0] == pytest.approx(80.5 * 0.4**2 / 2)
