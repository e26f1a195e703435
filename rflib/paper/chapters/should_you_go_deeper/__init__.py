"""Layers one by one: field, saturation and probes on both sides of the border, and what truncation changes."""

from rflib.paper.chapters.should_you_go_deeper import border, paths, redesign
from rflib.paper.chapters.should_you_go_deeper.layers import (
    borderless,
    draw_layer_profiles,
    draw_truncation,
    layers,
    probe_gains,
    probe_halves,
    productivity,
    stems,
    stems_compared,
    truncation,
)

__all__ = [
    "CLAIMS",
    "borderless",
    "draw_layer_profiles",
    "draw_truncation",
    "layers",
    "probe_gains",
    "probe_halves",
    "productivity",
    "stems",
    "stems_compared",
    "truncation",
]

CLAIMS = {**border.CLAIMS, **paths.CLAIMS, **redesign.CLAIMS}
