"""Figures of the book: from a study to a matplotlib figure. They read measurements and never need torch."""

from rflib.paper.figures.accuracy import accuracy_and_pruning, large_fields
from rflib.paper.figures.claims import claims
from rflib.paper.figures.confounds import live_weights, new_statistics, rescaled_taps
from rflib.paper.figures.control import dead_tap_control
from rflib.paper.figures.curvature import width_and_curvature, width_and_pruning
from rflib.paper.figures.deeper import layer_profiles, truncation
from rflib.paper.figures.early_training import early_training
from rflib.paper.figures.effective_field import effective_fields, field_and_accuracy, kernel_padding, sensitivity_maps
from rflib.paper.figures.fine_tuning import fine_tuning
from rflib.paper.figures.landscape import spectra, training_curves
from rflib.paper.figures.networks import dead_taps, field_growth
from rflib.paper.figures.noise import noise_benefit, variance_discrepancy
from rflib.paper.figures.optimisers import (
    cost_of_optimisers,
    loss_around_solutions,
    prunability_by_optimiser,
    solutions_by_optimiser,
)
from rflib.paper.figures.rates import normalised_difference, pruning_rates
from rflib.paper.figures.redundancy import best_field, deep_pruning, saturation_along_depth
from rflib.paper.figures.refinement import feasible_resolutions, refined_accuracy
from rflib.paper.figures.representations import similarity, similarity_by_layer, similarity_within
from rflib.paper.figures.variants import variants
from rflib.paper.figures.width import width_and_depth

__all__ = [
    "accuracy_and_pruning",
    "best_field",
    "claims",
    "cost_of_optimisers",
    "dead_tap_control",
    "dead_taps",
    "deep_pruning",
    "early_training",
    "effective_fields",
    "feasible_resolutions",
    "field_and_accuracy",
    "field_growth",
    "fine_tuning",
    "kernel_padding",
    "large_fields",
    "layer_profiles",
    "live_weights",
    "loss_around_solutions",
    "new_statistics",
    "noise_benefit",
    "normalised_difference",
    "prunability_by_optimiser",
    "pruning_rates",
    "refined_accuracy",
    "rescaled_taps",
    "saturation_along_depth",
    "sensitivity_maps",
    "similarity",
    "similarity_by_layer",
    "similarity_within",
    "solutions_by_optimiser",
    "spectra",
    "training_curves",
    "truncation",
    "variance_discrepancy",
    "variants",
    "width_and_curvature",
    "width_and_depth",
    "width_and_pruning",
]
