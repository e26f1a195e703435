from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from rflib.config import TrainingConfig
from rflib.training import TrainingState


@pytest.fixture
def schedule() -> Callable[..., TrainingConfig]:
    """Make a short schedule without augmentation and clipping."""

    def make(**changes: Any) -> TrainingConfig:
        plain = {"epochs": 2, "batch_size": 16, "learning_rate": 0.05, "gradient_clip": None}
        return TrainingConfig.checked({**plain, "crop_padding": 0, "horizontal_flip": False, **changes})

    return make


@pytest.fixture
def assert_same_state() -> Callable[[TrainingState, TrainingState], None]:
    """Two training states are equal bit for bit."""

    def check(a: TrainingState, b: TrainingState) -> None:
        assert (a.epoch, a.history) == (b.epoch, b.history)
        for group in ("weights", "optimiser", "best_weights"):
            first, second = getattr(a, group), getattr(b, group)
            assert first.keys() == second.keys()
            different = [name for name in first if not torch.equal(first[name], second[name])]
            assert different == [], group

    return check


@pytest.fixture
def count_kept() -> Callable[[nn.Module], int]:
    """Count the prunable weights that are not zero."""
    from rflib.pruning import prunable_weights

    return lambda model: sum(int((weight != 0).sum()) for weight in prunable_weights(model).values())
