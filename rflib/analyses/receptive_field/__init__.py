"""Receptive fields of any convolutional network: `analyse` from its graph, `measure` by gradient."""

from rflib.analyses.receptive_field.fields import Fields, LayerField
from rflib.analyses.receptive_field.gradient import MeasuredField, measure
from rflib.analyses.receptive_field.graph import analyse

__all__ = ["Fields", "LayerField", "MeasuredField", "analyse", "measure"]
