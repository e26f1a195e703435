from __future__ import annotations

from collections.abc import Callable

import pytest

from rflib.paper import figures
from rflib.paper.style import Drawing
from rflib.study.study import Study

Open = Callable[..., Study]

# What a role leaves out, the chapter, and the figure that then has nothing to draw.
UNCOVERED = {
    "saturation_along_depth": ("redundancy-and-saturation", {"redundancy": None}, figures.saturation_along_depth),
    "deep_pruning": ("redundancy-and-saturation", {"redundancy": None}, figures.deep_pruning),
    "best_field": ("redundancy-and-saturation", {"pool_kernels": {}, "redundancy": None}, figures.best_field),
    "variance_discrepancy": ("noise-before-pruning", {"noise": None}, figures.variance_discrepancy),
    "noise_benefit": ("noise-before-pruning", {"noise": None}, figures.noise_benefit),
    "spectra": ("loss-landscape", {"spectrum": None}, lambda s: figures.spectra(s, architecture="rf_vgg19")),
    "similarity": ("representations", {"similarity": None}, figures.similarity),
    "similarity_by_layer": ("representations", {"similarity": None}, figures.similarity_by_layer),
    "layer_profiles": ("should-you-go-deeper", {"deeper": None}, figures.layer_profiles),
    "feasible_resolutions": ("receptive-field-refinement", {"refinement": None}, figures.feasible_resolutions),
    "refined_accuracy": ("receptive-field-refinement", {"refinement": None}, figures.refined_accuracy),
    "truncation": ("should-you-go-deeper", {"deeper": None}, figures.truncation),
    "field_and_accuracy": ("effective-receptive-field", {"effective_field": None}, figures.field_and_accuracy),
    "effective_fields": ("effective-receptive-field", {"effective_field": None}, figures.effective_fields),
    "sensitivity_maps": ("effective-receptive-field", {"effective_field": None}, figures.sensitivity_maps),
    "kernel_padding": ("effective-receptive-field", {"effective_field": None}, figures.kernel_padding),
    "cost_of_optimisers": ("optimisers-and-prunability", {"optimisers": None}, figures.cost_of_optimisers),
    "loss_around_solutions": ("optimisers-and-prunability", {"optimisers": None}, figures.loss_around_solutions),
    "prunability_by_optimiser": ("optimisers-and-prunability", {"optimisers": None}, figures.prunability_by_optimiser),
    "solutions_by_optimiser": ("optimisers-and-prunability", {"optimisers": None}, figures.solutions_by_optimiser),
    "width_and_curvature": ("width-and-curvature", {"curvature": None}, figures.width_and_curvature),
    "width_and_pruning": ("width-and-curvature", {"curvature": None}, figures.width_and_pruning),
    "similarity_within": ("representations", {"similarity": None}, figures.similarity_within),
    "training_curves": (
        "loss-landscape",
        {"pool_kernels": {"rf_vgg19": [1]}, "doubled": None},
        figures.training_curves,
    ),
    "large_fields": ("large-receptive-fields", {"large_pool_kernels": []}, figures.large_fields),
    "variants": ("open-questions", {"variants": None}, figures.variants),
    "fine_tuning": ("fine-tuning", {"pool_kernels": {}}, figures.fine_tuning),
    "accuracy_and_pruning": ("accuracy-and-pruning", {"pool_kernels": {}}, figures.accuracy_and_pruning),
    "pruning_rates": ("pruning-rates", {"pool_kernels": {}}, figures.pruning_rates),
    "normalised_difference": ("open-questions", {"pool_kernels": {}}, figures.normalised_difference),
    "field_growth": ("manipulating-the-receptive-field", None, figures.field_growth),
    "dead_taps": ("manipulating-the-receptive-field", None, figures.dead_taps),
}


def words(figure: Drawing) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


@pytest.mark.parametrize("name", UNCOVERED)
def test_a_figure_without_measurements_says_so_and_names_the_command(open_fake: Open, name: str) -> None:
    chapter, small, draw = UNCOVERED[name]
    figure = draw(open_fake(chapter, small=small))
    assert figure.axes == []
    assert "Not covered by the profile “fake”" in words(figure)
    assert f"rflib run {chapter} --profile digits" in words(figure)


def test_table_8_is_named_under_its_chapter(open_fake: Open) -> None:
    figure = figures.width_and_depth(open_fake("width-and-depth", large={"widths": None}))
    assert "rflib run width-and-depth --profile digits" in words(figure)


def test_a_role_that_a_profile_lacks_is_not_covered(open_fake: Open) -> None:
    figure = figures.accuracy_and_pruning(open_fake("accuracy-and-pruning", large=None), role="large_images")
    assert "rflib run accuracy-and-pruning --profile digits" in words(figure)


def test_what_no_profile_measures_is_said_and_not_promised(open_fake: Open) -> None:
    figure = figures.spectra(open_fake("fine-tuning"), architecture="rf_vgg19")
    assert "No profile measures it in the chapter “fine-tuning”" in words(figure)
    assert "rflib run" not in words(figure)


def test_an_architecture_outside_the_grid_is_not_promised(open_fake: Open) -> None:
    figure = figures.spectra(open_fake("loss-landscape"), architecture="rf_vgg16")
    assert "No profile measures it" in words(figure)


def test_what_was_read_in_vain_is_no_origin(open_fake: Open) -> None:
    study = open_fake("loss-landscape")
    assert figures.spectra(study, architecture="rf_vgg19").origin
    empty = figures.spectra(study, architecture="rf_vgg16")
    assert not empty.origin
    assert empty._repr_mimebundle_()[1] == {}, "so that no note stands under it, and no row in the ledger"
