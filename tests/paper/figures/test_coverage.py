from __future__ import annotations

from collections.abc import Callable

import pytest

from rflib.paper.chapters import (
    accuracy_and_pruning,
    effective_receptive_field,
    fine_tuning,
    large_receptive_fields,
    loss_landscape,
    manipulating_the_receptive_field,
    noise_before_pruning,
    open_questions,
    optimisers_and_prunability,
    pruning_rates,
    receptive_field_refinement,
    redundancy_and_saturation,
    representations,
    should_you_go_deeper,
    width_and_curvature,
    width_and_depth,
)
from rflib.paper.style import Drawing
from rflib.study.study import Study

Open = Callable[..., Study]

# What a role leaves out, the chapter, and the figure that then has nothing to draw.
UNCOVERED = {
    "saturation_along_depth": (
        "redundancy-and-saturation",
        {"redundancy": None},
        redundancy_and_saturation.draw_saturation_along_depth,
    ),
    "deep_pruning": ("redundancy-and-saturation", {"redundancy": None}, redundancy_and_saturation.draw_deep_pruning),
    "best_field": (
        "redundancy-and-saturation",
        {"pool_kernels": {}, "redundancy": None},
        redundancy_and_saturation.draw_best_field,
    ),
    "variance_discrepancy": ("noise-before-pruning", {"noise": None}, noise_before_pruning.draw_variance_discrepancy),
    "noise_benefit": ("noise-before-pruning", {"noise": None}, noise_before_pruning.draw_noise_benefit),
    "spectra": (
        "loss-landscape",
        {"spectrum": None},
        lambda s: loss_landscape.draw_spectra(s, architecture="rf_vgg19"),
    ),
    "similarity": ("representations", {"similarity": None}, representations.draw_similarity),
    "similarity_by_layer": ("representations", {"similarity": None}, representations.draw_similarity_by_layer),
    "layer_profiles": ("should-you-go-deeper", {"deeper": None}, should_you_go_deeper.draw_layer_profiles),
    "feasible_resolutions": (
        "receptive-field-refinement",
        {"refinement": None},
        receptive_field_refinement.draw_feasible_resolutions,
    ),
    "refined_accuracy": (
        "receptive-field-refinement",
        {"refinement": None},
        receptive_field_refinement.draw_refined_accuracy,
    ),
    "truncation": ("should-you-go-deeper", {"deeper": None}, should_you_go_deeper.draw_truncation),
    "field_and_accuracy": (
        "effective-receptive-field",
        {"effective_field": None},
        effective_receptive_field.draw_field_and_accuracy,
    ),
    "effective_fields": (
        "effective-receptive-field",
        {"effective_field": None},
        effective_receptive_field.draw_effective_fields,
    ),
    "sensitivity_maps": (
        "effective-receptive-field",
        {"effective_field": None},
        effective_receptive_field.draw_sensitivity_maps,
    ),
    "kernel_padding": (
        "effective-receptive-field",
        {"effective_field": None},
        effective_receptive_field.draw_kernel_padding,
    ),
    "cost_of_optimisers": (
        "optimisers-and-prunability",
        {"optimisers": None},
        optimisers_and_prunability.draw_cost_of_optimisers,
    ),
    "loss_around_solutions": (
        "optimisers-and-prunability",
        {"optimisers": None},
        optimisers_and_prunability.draw_loss_around_solutions,
    ),
    "prunability_by_optimiser": (
        "optimisers-and-prunability",
        {"optimisers": None},
        optimisers_and_prunability.draw_prunability_by_optimiser,
    ),
    "solutions_by_optimiser": (
        "optimisers-and-prunability",
        {"optimisers": None},
        optimisers_and_prunability.draw_solutions_by_optimiser,
    ),
    "width_and_curvature": ("width-and-curvature", {"curvature": None}, width_and_curvature.draw_width_and_curvature),
    "width_and_pruning": ("width-and-curvature", {"curvature": None}, width_and_curvature.draw_width_and_pruning),
    "similarity_within": ("representations", {"similarity": None}, representations.draw_similarity_within),
    "training_curves": (
        "loss-landscape",
        {"pool_kernels": {"rf_vgg19": [1]}, "doubled": None},
        loss_landscape.draw_training_curves,
    ),
    "large_fields": ("large-receptive-fields", {"large_pool_kernels": []}, large_receptive_fields.draw_large_fields),
    "variants": ("open-questions", {"variants": None}, open_questions.draw_variants),
    "fine_tuning": ("fine-tuning", {"pool_kernels": {}}, fine_tuning.draw_fine_tuning),
    "accuracy_and_pruning": (
        "accuracy-and-pruning",
        {"pool_kernels": {}},
        accuracy_and_pruning.draw_accuracy_and_pruning,
    ),
    "pruning_rates": ("pruning-rates", {"pool_kernels": {}}, pruning_rates.draw_pruning_rates),
    "normalised_difference": ("open-questions", {"pool_kernels": {}}, pruning_rates.draw_normalised_difference),
    "field_growth": ("manipulating-the-receptive-field", None, manipulating_the_receptive_field.draw_field_growth),
    "dead_taps": ("manipulating-the-receptive-field", None, manipulating_the_receptive_field.draw_dead_taps),
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
    figure = width_and_depth.draw_width_and_depth(open_fake("width-and-depth", large={"widths": None}))
    assert "rflib run width-and-depth --profile digits" in words(figure)


def test_a_role_that_a_profile_lacks_is_not_covered(open_fake: Open) -> None:
    figure = accuracy_and_pruning.draw_accuracy_and_pruning(
        open_fake("accuracy-and-pruning", large=None), role="large_images"
    )
    assert "rflib run accuracy-and-pruning --profile digits" in words(figure)


def test_what_no_profile_measures_is_said_and_not_promised(open_fake: Open) -> None:
    figure = loss_landscape.draw_spectra(open_fake("fine-tuning"), architecture="rf_vgg19")
    assert "No profile measures it in the chapter “fine-tuning”" in words(figure)
    assert "rflib run" not in words(figure)


def test_an_architecture_outside_the_grid_is_not_promised(open_fake: Open) -> None:
    figure = loss_landscape.draw_spectra(open_fake("loss-landscape"), architecture="rf_vgg16")
    assert "No profile measures it" in words(figure)


def test_what_was_read_in_vain_is_no_origin(open_fake: Open) -> None:
    study = open_fake("loss-landscape")
    assert loss_landscape.draw_spectra(study, architecture="rf_vgg19").origin
    empty = loss_landscape.draw_spectra(study, architecture="rf_vgg16")
    assert not empty.origin
    assert empty._repr_mimebundle_()[1] == {}, "so that no note stands under it, and no row in the ledger"
