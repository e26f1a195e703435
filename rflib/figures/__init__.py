"""Figures of the book: from a study to a matplotlib figure. They read measurements and never need torch."""

from rflib.figures.accuracy import accuracy_and_pruning, large_fields
from rflib.figures.claims import claims
from rflib.figures.control import dead_tap_control
from rflib.figures.deeper import layer_profiles, truncation
from rflib.figures.early_training import early_training
from rflib.figures.effective_field import effective_fields, field_and_accuracy, kernel_padding, sensitivity_maps
from rflib.figures.fine_tuning import fine_tuning
from rflib.figures.landscape import spectra, training_curves
from rflib.figures.networks import dead_taps, field_growth
from rflib.figures.rates import normalised_difference, pruning_rates
from rflib.figures.refinement import feasible_resolutions, refined_accuracy
from rflib.figures.representations import similarity, similarity_by_layer, similarity_within
from rflib.figures.variants import variants
from rflib.figures.width import width_and_depth

__all__ = [
    "accuracy_and_pruning",
    "claims",
    "dead_tap_control",
    "dead_taps",
    "early_training",
    "effective_fields",
    "feasible_resolutions",
    "field_and_accuracy",
    "field_growth",
    "fine_tuning",
    "kernel_padding",
    "large_fields",
    "layer_profiles",
    "normalised_difference",
    "pruning_rates",
    "refined_accuracy",
    "sensitivity_maps",
    "similarity",
    "similarity_by_layer",
    "similarity_within",
    "spectra",
    "training_curves",
    "truncation",
    "variants",
    "width_and_depth",
]
