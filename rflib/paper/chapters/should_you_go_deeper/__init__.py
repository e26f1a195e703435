"""Layers one by one: field, saturation and probes on both sides of the border, and what truncation changes."""

from rflib.paper.chapters.should_you_go_deeper import border, paths, redesign
from rflib.paper.chapters.should_you_go_deeper.layers import (
    draw_layer_profiles,
    draw_truncation,
    layers,
    probe_gains,
    probe_halves,
    productivity,
    say_borders,
    say_gains,
    say_stems,
    say_truncated,
    stems,
    truncation,
)

__all__ = [
    "CLAIMS",
    "draw_layer_profiles",
    "draw_truncation",
    "layers",
    "probe_gains",
    "probe_halves",
    "productivity",
    "say_borders",
    "say_gains",
    "say_stems",
    "say_truncated",
    "stems",
    "truncation",
]

CLAIMS = {**border.CLAIMS, **paths.CLAIMS, **redesign.CLAIMS}
