"""Single steps against their formulas, and fine-tuning under a mask."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib.config import PrecisionConfig, TrainingConfig
from rflib.data.splits import Split, batches
from rflib.pruning import magnitude_mask, prunable_weights
from rflib.training import TrainingState, train

Make = Callable[..., nn.Module]
Images = Callable[..., Split]
Schedule = Callable[..., TrainingConfig]

LOW_PRECISION = PrecisionConfig(autocast="bfloat16", channels_last=True)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def gradients_of(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    model.train()
    loss = F.cross_entropy(model(images), labels)
    return dict(zip(dict(model.named_parameters()), torch.autograd.grad(loss, list(model.parameters())), strict=True))


@pytest.mark.parametrize("nesterov", [False, True])
def test_steps_follow_the_formula_of_sgd(
    tiny_model: Make, tiny_split: Images, schedule: Schedule, nesterov: bool
) -> None:
    optimiser = {"momentum": 0.8, "weight_decay": 0.01, "nesterov": nesterov}
    config = schedule(epochs=2, batch_size=16, learning_rate=0.01, optimiser=optimiser)
    model, split = tiny_model("rf_resnet26"), tiny_split(32)
    by_hand = copy.deepcopy(model)
    velocity: dict[str, Tensor] = {}
    for epoch in range(2):
        rate = 0.01 * 0.5 * (1 + math.cos(math.pi * epoch / 2))
        for images, labels in batches(split, batch_size=16, seed=7, epoch=epoch, crop_padding=0, horizontal_flip=False):
            gradients = gradients_of(by_hand, images, labels)
            with torch.no_grad():
                for name, parameter in by_hand.named_parameters():
                    decayed = gradients[name] + 0.01 * parameter
                    velocity[name] = 0.8 * velocity[name] + decayed if name in velocity else decayed
                    parameter -= rate * (decayed + 0.8 * velocity[name] if nesterov else velocity[name])
    train(model, split, test_split=tiny_split(8), config=config, seed=7)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, by_hand.get_parameter(name), rtol=1e-3, atol=3e-5)


@pytest.mark.parametrize("by", ["norm", "value", None])
def test_gradients_are_clipped(tiny_model: Make, tiny_split: Images, schedule: Schedule, by: str | None) -> None:
    limit = 0.02
    clipping = {"gradient_clip": None} if by is None else {"gradient_clip": limit, "gradient_clip_by": by}
    plain = {"momentum": 0.0, "weight_decay": 0.0}
    model, split = tiny_model("rf_resnet26"), tiny_split(16)
    before = copy.deepcopy(model)
    (batch,) = batches(split, batch_size=16, seed=0, epoch=0, crop_padding=0, horizontal_flip=False)
    gradients = gradients_of(copy.deepcopy(before), *batch)
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients.values()))
    largest = max(float(g.abs().max()) for g in gradients.values())
    assert norm > 2 * limit
    assert largest > 2 * limit
    train(model, split, test_split=split, config=schedule(epochs=1, learning_rate=1.0, optimiser=plain, **clipping))
    for name, parameter in model.named_parameters():
        step = before.get_parameter(name) - parameter
        expected = {
            None: gradients[name],
            "norm": gradients[name] * (limit / norm),
            "value": gradients[name].clamp(-limit, limit),
        }[by]
        torch.testing.assert_close(step, expected, rtol=1e-3, atol=1e-6)


def test_a_last_batch_that_joins_the_one_before_is_one_step(
    tiny_model: Make, tiny_split: Images, schedule: Schedule
) -> None:
    """17 images in batches of 16 are one step, so a warm-up of one epoch ends with it at the full rate."""
    config = schedule(epochs=1, learning_rate=0.1, schedule_step="batch", warmup_epochs=1, optimiser={"momentum": 0.0})
    model, split = tiny_model("rf_resnet26"), tiny_split(17)
    before = copy.deepcopy(model)
    (batch,) = batches(split, batch_size=16, seed=0, epoch=0, crop_padding=0, horizontal_flip=False)
    gradient = gradients_of(copy.deepcopy(before), *batch)["fc.weight"]
    train(model, split, test_split=split, config=config)
    start = before.get_parameter("fc.weight")
    expected = start - 0.1 * (gradient + config.optimiser.weight_decay * start)
    torch.testing.assert_close(model.get_parameter("fc.weight"), expected, rtol=1e-4, atol=1e-6)


# Fine-tuning.


@pytest.mark.parametrize("precision", [PrecisionConfig(), LOW_PRECISION], ids=["float32", "bfloat16"])
def test_pruned_weights_stay_exactly_zero_and_kept_ones_move(
    tiny_model: Make, tiny_split: Images, schedule: Schedule, precision: PrecisionConfig
) -> None:
    model = tiny_model("rf_resnet26")
    train(model, tiny_split(), test_split=tiny_split(8), config=schedule(epochs=1))
    mask, dense = magnitude_mask(model, 0.8, scope="layerwise"), weights_of(model)
    states: list[TrainingState] = []
    state = train(
        model,
        tiny_split(),
        test_split=tiny_split(8),
        config=schedule(epochs=3, optimiser={"momentum": 0.9, "weight_decay": 0.1}),
        precision=precision,
        mask=mask,
        on_epoch=states.append,
    )
    for checkpoint in (*(s.weights for s in states), state.best_weights, model.state_dict()):
        assert all((checkpoint[name][~kept] == 0).all() for name, kept in mask.keep.items())
    assert all((state.optimiser[f"momentum_buffer/{name}"][~kept] == 0).all() for name, kept in mask.keep.items())
    for name, kept in mask.keep.items():
        assert (state.weights[name][kept] != dense[name][kept]).float().mean() > 0.9 or not kept.any()


def test_without_a_mask_momentum_brings_pruned_weights_back(
    tiny_model: Make, tiny_split: Images, schedule: Schedule, count_kept: Callable[[nn.Module], int]
) -> None:
    model = tiny_model("rf_resnet26")
    mask = magnitude_mask(model, 0.8, scope="layerwise")
    mask.apply_(model)
    kept = count_kept(model)
    assert kept == mask.total - mask.pruned
    train(model, tiny_split(), test_split=tiny_split(8), config=schedule(epochs=1))
    assert count_kept(model) > 2 * kept


def test_a_mask_does_not_change_which_gradients_are_clipped(
    tiny_model: Make, tiny_split: Images, schedule: Schedule
) -> None:
    """The norm that clipping compares is that of the gradient the optimiser uses: kept weights only."""
    model, split = tiny_model("rf_resnet26"), tiny_split(16)
    mask = magnitude_mask(model, 0.8, scope="layerwise")
    mask.apply_(model)
    before = copy.deepcopy(model)
    (batch,) = batches(split, batch_size=16, seed=0, epoch=0, crop_padding=0, horizontal_flip=False)
    gradients = gradients_of(copy.deepcopy(before), *batch)
    gradients |= {name: gradients[name] * kept for name, kept in mask.keep.items()}
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients.values()))
    plain = {"momentum": 0.0, "weight_decay": 0.0}
    config = schedule(epochs=1, learning_rate=1.0, gradient_clip=0.02, optimiser=plain)
    train(model, split, test_split=split, config=config, mask=mask)
    for name in prunable_weights(model):
        step = before.get_parameter(name) - model.get_parameter(name)
        torch.testing.assert_close(step, gradients[name] * (0.02 / norm), rtol=1e-3, atol=1e-6)
