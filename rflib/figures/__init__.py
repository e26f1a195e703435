"""Figures of the book: from a study to a matplotlib figure. They read measurements and never need torch."""

from rflib.figures.accuracy import accuracy_and_pruning, large_fields
from rflib.figures.claims import claims
from rflib.figures.confounds import live_weights, new_statistics, rescaled_taps
from rflib.figures.control import dead_tap_control
from rflib.figures.curvature import width_and_curvature, width_and_pruning
from rflib.figures.deeper import layer_profiles, truncation
from rflib.figures.early_training import early_training
from rflib.figures.effective_field import effective_fields, field_and_accuracy, kernel_padding, sensitivity_maps
from rflib.figures.fine_tuning import fine_tuning
from rflib.figures.landscape import spectra, training_curves
from rflib.figures.networks import dead_taps, field_growth
from rflib.figures.noise import noise_benefit, variance_discrepancy
from rflib.figures.optimisers import (
    cost_of_optimisers,
    loss_around_solutions,
    prunability_by_optimiser,
    solutions_by_optimiser,
)
from rflib.figures.rates import normalised_difference, pruning_rates
from rflib.figures.redundancy import best_field, deep_pruning, saturation_along_depth
from rflib.figures.refinement import feasible_resolutions, refined_accuracy
from rflib.figures.representations import similarity, similarity_by_layer, similarity_within
from rflib.figures.variants import variants
from rflib.figures.width import width_and_depth

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
