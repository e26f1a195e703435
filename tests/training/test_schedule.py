"""The learning rate against torch's own schedulers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

from rflib.config import TrainingConfig
from rflib.training import learning_rate

Schedule = Callable[..., TrainingConfig]


def torchs_rates(steps: int, *, t_max: int, rate: float) -> list[float]:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = CosineAnnealingLR(optimiser, T_max=t_max)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("period", [None, 10])
def test_rates_per_epoch_are_torchs_also_beyond_the_period(schedule: Schedule, period: int | None) -> None:
    config = schedule(epochs=35, cosine_period_epochs=period, learning_rate=0.1)
    found = [learning_rate(config, epoch, batch=3, batches=7) for epoch in range(35)]
    assert found == pytest.approx(torchs_rates(35, t_max=period or 35, rate=0.1), rel=1e-9, abs=1e-12)


def test_past_the_period_the_rate_rises_again(schedule: Schedule) -> None:
    config = schedule(epochs=40, cosine_period_epochs=20)
    rates = [learning_rate(config, epoch) for epoch in range(41)]
    assert min(rates) == rates[20] == pytest.approx(0, abs=1e-12)
    assert all(a < b for a, b in itertools.pairwise(rates[20:]))


def test_rates_per_batch_are_torchs(schedule: Schedule) -> None:
    config = schedule(epochs=6, cosine_period_epochs=4, schedule_step="batch", learning_rate=0.1)
    found = [learning_rate(config, epoch, batch=batch, batches=5) for epoch in range(6) for batch in range(5)]
    assert found == pytest.approx(torchs_rates(30, t_max=20, rate=0.1), rel=1e-9, abs=1e-12)


def test_warm_up_rises_linearly_to_the_full_rate(schedule: Schedule) -> None:
    batchwise = schedule(epochs=8, cosine_period_epochs=10**6, warmup_epochs=2, schedule_step="batch")
    found = [learning_rate(batchwise, epoch, batch=batch, batches=4) for epoch in range(3) for batch in range(4)]
    expected = [0.05 * min(1, (step + 1) / 8) for step in range(12)]
    assert found == pytest.approx(expected, rel=1e-6)
    epochwise = schedule(epochs=8, cosine_period_epochs=10**6, warmup_epochs=4)
    found = [learning_rate(epochwise, epoch) for epoch in range(6)]
    assert found == pytest.approx([0.0125, 0.025, 0.0375, 0.05, 0.05, 0.05], rel=1e-6)
