"""What each analysis records of its runs: from subjects and settings to small values and arrays. Imports torch."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from rflib import models
from rflib.activations import frozen_statistics
from rflib.analyses import cka, dead_taps, hessian, receptive_field
from rflib.config import (
    AnalysisSettings,
    ArchitectureSettings,
    MeasurementKey,
    SimilaritySettings,
    SpectrumSettings,
    TravelSettings,
)
from rflib.data.splits import batch_slices, evaluation_batches
from rflib.errors import StoreError, UsageError
from rflib.pipeline import (
    field_measurements,
    layer_measurements,
    networks,
    noise_measurements,
    pruning_measurements,
    redundancy_measurements,
    refinement_measurements,
    sharpness_measurements,
)
from rflib.pipeline.compute import Say, Subject, ensure_weights, open_subject, waiting
from rflib.pipeline.search_points import SearchPoints
from rflib.seeding import stream_seed
from rflib.store import Store
from rflib.store.provenance import collect
from rflib.training.evaluation import EVALUATION_BATCH_SIZE
from rflib.training.schedule import learning_rate


@dataclass(frozen=True)
class Recorded:
    """What one analysis found: `values` for JSON, `arrays` for NPZ; seconds that it took before it was resumed."""

    values: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    earlier_seconds: float = 0.0


def measure(key: MeasurementKey, store: Store, say: Say) -> None:
    """Compute and save one measurement unless the store has it; trains its runs if their weights are missing."""
    if store.has_measurement(key):
        return
    subjects = [open_subject(run, store) for run in key.runs]
    if getattr(key.settings, "checkpoint", "last") != "initial":
        for subject in subjects:
            ensure_weights(subject, say)
    if store.has_measurement(key):  # a run's history is saved by its training
        return
    with store.claim(key.name, on_wait=waiting(key.name, say)):
        if store.has_measurement(key):
            return
        began = time.monotonic()
        recorded = _ANALYSES[key.analysis](key.settings, *subjects)
        provenance = collect(
            seconds=recorded.earlier_seconds + time.monotonic() - began,
            device=str(subjects[0].device) if subjects else "cpu",
            seeds=[run.seed for run in key.runs],
            data_fingerprint=subjects[0].data.fingerprint if subjects else "",
            extra={"threads": torch.get_num_threads()},
        )
        store.save_measurement(key, values=recorded.values, arrays=recorded.arrays, provenance=provenance)
        store.discard_resume_points(key)


def travel(settings: TravelSettings, subject: Subject) -> Recorded:
    """Euclidean distance of the trained parameters from their initial values, and what bounds it.

    `learning_rate_sum` is over all steps of one cosine period, T_max epochs, however many of them the run has.
    """
    before, after = (
        torch.cat([parameter.detach().cpu().double().flatten() for parameter in subject.network(name).parameters()])
        for name in ("initial", settings.checkpoint)
    )
    return Recorded(
        {
            "distance": float((after - before).norm()),
            "initial_norm": float(before.norm()),
            "final_norm": float(after.norm()),
            "learning_rate_sum": _learning_rate_sum(subject),
        }
    )


def _learning_rate_sum(subject: Subject) -> float:
    training = subject.run.config.training
    steps = len(batch_slices(len(subject.train_split), training.batch_size))
    positions = itertools.product(range(training.cosine_period_epochs or training.epochs), range(steps))
    return sum(learning_rate(training, epoch, batch=step, batches=steps) for epoch, step in positions)


def spectrum(settings: SpectrumSettings, subject: Subject) -> Recorded:
    """The largest eigenvalues, their residuals, and what they cost; in float32 on unaugmented training images."""
    # In the plain layout, whatever the run was trained in: one set of weights has one spectrum, to the last digit.
    model = subject.network(settings.checkpoint).to(memory_format=torch.contiguous_format)
    batches = sharpness_measurements.training_batches(subject, settings.images, settings.batch_size)
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


def similarity(settings: SimilaritySettings, first: Subject, second: Subject) -> Recorded:
    """Linear CKA between all convolutions of two runs, by both estimators.

    The running statistics of an untrained network mean nothing, so its own are re-estimated on training images.
    """
    split = first.test_split.spread(settings.images)
    images = split.normalise(split.images)
    network_a, network_b = first.network(settings.checkpoint), second.network(settings.checkpoint)
    with ExitStack() as stack:
        if settings.checkpoint == "initial":
            for network, subject in ((network_a, first), (network_b, second)):
                stack.enter_context(frozen_statistics(network, _image_batches(subject, settings.images)))
        found = cka.compare_estimators(network_a, network_b, images)
    arrays = {str(name): similarity.values for name, similarity in found.items()}
    layers = next(iter(found.values())).layers_a
    rows = [
        {"layer": index, "name": name, **{e: _finite(arrays[e][index - 1, index - 1]) for e in arrays}}
        for index, name in enumerate(layers, start=1)
    ]
    return Recorded({"rows": rows, "images": len(images), "layers": list(layers)}, arrays)


def _finite(value: float) -> float | None:
    """Return a number, or None for what is not defined: CKA of a layer whose output never varies."""
    return float(value) if np.isfinite(value) else None


def _image_batches(subject: Subject, count: int) -> list[torch.Tensor]:
    return [images for images, _ in evaluation_batches(subject.train_split.spread(count), EVALUATION_BATCH_SIZE)]


def architecture(settings: ArchitectureSettings) -> Recorded:
    """Field, stride and map of every convolution, parameters, dead taps and visible input of a network."""
    shape = (3, settings.image_size, settings.image_size)
    model = networks.build(settings.model)
    models.require_input(model, settings.image_size, name=settings.model.architecture)
    fields = receptive_field.analyse(model, shape)
    taps = dead_taps.share(model, shape)
    rows = [
        {
            "name": layer.name,
            "r_min": float(layer.r_min[0]),
            "r_max": float(layer.r_max[0]),
            "stride": float(layer.stride[0]),
            "map_size": int(layer.map_size[0]),
        }
        for layer in fields.convolutions
    ]
    values = {
        "rows": rows,
        "receptive_field": rows[-1]["r_max"],
        "last_map_size": rows[-1]["map_size"],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dead_share": taps.share,
        "input_share": taps.input_share,
    }
    return Recorded(values)


def _history(settings: AnalysisSettings, subject: Subject) -> Recorded:
    raise StoreError(
        f"the history of {subject.run.name} is missing though its weights are complete: expected both, since training "
        f"saves both. Remove {subject.store.root / 'weights' / subject.run.name} and run again to train it anew"
    )


_ANALYSES: dict[str, Callable[..., Recorded]] = {
    "architecture": architecture,
    "deep_pruning": lambda *given: Recorded(redundancy_measurements.deep_pruning(*given)),
    "effective_field": lambda *given: Recorded(field_measurements.effective_fields(*given)),
    "feature_variance": lambda *given: Recorded(noise_measurements.feature_variances(*given)),
    "history": _history,
    "layers": lambda *given: Recorded(layer_measurements.layers(*given)),
    "noise": lambda *given: Recorded(noise_measurements.noise(*given)),
    "one_shot": lambda *given: Recorded(pruning_measurements.one_shot(*given)),
    "pixel_sensitivity": lambda *given: Recorded(*field_measurements.pixel_sensitivity(*given)),
    "probes": lambda *given: Recorded(layer_measurements.probed(*given)),
    "redundancy": lambda *given: Recorded(redundancy_measurements.redundancy(*given)),
    "saturation": lambda *given: Recorded(layer_measurements.saturations(*given)),
    "rescaled_taps": lambda *given: Recorded(pruning_measurements.rescaled_taps(*given)),
    "resolutions": lambda *given: Recorded(refinement_measurements.resolutions(*given)),
    "sharpness": lambda *given: Recorded(sharpness_measurements.sharpnesses(*given)),
    "similarity": similarity,
    "spectrum": spectrum,
    "travel": travel,
}
