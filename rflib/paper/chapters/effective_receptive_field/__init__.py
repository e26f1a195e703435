"""How much of its field a network uses, and how unequally it uses the pixels of the image."""

from rflib.paper.chapters.effective_receptive_field import fields, pixels
from rflib.paper.chapters.effective_receptive_field.fields import (
    accuracy_by_field,
    constant_field,
    draw_effective_fields,
    draw_field_and_accuracy,
    field_and_accuracy,
)
from rflib.paper.chapters.effective_receptive_field.pixels import (
    by_kernels,
    draw_kernel_padding,
    draw_sensitivity_maps,
    floors,
    imbalance,
    kernel_padding,
)
from rflib.paper.chapters.effective_receptive_field.runs import (
    effective_fields,
    field_runs,
    padded_runs,
    pixel_runs,
    scaled_runs,
    sensitivity_maps,
)

__all__ = [
    "CLAIMS",
    "accuracy_by_field",
    "by_kernels",
    "constant_field",
    "draw_effective_fields",
    "draw_field_and_accuracy",
    "draw_kernel_padding",
    "draw_sensitivity_maps",
    "effective_fields",
    "field_and_accuracy",
    "field_runs",
    "floors",
    "imbalance",
    "kernel_padding",
    "padded_runs",
    "pixel_runs",
    "scaled_runs",
    "sensitivity_maps",
]

CLAIMS = {**fields.CLAIMS, **pixels.CLAIMS}
