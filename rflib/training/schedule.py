"""The learning rate as a pure function of the position in training."""

from __future__ import annotations

import math

from rflib.config import TrainingConfig


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
