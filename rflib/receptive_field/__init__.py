"""Receptive fields of any convolutional network: `analyse` from its graph, `measure` by gradient."""

from rflib.receptive_field.fields import Fields, tail_pattern
from rflib.receptive_field.gradient import MeasuredField, measure
from rflib.receptive_field.graph import analyse
from rflib.receptive_field.layer import LayerField
from rflib.receptive_field.picture import growth_page
from rflib.receptive_field.refinement import Change, Refinement, refine
from rflib.receptive_field.truncation import Truncated, truncate

__all__ = [
    "Change",
    "Fields",
    "LayerField",
    "MeasuredField",
    "Refinement",
    "Truncated",
    "analyse",
    "growth_page",
    "measure",
    "refine",
    "tail_pattern",
    "truncate",
]
