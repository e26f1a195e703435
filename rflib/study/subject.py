"""A run ready to be looked at, and what looking at it found. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from rflib import networks
from rflib.config import Run
from rflib.data.sources import DataSet, open_data_set
from rflib.data.splits import Split, split_of
from rflib.errors import DataError
from rflib.seeding import stream_seed
from rflib.study.store import Store
from rflib.study.store.locks import Holder
from rflib.study.store.places import cache_root, data_root
from rflib.study.store.provenance import collect

# Resume points cost a write and a sync; a lost half minute is cheaper than that after every short epoch.
RESUME_INTERVAL_SECONDS = 30.0

Say = Callable[[str], None]
"""Receives one line for the person at the keyboard: why nothing happens for a while."""


@dataclass(frozen=True)
class Recorded:
    """What one analysis found: `values` for JSON, `arrays` for NPZ; seconds that it took before it was resumed."""

    values: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    earlier_seconds: float = 0.0


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
            model.load_state_dict(tensors(self.store.load_weights(self.run, checkpoint)))
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


def waiting(name: str, say: Say) -> Callable[[Holder | None], None]:
    """Return the listener of a lock that tells the person who computes `name` meanwhile."""
    return lambda holder: say(f"waiting for {name}, computed by {holder or 'another process'}")


def tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Return stored arrays as tensors that own their memory."""
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def provenance(subjects: Sequence[Subject], seconds: float) -> dict[str, Any]:
    """Return where a result of these runs comes from, and that it took so many seconds here."""
    return collect(
        seconds=seconds,
        device=str(subjects[0].device) if subjects else "cpu",
        seeds=[subject.run.seed for subject in subjects],
        data_fingerprint=subjects[0].data.fingerprint if subjects else "",
        extra={"threads": torch.get_num_threads()},
    )
