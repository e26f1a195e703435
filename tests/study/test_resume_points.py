"""States of training through the store and back: every optimiser goes on bit for bit from what is on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch import nn

from rflib.config import DataConfig, OptimiserConfig, PrecisionConfig, Run, RunConfig, TrainingConfig
from rflib.data.splits import Split
from rflib.study import training
from rflib.study.study import Study
from rflib.training import TrainingState, train

Make = Callable[..., nn.Module]
Images = Callable[..., Split]

NAMES = get_args(OptimiserConfig.model_fields["name"].annotation)


def run_with(name: str) -> Run:
    interval = {"update_interval": 2} if name in ("adahessian", "soap") else {}
    training = TrainingConfig(
        epochs=2, batch_size=11, learning_rate=0.01, crop_padding=0, optimiser={"name": name, **interval}
    )
    precision = PrecisionConfig(channels_last=True)
    return Run(config=RunConfig(data=DataConfig(name="cifar10"), training=training, precision=precision))


@pytest.fixture
def trained(tiny_model: Make, tiny_split: Images) -> Callable[..., list[TrainingState]]:
    """Return the state after every epoch of a run."""

    def make(run: Run, start: TrainingState | None = None) -> list[TrainingState]:
        states: list[TrainingState] = []
        config = run.config
        options = {"config": config.training, "precision": config.precision, "start": start, "on_epoch": states.append}
        train(tiny_model("rf_resnet26"), tiny_split(), test_split=tiny_split(8), **options)
        return states

    return make


@pytest.mark.parametrize("name", NAMES)
def test_every_optimiser_goes_on_from_the_store(
    open_tiny: Callable[..., Study], trained: Callable[..., list[TrainingState]], name: str
) -> None:
    store, run = open_tiny().store, run_with(name)
    first, whole = trained(run)
    keeper = training._ResumePoints(store, run, earlier_seconds=0.0)
    keeper(first)
    keeper.write()
    point = store.load_resume_point(run)
    assert point is not None
    start = training._state(point.arrays, point.state)
    (resumed,) = trained(run, start)
    assert resumed.history == whole.history
    for group in ("weights", "optimiser", "best_weights"):
        found, expected = getattr(resumed, group), getattr(whole, group)
        assert found.keys() == expected.keys()
        # Files hold a single number, such as the count of batch norm, as one of a row.
        assert [path for path in found if not torch.equal(found[path].flatten(), expected[path].flatten())] == []
