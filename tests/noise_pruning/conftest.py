from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from rflib.data.splits import Split

Make = Callable[..., nn.Module]
Images = Callable[..., Split]


@pytest.fixture
def trained(tiny_model: Make, tiny_split: Images) -> Callable[..., nn.Module]:
    """Make a network whose outputs vary: batch-norm statistics of images, weights and biases of some size."""

    def make(architecture: str = "rf_resnet26") -> nn.Module:
        model = tiny_model(architecture, pool_kernel=2 if architecture.startswith("rf_") else 1).train()
        torch.manual_seed(0)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.3 * torch.randn_like(parameter))
                elif "classifier" in name or "fc" in name:
                    parameter.copy_(torch.randn_like(parameter))
            for _ in range(10):
                model(tiny_split(32, seed=3).images / 128 - 1)
        return model.eval()

    return make
