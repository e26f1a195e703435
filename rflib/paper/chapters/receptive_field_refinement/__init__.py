"""Receptive field refinement: what it would change in many networks, and what it does to those that are trained."""

from rflib.paper.chapters.receptive_field_refinement import decided
from rflib.paper.chapters.receptive_field_refinement.shown import (
    draw_feasible_resolutions,
    draw_refined_accuracy,
    needs,
    predicted_layers,
    refined,
    refinements,
    resolutions,
    trained_refinements,
)

__all__ = [
    "CLAIMS",
    "draw_feasible_resolutions",
    "draw_refined_accuracy",
    "needs",
    "predicted_layers",
    "refined",
    "refinements",
    "resolutions",
    "trained_refinements",
]

CLAIMS = {**decided.CLAIMS}
