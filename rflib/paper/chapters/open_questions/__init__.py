"""What the draft left open, and what stands behind one-shot pruning beside the field."""

from rflib.paper.chapters.open_questions import confounds, dead_taps, draft
from rflib.paper.chapters.open_questions.confounds import (
    draw_rescaled_taps,
    enlarged,
    recipes,
    rescaled_taps,
)
from rflib.paper.chapters.open_questions.dead_taps import (
    advantage,
    advantage_of_the_largest,
    correlations,
    draw_dead_tap_control,
    gaps,
    kept_without_dead_taps,
    same_field,
    tolerance,
)
from rflib.paper.chapters.open_questions.draft import (
    beside_shrinking_maps,
    draw_variants,
    normalised_differences,
)

__all__ = [
    "CLAIMS",
    "advantage",
    "advantage_of_the_largest",
    "beside_shrinking_maps",
    "correlations",
    "draw_dead_tap_control",
    "draw_rescaled_taps",
    "draw_variants",
    "enlarged",
    "gaps",
    "kept_without_dead_taps",
    "normalised_differences",
    "recipes",
    "rescaled_taps",
    "same_field",
    "tolerance",
]

CLAIMS = {**draft.CLAIMS, **dead_taps.CLAIMS, **confounds.CLAIMS}
