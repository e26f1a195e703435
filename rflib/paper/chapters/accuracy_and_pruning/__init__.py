"""Receptive field, accuracy and one-shot pruning: with the statistics of training and with re-estimated ones."""

from rflib.paper.chapters.accuracy_and_pruning import decided
from rflib.paper.chapters.accuracy_and_pruning.shown import (
    dead_among_pruned,
    draw_accuracy_and_pruning,
    draw_live_weights,
    draw_new_statistics,
    new_statistics,
    selection_gains,
)

__all__ = [
    "CLAIMS",
    "dead_among_pruned",
    "draw_accuracy_and_pruning",
    "draw_live_weights",
    "draw_new_statistics",
    "new_statistics",
    "selection_gains",
]

CLAIMS = {**decided.CLAIMS}
