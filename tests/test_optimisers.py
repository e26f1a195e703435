"""The factory of optimisers: what it builds, and that plain ones need no other library."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from rflib.config import OptimiserConfig
from rflib.optimisers import build_optimiser

OF_TORCH = """
import sys
import torch
from rflib.config import OptimiserConfig
from rflib.optimisers import build_optimiser
from rflib.training import train

for name in ("sgd", "adamw"):
    build_optimiser(OptimiserConfig(name=name), [torch.nn.Parameter(torch.ones(1))], learning_rate=0.1)
print("pytorch_optimizer" in sys.modules)
build_optimiser(OptimiserConfig(name="sam"), [torch.nn.Parameter(torch.ones(1))], learning_rate=0.1)
print("pytorch_optimizer" in sys.modules)
"""

KINDS = {"sgd": "SGD", "adamw": "AdamW", "sam": "SAM", "asam": "SAM", "adahessian": "AdaHessian", "soap": "SOAP"}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_every_name_builds_its_optimiser_at_the_rate_of_training(name: str, kind: str) -> None:
    optimiser = build_optimiser(OptimiserConfig(name=name), [nn.Parameter(torch.ones(2))], learning_rate=0.125)
    assert type(optimiser).__name__ == kind
    assert [group["lr"] for group in optimiser.param_groups] == [0.125]


def test_the_library_of_optimisers_is_imported_only_where_torchs_own_do_not_suffice() -> None:
    command = [sys.executable, "-W", "error", "-c", OF_TORCH]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (result.stdout.split(), result.stderr) == (["False", "True"], "")
