"""Training what the store lacks: a run from its parent and mask, resumed where it was left. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from rflib import dead_taps, models
from rflib.config import HistorySettings, MeasurementKey, NoiseRecipe, Run
from rflib.errors import TrainingError
from rflib.noise_pruning import disturbed, standard_noise
from rflib.pruning import Mask, magnitude_mask, prunable_weights
from rflib.seeding import stream_seed
from rflib.study import subject as subjects
from rflib.study.store import Store
from rflib.study.subject import Say, Subject, open_subject, provenance, tensors, waiting
from rflib.training import TrainingState, train


def ensure_weights(subject: Subject, say: Say) -> None:
    """Train `subject`'s run unless its weights are complete; its history is saved before its weights."""
    run, store = subject.run, subject.store
    if store.has_weights(run):
        return
    if run.parent is not None:
        ensure_weights(open_subject(run.parent, store), say)
    with store.lock(run.name, on_wait=waiting(run.name, say)):
        if not store.has_weights(run):
            _train(subject)


def _train(subject: Subject) -> None:
    run, store = subject.run, subject.store
    model = _starting_network(subject)
    models.require_input(model, subject.image_size(), name=run.config.model.architecture)
    point = store.load_resume_point(run)
    start = None if point is None else _state(point.arrays, point.state)
    keeper = _ResumePoints(store, run, earlier_seconds=0.0 if point is None else point.state.get("seconds", 0.0))
    try:
        final = train(
            model,
            subject.train_split,
            test_split=subject.test_split,
            config=run.config.training,
            precision=run.config.precision,
            seed=stream_seed(run.seed, "training"),
            mask=_mask(subject),
            start=start,
            on_epoch=keeper,
        )
    except KeyboardInterrupt:
        keeper.write()
        raise
    except TrainingError as error:
        keeper.write()
        raise TrainingError(f"{run.name}: {error}") from None
    _save(subject, final, seconds=keeper.seconds)


def _save(subject: Subject, final: TrainingState, *, seconds: float) -> None:
    """Save the history, then the weights: complete weights say that the whole run is complete."""
    run, store, origin = subject.run, subject.store, provenance([subject], seconds)
    rows = list(final.history)
    key = MeasurementKey.of(HistorySettings(), run)
    store.save_measurement(key, values={"rows": rows, "best_epoch": final.best_epoch}, provenance=origin)
    store.save_weights(run, {"last": _arrays(final.weights), "best": _arrays(final.best_weights)}, provenance=origin)
    store.discard_resume_points(run)


def _starting_network(subject: Subject) -> nn.Module:
    run = subject.run
    if run.parent is None:
        return subject.network("initial")
    model = open_subject(run.parent, subject.store).network(run.config.parent_checkpoint)
    if run.config.mask is not None and run.config.mask.noise is not None:
        _disturb(model, run.config.mask.noise, run.seed)
    return model


def _disturb(model: nn.Module, recipe: NoiseRecipe, seed: int) -> None:
    """Put noise on the prunable weights: that of the analysis `noise`, number `recipe.draw` of this seed."""
    weights = prunable_weights(model)
    noise = standard_noise(weights, seed=seed, draw=recipe.draw)
    model.load_state_dict(disturbed(weights, noise, kind=recipe.kind, scale=recipe.scale), strict=False)


def _mask(subject: Subject) -> Mask | None:
    """Return the mask that the run's recipe makes of its parent."""
    recipe = subject.run.config.mask
    if recipe is None:
        return None
    model = _starting_network(subject)
    size = subject.image_size()
    live = dead_taps.share(model, (3, size, size)).live_masks(model) if recipe.scope == "live" else None
    return magnitude_mask(model, recipe.rate, scope=recipe.scope, live=live)


class _ResumePoints:
    """Keeps the latest state and writes it now and then, and counts the seconds, those before a resumption included."""

    def __init__(self, store: Store, run: Run, *, earlier_seconds: float) -> None:
        self.store, self.run = store, run
        self.latest: TrainingState | None = None
        self.written_at = time.monotonic()
        self.began = self.written_at - earlier_seconds

    @property
    def seconds(self) -> float:
        """Seconds that the run has taken so far."""
        return time.monotonic() - self.began

    def __call__(self, state: TrainingState) -> None:
        self.latest = state
        if time.monotonic() - self.written_at >= subjects.RESUME_INTERVAL_SECONDS:
            self.write()

    def write(self) -> None:
        if self.latest is not None:
            groups = {
                "weights": self.latest.weights,
                "optimiser": self.latest.optimiser,
                "best": self.latest.best_weights,
            }
            arrays = {f"{group}/{k}": v for group, tensors in groups.items() for k, v in _arrays(tensors).items()}
            state = {"history": list(self.latest.history), "seconds": self.seconds}
            self.store.save_resume_point(self.run, self.latest.epoch, arrays, state)
            self.written_at = time.monotonic()


def _state(arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> TrainingState:
    groups: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "optimiser": {}, "best": {}}
    for path, tensor in tensors(arrays).items():
        group, name = path.split("/", 1)
        groups[group][name] = tensor
    history = tuple(state["history"])
    return TrainingState(len(history), groups["weights"], groups["optimiser"], groups["best"], history)


def _arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in tensors.items()}
