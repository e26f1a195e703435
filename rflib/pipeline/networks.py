"""From settings to a network, what analyses change in it included."""

from __future__ import annotations

from torch import nn

from rflib import models
from rflib.analyses.receptive_field import truncate
from rflib.config import ModelConfig


def build(config: ModelConfig, *, seed: int = 0) -> nn.Module:
    """Return the network that `config` describes, its weights drawn from `seed`; torch's own state is untouched.

    Errors as `receptive_field.truncate`, where there is no tail to cut.
    """
    model = models.build(config, seed=seed)
    if config.truncated_for is None:
        return model
    with models.seeded(seed):
        return truncate(model, config.truncated_for)
