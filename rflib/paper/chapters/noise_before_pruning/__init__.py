"""Noise before pruning: what it brings the selected copy and the mean one, and the variances of features."""

from rflib.paper.chapters.noise_before_pruning import benefit, variances
from rflib.paper.chapters.noise_before_pruning.benefit import (
    controlled_benefit,
    draw_noise_benefit,
    noise_benefit,
    noise_recipes,
    noise_runs,
    noisy_tuning,
)
from rflib.paper.chapters.noise_before_pruning.variances import (
    discrepancies,
    draw_variance_discrepancy,
    feature_variances,
)

__all__ = [
    "CLAIMS",
    "controlled_benefit",
    "discrepancies",
    "draw_noise_benefit",
    "draw_variance_discrepancy",
    "feature_variances",
    "noise_benefit",
    "noise_recipes",
    "noise_runs",
    "noisy_tuning",
]

CLAIMS = {**benefit.CLAIMS, **variances.CLAIMS}
