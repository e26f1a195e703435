"""Computing what the store lacks: train a run if its weights are missing, measure it, save. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from rflib import models
from rflib.analyses import dead_taps
from rflib.analyses.noise_pruning import disturbed, standard_noise
from rflib.config import HistorySettings, MeasurementKey, NoiseRecipe, Run
from rflib.data.sources import DataSet, open_data_set
from rflib.data.splits import Split, split_of
from rflib.errors import DataError, TrainingError
from rflib.pipeline import networks
from rflib.pruning import Mask, magnitude_mask, prunable_weights
from rflib.seeding import stream_seed
from rflib.store import Store
from rflib.store.owner import Owner
from rflib.store.places import cache_root, data_root
from rflib.store.provenance import collect
from rflib.training import TrainingState, train

# Resume points cost a write and a sync; a lost half minute is cheaper than that after every short epoch.
RESUME_INTERVAL_SECONDS = 30.0

Say = Callable[[str], None]
"""Receives one line for the person at the keyboard: why nothing happens for a while."""


def device() -> torch.device:
    """Return the device that computes: the first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Subject:
    """A run, ready to be looked at: its data on the device, and its network at any checkpoint."""

    run: Run
    store: Store
    data: DataSet
    device: torch.device

    @cached_property
    def train_split(self) -> Split:
        """The training images on the device."""
        return split_of(self.data, "train", task=self.run.config.data.task).to(self.device)

    @cached_property
    def test_split(self) -> Split:
        """The test images on the device."""
        return split_of(self.data, "test", task=self.run.config.data.task).to(self.device)

    def network(self, checkpoint: str) -> nn.Module:
        """Return the network at `initial`, `last` or `best`, in the memory layout of the run."""
        config = self.run.config
        model = networks.build(config.model, seed=stream_seed(self.run.seed, "weights"))
        if checkpoint != "initial":
            model.load_state_dict(_tensors(self.store.load_weights(self.run, checkpoint)))
        layout = torch.channels_last if config.precision.channels_last else torch.contiguous_format
        return model.to(self.device).to(memory_format=layout)

    def image_size(self) -> int:
        """Side of the images in pixels."""
        return int(self.train_split.images.shape[-1])


def open_subject(run: Run, store: Store) -> Subject:
    """Return the subject of `run`; `DataError` unless the data set is the one that the run was named for."""
    data = open_data_set(run.config.data, data_root=data_root(), cache_root=cache_root())
    if run.config.data.task == "classes" and len(data.class_names) != run.config.model.classes:
        raise DataError(
            f"data set '{run.config.data.name}' has {len(data.class_names)} classes, the network "
            f"{run.config.model.classes}; set `classes` in the profile"
        )
    return Subject(run=run, store=store, data=data, device=device())


def waiting(name: str, say: Say) -> Callable[[Owner | None], None]:
    """Return the listener of a claim that tells the person who computes `name` meanwhile."""
    return lambda owner: say(f"waiting for {name}, computed by {owner or 'another process'}")


def ensure_weights(subject: Subject, say: Say) -> None:
    """Train `subject`'s run unless its weights are complete; its history is saved before its weights."""
    run, store = subject.run, subject.store
    if store.has_weights(run):
        return
    if run.parent is not None:
        ensure_weights(open_subject(run.parent, store), say)
    with store.claim(run.name, on_wait=waiting(run.name, say)):
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
    run, store, provenance = subject.run, subject.store, _provenance(subject, seconds)
    rows = list(final.history)
    key = MeasurementKey.of(HistorySettings(), run)
    store.save_measurement(key, values={"rows": rows, "best_epoch": final.best_epoch}, provenance=provenance)
    store.save_weights(
        run, {"last": _arrays(final.weights), "best": _arrays(final.best_weights)}, provenance=provenance
    )
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
        if time.monotonic() - self.written_at >= RESUME_INTERVAL_SECONDS:
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
    for path, tensor in _tensors(arrays).items():
        group, name = path.split("/", 1)
        if group == "momentum":  # a resume point from when SGD was the only optimiser
            group, name = "optimiser", f"momentum_buffer/{name}"
        groups[group][name] = tensor
    history = tuple(state["history"])
    return TrainingState(len(history), groups["weights"], groups["optimiser"], groups["best"], history)


def _arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in tensors.items()}


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def _provenance(subject: Subject, seconds: float) -> dict[str, Any]:
    return collect(
        seconds=seconds,
        device=str(subject.device),
        seeds=[subject.run.seed],
        data_fingerprint=subject.data.fingerprint,
        extra={"threads": torch.get_num_threads()},
    )
