"""Tidy tables: reported beside measured, with spread and n. They read measurements and never need torch."""

from rflib.tables.accuracy import accuracy_and_pruning, fields, one_shot, trends
from rflib.tables.captioned import CaptionedTable, PlainTable, captioned, plain
from rflib.tables.deeper import layers, probe_gains, probe_halves, productivity, stems, truncation
from rflib.tables.early_training import SCHEDULES, early_epochs, printed_protocol
from rflib.tables.effective_field import (
    constant_field,
    effective_fields,
    field_and_accuracy,
    field_runs,
    imbalance,
    kernel_padding,
    padded_runs,
    pixel_runs,
    scaled_runs,
    sensitivity_maps,
)
from rflib.tables.fine_tuning import fine_tuning
from rflib.tables.landscape import (
    similarity_by_layer,
    similarity_matrices,
    similarity_summary,
    similarity_within,
    spectra,
    spectrum_summary,
    training_curves,
)
from rflib.tables.networks import field_growth, receptive_fields
from rflib.tables.refinement import (
    predicted_layers,
    refinement_runs,
    refinements,
    resolutions,
    trained_refinements,
)
from rflib.tables.settings import data_sets, protocol
from rflib.tables.statistics import direction, half_width, summarise, trend
from rflib.tables.tolerance import advantage, tolerance
from rflib.tables.width import depth, width_and_depth

__all__ = [
    "SCHEDULES",
    "CaptionedTable",
    "PlainTable",
    "accuracy_and_pruning",
    "advantage",
    "captioned",
    "constant_field",
    "data_sets",
    "depth",
    "direction",
    "early_epochs",
    "effective_fields",
    "field_and_accuracy",
    "field_growth",
    "field_runs",
    "fields",
    "fine_tuning",
    "half_width",
    "imbalance",
    "kernel_padding",
    "layers",
    "one_shot",
    "padded_runs",
    "pixel_runs",
    "plain",
    "predicted_layers",
    "printed_protocol",
    "probe_gains",
    "probe_halves",
    "productivity",
    "protocol",
    "receptive_fields",
    "refinement_runs",
    "refinements",
    "resolutions",
    "scaled_runs",
    "sensitivity_maps",
    "similarity_by_layer",
    "similarity_matrices",
    "similarity_summary",
    "similarity_within",
    "spectra",
    "spectrum_summary",
    "stems",
    "summarise",
    "tolerance",
    "trained_refinements",
    "training_curves",
    "trend",
    "trends",
    "truncation",
    "width_and_depth",
]
