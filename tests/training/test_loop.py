"""Training: what it changes, that it repeats and resumes bit for bit, and which weights it keeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from rflib.config import PrecisionConfig, TrainingConfig
from rflib.data.splits import Split
from rflib.errors import TrainingError
from rflib.pruning import magnitude_mask
from rflib.training import TrainingState, evaluate, learning_rate, train

Make = Callable[..., nn.Module]
Images = Callable[..., Split]
Schedule = Callable[..., TrainingConfig]
Same = Callable[[TrainingState, TrainingState], None]

LOW_PRECISION = PrecisionConfig(autocast="bfloat16", channels_last=True)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def test_zero_epochs_change_nothing(tiny_model: Make, tiny_split: Images, schedule: Schedule) -> None:
    model = tiny_model()
    before = weights_of(model)
    state = train(model, tiny_split(), test_split=tiny_split(8), config=schedule(epochs=0))
    assert (state.epoch, state.best_epoch, state.history, state.optimiser) == (0, 0, (), {})
    for found in (model.state_dict(), state.weights, state.best_weights):
        assert all(torch.equal(found[name], before[name]) for name in before)


@pytest.mark.parametrize("architecture", ["rf_vgg19", "rf_resnet26"])
def test_one_epoch_changes_everything(
    tiny_model: Make, tiny_split: Images, schedule: Schedule, architecture: str
) -> None:
    model = tiny_model(architecture)
    before = weights_of(model)
    state = train(model, tiny_split(), test_split=tiny_split(8), config=schedule(epochs=1))
    assert [name for name in before if torch.equal(state.weights[name], before[name])] == []
    assert state.optimiser.keys() == {f"momentum_buffer/{name}" for name, _ in model.named_parameters()}
    assert set(state.history[0]) == {
        "epoch",
        "learning_rate",
        "train_loss",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
    }


def test_states_are_copies(tiny_model: Make, tiny_split: Images, schedule: Schedule) -> None:
    states: list[TrainingState] = []
    kept: list[dict[str, Tensor]] = []

    def keep(state: TrainingState) -> None:
        states.append(state)
        kept.append({name: tensor.clone() for name, tensor in state.weights.items()})

    train(tiny_model(), tiny_split(), test_split=tiny_split(8), config=schedule(epochs=3), on_epoch=keep)
    assert [state.epoch for state in states] == [1, 2, 3]
    for state, weights in zip(states, kept, strict=True):
        assert all(torch.equal(state.weights[name], weights[name]) for name in weights)
    assert not torch.equal(kept[0]["classifier.weight"], kept[1]["classifier.weight"])


def test_training_repeats_bit_for_bit_and_depends_on_the_seed(
    tiny_model: Make, tiny_split: Images, schedule: Schedule, assert_same_state: Same
) -> None:
    config = schedule(crop_padding=2, horizontal_flip=True)

    def trained(seed: int) -> TrainingState:
        torch.rand(3)  # moves torch's own generator, on which nothing may depend
        return train(tiny_model(), tiny_split(), test_split=tiny_split(8), config=config, seed=seed)

    assert_same_state(trained(5), trained(5))
    other = trained(6).weights["classifier.weight"]
    assert not torch.equal(trained(5).weights["classifier.weight"], other)


@pytest.mark.parametrize("precision", [PrecisionConfig(), LOW_PRECISION], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("masked", [False, True], ids=["dense", "masked"])
def test_two_halves_equal_one_whole_from_every_epoch(
    tiny_model: Make,
    tiny_split: Images,
    schedule: Schedule,
    assert_same_state: Same,
    precision: PrecisionConfig,
    masked: bool,
) -> None:
    config = schedule(epochs=4, crop_padding=2, schedule_step="batch", warmup_epochs=1.5, gradient_clip=0.5)
    states: list[TrainingState] = []

    def run(model: nn.Module, start: TrainingState | None) -> TrainingState:
        return train(
            model,
            tiny_split(),
            test_split=tiny_split(8, seed=1),
            config=config,
            precision=precision,
            seed=3,
            mask=magnitude_mask(tiny_model("rf_resnet26"), 0.5) if masked else None,
            start=start,
            on_epoch=states.append if start is None else None,
        )

    whole = run(tiny_model("rf_resnet26"), None)
    assert len(states) == 4
    for state in states:
        # Another network: whatever the outcome depends on must come from the state.
        assert_same_state(run(tiny_model("rf_resnet26", seed=9), state), whole)


@pytest.mark.parametrize("precision", [PrecisionConfig(), LOW_PRECISION], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["adamw", "sam", "asam", "adahessian", "soap"])
def test_every_optimiser_resumes_from_every_epoch(
    tiny_model: Make,
    tiny_split: Images,
    schedule: Schedule,
    assert_same_state: Same,
    precision: PrecisionConfig,
    name: str,
) -> None:
    """Three steps an epoch and an update every second one: a resumed run goes on in the middle of an interval."""
    interval = {"update_interval": 2} if name in ("adahessian", "soap") else {}
    config = schedule(epochs=3, batch_size=11, learning_rate=0.01, optimiser={"name": name, **interval})
    states: list[TrainingState] = []
    mask = magnitude_mask(tiny_model("rf_resnet26"), 0.5)

    def run(model: nn.Module, start: TrainingState | None) -> TrainingState:
        torch.rand(3)  # moves torch's own generator, on which nothing may depend
        options = {"config": config, "precision": precision, "mask": mask, "seed": 3}
        return train(model, tiny_split(), test_split=tiny_split(8), start=start, on_epoch=states.append, **options)

    whole = run(tiny_model("rf_resnet26"), None)
    for state in states[:2]:
        assert_same_state(run(tiny_model("rf_resnet26", seed=9), state), whole)


def test_low_precision_is_used(tiny_model: Make, tiny_split: Images, schedule: Schedule) -> None:
    def trained(precision: PrecisionConfig) -> tuple[nn.Module, TrainingState]:
        model = tiny_model("rf_resnet26")
        return model, train(
            model, tiny_split(), test_split=tiny_split(8), config=schedule(epochs=1), precision=precision
        )

    (plain, full), (fast, low) = trained(PrecisionConfig()), trained(LOW_PRECISION)
    assert not torch.equal(full.weights["fc.weight"], low.weights["fc.weight"])
    assert low.weights["fc.weight"].dtype == torch.float32
    weight = "layer1.0.conv2"
    assert fast.get_submodule(weight).weight.is_contiguous(memory_format=torch.channels_last)
    assert plain.get_submodule(weight).weight.is_contiguous()


def test_a_network_learns_32_images_by_heart(tiny_model: Make, tiny_split: Images, schedule: Schedule) -> None:
    model, split = tiny_model("rf_resnet26", width=0.1), tiny_split(32)
    config = schedule(epochs=40, batch_size=32, learning_rate=0.05, optimiser={"weight_decay": 0.0})
    state = train(model, split, test_split=split, config=config)
    assert state.history[-1]["train_accuracy"] == 100
    assert evaluate(model, split).accuracy == 100
    assert state.history[0]["train_accuracy"] < 60


# Loss that is not finite.


def test_a_training_loss_that_is_not_finite_stops_the_run_after_a_sound_state(
    tiny_model: Make, tiny_split: Images, schedule: Schedule
) -> None:
    model = tiny_model()
    states: list[TrainingState] = []

    def break_after_two(state: TrainingState) -> None:
        states.append(state)
        if state.epoch == 2:
            nn.init.constant_(model.get_parameter("classifier.weight"), math.nan)

    message = (
        r"the training loss became nan in epoch 3: expected a finite number\. The state after epoch 2 is kept; "
        r"lower learning_rate \(0\.05\) or gradient_clip\."
    )
    with pytest.raises(TrainingError, match=message):
        train(model, tiny_split(), test_split=tiny_split(8), config=schedule(epochs=5), on_epoch=break_after_two)
    assert [state.epoch for state in states] == [1, 2]
    assert all(tensor.isfinite().all() for tensor in (states[-1].weights | states[-1].optimiser).values())


def test_a_last_step_that_breaks_the_weights_is_noticed(
    tiny_model: Make, tiny_split: Images, schedule: Schedule
) -> None:
    """One step an epoch: the training loss is taken before the step that ruins the network."""
    states: list[TrainingState] = []
    config = schedule(epochs=1, batch_size=32, learning_rate=1e38)
    with pytest.raises(TrainingError, match=r"the test loss became (nan|inf) in epoch 1.*The state after epoch 0"):
        train(tiny_model(), tiny_split(32), test_split=tiny_split(8), config=config, on_epoch=states.append)
    assert states == []


# Checkpoints.


def state_with(*accuracies: float) -> TrainingState:
    rows: list[dict[str, Any]] = [{"epoch": i, "test_accuracy": a} for i, a in enumerate(accuracies, start=1)]
    return TrainingState(len(rows), {}, {}, {}, tuple(rows))


@pytest.mark.parametrize(
    ("accuracies", "epoch"), [((), 0), ((10.0,), 1), ((10.0, 30.0, 20.0), 2), ((10.0, 30.0, 30.0), 2), ((5.0, 5.0), 1)]
)
def test_the_best_epoch_is_the_first_of_highest_test_accuracy(accuracies: tuple[float, ...], epoch: int) -> None:
    assert state_with(*accuracies).best_epoch == epoch


def test_the_best_weights_are_those_of_the_best_epoch(tiny_model: Make, tiny_split: Images, schedule: Schedule) -> None:
    states: list[TrainingState] = []
    config = schedule(epochs=6, learning_rate=0.3)
    test = tiny_split(12, seed=2)
    final = train(tiny_model(), tiny_split(), test_split=test, config=config, on_epoch=states.append)
    accuracies = [row["test_accuracy"] for row in final.history]
    assert len(set(accuracies)) > 1
    best = accuracies.index(max(accuracies))
    assert final.best_epoch == best + 1
    assert all(torch.equal(final.best_weights[name], t) for name, t in states[best].weights.items())
    fresh = tiny_model(seed=5)
    fresh.load_state_dict(final.best_weights)
    assert evaluate(fresh, test).accuracy == max(accuracies)


def test_the_history_records_the_rate_of_each_epoch(tiny_model: Make, tiny_split: Images, schedule: Schedule) -> None:
    config = schedule(epochs=4, cosine_period_epochs=2)
    final = train(tiny_model(), tiny_split(), test_split=tiny_split(8), config=config)
    assert [row["learning_rate"] for row in final.history] == [learning_rate(config, epoch) for epoch in range(4)]
    assert [row["epoch"] for row in final.history] == [1, 2, 3, 4]


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
