"""Training: epochs of steps from a state to the next, without printing and without disk; and the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rflib.config import PrecisionConfig, TrainingConfig
from rflib.data.splits import Split, batch_slices, batches
from rflib.errors import TrainingError
from rflib.optimisers import build_optimiser
from rflib.pruning import Mask
from rflib.training.evaluation import autocast, evaluate, layout
from rflib.training.state import TrainingState, copy_optimiser, copy_weights, restore_optimiser
from rflib.training.steps import Steps

Progress = Callable[[TrainingState], None]


def learning_rate(config: TrainingConfig, epoch: int, *, batch: int = 0, batches: int = 1) -> float:
    """Return the rate of one step: linear warm-up, then half a cosine over T_max epochs, periodic beyond it.

    With `schedule_step` "epoch" the rate changes between epochs only (the paper does not say which it used).
    Past T_max the rate rises again, as torch's CosineAnnealingLR does; this is the bump of the paper's Figure 3.

    Example:
        >>> from rflib.config import TrainingConfig
        >>> config = TrainingConfig(epochs=4, learning_rate=0.1, warmup_epochs=1)
        >>> [round(rflib.training.learning_rate(config, epoch), 4) for epoch in range(5)]
        [0.1, 0.0854, 0.05, 0.0146, 0.0]
    """
    unit = 1.0 if config.schedule_step == "epoch" else 1.0 / batches
    position = epoch + (0.0 if config.schedule_step == "epoch" else batch / batches)
    warmup = min(1.0, (position + unit) / config.warmup_epochs) if config.warmup_epochs else 1.0
    period = config.cosine_period_epochs or config.epochs
    return config.learning_rate * warmup * 0.5 * (1.0 + math.cos(math.pi * position / period))


def train(
    model: nn.Module,
    train_split: Split,
    *,
    test_split: Split,
    config: TrainingConfig,
    precision: PrecisionConfig | None = None,
    seed: int = 0,
    mask: Mask | None = None,
    start: TrainingState | None = None,
    on_epoch: Progress | None = None,
) -> TrainingState:
    """Train `model` in place and return the final state: last weights, best test epoch's weights, history.

    `start` takes up an earlier state and ends, on a CPU, bit for bit where an uninterrupted run ends. With a
    `mask`, pruned weights are zero throughout. A loss that is no longer finite raises `TrainingError`; the last
    state given to `on_epoch` is from before it.

    Example:
        >>> from rflib.config import TrainingConfig
        >>> from rflib.data.splits import Split
        >>> model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> images, labels = torch.zeros(8, 3, 8, 8, dtype=torch.uint8), torch.arange(8) % 2
        >>> images[labels == 1] = 255
        >>> split = Split(images, labels, torch.full((3,), 0.5), torch.full((3,), 0.5))
        >>> config = TrainingConfig(epochs=2, batch_size=4, learning_rate=0.5)
        >>> state = rflib.training.train(model, split, test_split=split, config=config)
        >>> state.epoch, state.history[-1]["test_accuracy"]
        (2, 100.0)
    """
    precision = precision or PrecisionConfig()
    if precision.channels_last:
        model.to(memory_format=torch.channels_last)
    if mask is not None:
        mask.apply_(model)
    trainer = _Trainer(model, config, precision, seed, mask)
    state = trainer.resume(start) if start is not None else trainer.state((), copy_weights(model))
    while state.epoch < config.epochs:
        row = trainer.run_epoch(state.epoch, train_split)
        result = evaluate(model, test_split, precision=precision)
        _require_finite("test", result.loss, state.epoch, config)
        row |= {"test_loss": result.loss, "test_accuracy": result.accuracy}
        state = trainer.advance(state, row)
        if on_epoch is not None:
            on_epoch(state)
    return state


def _require_finite(which: str, loss: float, epoch: int, config: TrainingConfig) -> None:
    # The last step of an epoch can break the weights after the last training loss was taken, so both are checked.
    if not math.isfinite(loss):
        raise TrainingError(
            f"the {which} loss became {loss} in epoch {epoch + 1}: expected a finite number. The state after epoch "
            f"{epoch} is kept; lower learning_rate ({config.learning_rate}) or gradient_clip."
        )


class _Trainer:
    """What stays the same from step to step."""

    def __init__(
        self, model: nn.Module, config: TrainingConfig, precision: PrecisionConfig, seed: int, mask: Mask | None
    ) -> None:
        self.model, self.config, self.precision, self.seed = model, config, precision, seed
        self.forward = torch.compile(model) if precision.compile else model
        self.optimiser = build_optimiser(config.optimiser, model.parameters(), learning_rate=config.learning_rate)
        self.steps = Steps(model, self.optimiser, config, seed=seed, mask=mask)

    def resume(self, state: TrainingState) -> TrainingState:
        self.model.load_state_dict(state.weights)
        restore_optimiser(self.model, self.optimiser, state.optimiser)
        return state

    def state(self, history: tuple[dict[str, Any], ...], best: dict[str, Tensor]) -> TrainingState:
        optimiser = copy_optimiser(self.model, self.optimiser)
        return TrainingState(len(history), copy_weights(self.model), optimiser, best, history)

    def advance(self, before: TrainingState, row: dict[str, Any]) -> TrainingState:
        state = self.state((*before.history, row), before.best_weights)
        return replace(state, best_weights=state.weights) if state.best_epoch == state.epoch else state

    def run_epoch(self, epoch: int, split: Split) -> dict[str, Any]:
        self.model.train()
        device = split.images.device
        loss_sum, correct, count = torch.zeros((), device=device), torch.zeros((), device=device), 0
        steps = len(batch_slices(len(split), self.config.batch_size))
        for step, (images, labels) in enumerate(self._batches(epoch, split)):
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(self.config, epoch, batch=step, batches=steps)
            loss, logits = self.steps.take(partial(self._loss, images, labels))
            loss_sum += loss.detach() * len(labels)
            correct += (logits.detach().argmax(1) == labels).sum()
            count += len(labels)
        loss_mean = float(loss_sum) / count
        _require_finite("training", loss_mean, epoch, self.config)
        rate = learning_rate(self.config, epoch)
        accuracy = 100.0 * float(correct) / count
        return {"epoch": epoch + 1, "learning_rate": rate, "train_loss": loss_mean, "train_accuracy": accuracy}

    def _batches(self, epoch: int, split: Split) -> Iterator[tuple[Tensor, Tensor]]:
        return batches(
            split,
            batch_size=self.config.batch_size,
            seed=self.seed,
            epoch=epoch,
            crop_padding=self.config.crop_padding,
            horizontal_flip=self.config.horizontal_flip,
        )

    def _loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with autocast(self.precision, images.device):
            logits = self.forward(layout(images, self.precision)).float()
        return F.cross_entropy(logits, labels), logits
