"""What is recorded of the Hessian: its largest eigenvalues, found in a search that resumes where it was left."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F

from rflib import hessian
from rflib.config import MeasurementKey, SpectrumSettings
from rflib.errors import UsageError
from rflib.seeding import stream_seed
from rflib.study.record.search_points import SearchPoints
from rflib.study.record.sharpness import training_batches
from rflib.study.subject import Recorded, Subject


def spectrum(settings: SpectrumSettings, subject: Subject) -> Recorded:
    """The largest eigenvalues, their residuals, and what they cost; in float32 on unaugmented training images."""
    # In the plain layout, whatever the run was trained in: one set of weights has one spectrum, to the last digit.
    model = subject.network(settings.checkpoint).to(memory_format=torch.contiguous_format)
    batches = training_batches(subject, settings.images, settings.batch_size)
    images = sum(len(labels) for _, labels in batches)
    search = partial(
        hessian.top_eigenvalues,
        model,
        F.cross_entropy,
        batches,
        k=settings.eigenvalues,
        tolerance=settings.tolerance,
        batch_statistics=settings.batch_statistics,
        seed=stream_seed(subject.run.seed, "spectrum"),
    )
    points = SearchPoints(subject.store, MeasurementKey.of(settings, subject.run))
    found = _resumed(search, points)
    rows = [
        {"rank": rank, "eigenvalue": float(value), "residual": float(residual)}
        for rank, (value, residual) in enumerate(zip(found.values, found.residuals, strict=True), start=1)
    ]
    values = {"rows": rows, "products": found.products, "images": images, "converged": found.converged}
    return Recorded(values, earlier_seconds=points.earlier_seconds)


def _resumed(search: Callable[..., hessian.Spectrum], points: SearchPoints) -> hessian.Spectrum:
    """Go on with a search where it was left, or begin anew if it was begun by another version of the library."""
    state = points.load()
    if state is not None:
        try:
            return search(resume=state, on_state=points)
        except UsageError:
            points.discard()
    return search(on_state=points)
