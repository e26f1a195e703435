"""Noise before pruning: many disturbed copies of a network, pruned, scored at once, and the best one tested."""

from rflib.noise_pruning.copies import Copies, accuracies
from rflib.noise_pruning.recipes import Kind, Order, Recipe, disturbed, grid, pruned_copy, standard_noise
from rflib.noise_pruning.sweep import Outcome, Scores, Sweep, measure

__all__ = [
    "Copies",
    "Kind",
    "Order",
    "Outcome",
    "Recipe",
    "Scores",
    "Sweep",
    "accuracies",
    "disturbed",
    "grid",
    "measure",
    "pruned_copy",
    "standard_noise",
]
