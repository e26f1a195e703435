"""The loss landscape: spectra of the Hessian before and after training, and the course of training."""

from rflib.paper.chapters.loss_landscape import curvature, training
from rflib.paper.chapters.loss_landscape.curvature import (
    by_network,
    draw_spectra,
    frozen_statistics,
    spectra,
    spectrum_summary,
)
from rflib.paper.chapters.loss_landscape.training import draw_training_curves, last_epochs, twice_the_epochs

__all__ = [
    "CLAIMS",
    "by_network",
    "draw_spectra",
    "draw_training_curves",
    "frozen_statistics",
    "last_epochs",
    "spectra",
    "spectrum_summary",
    "twice_the_epochs",
]

CLAIMS = {**curvature.CLAIMS, **training.CLAIMS}
