"""Redundancy of deep layers, what pruning them alone costs, and the best field."""

from rflib.paper.chapters.redundancy_and_saturation import best_field, deep
from rflib.paper.chapters.redundancy_and_saturation.best_field import (
    accuracy_by_field,
    best_fields,
    draw_best_field,
)
from rflib.paper.chapters.redundancy_and_saturation.deep import (
    deep_layers,
    deep_pruning,
    draw_deep_pruning,
    draw_saturation_along_depth,
    layer_redundancy,
    pruned_saturation,
)

__all__ = [
    "CLAIMS",
    "accuracy_by_field",
    "best_fields",
    "deep_layers",
    "deep_pruning",
    "draw_best_field",
    "draw_deep_pruning",
    "draw_saturation_along_depth",
    "layer_redundancy",
    "pruned_saturation",
]

CLAIMS = {**deep.CLAIMS, **best_field.CLAIMS}
