"""Evaluation against a plain loop, and the flags it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rflib.config import PrecisionConfig
from rflib.data.splits import Split
from rflib.training import Evaluation, evaluate, evaluation

Make = Callable[..., nn.Module]
Images = Callable[..., Split]


def test_loss_and_accuracy_are_those_of_a_plain_loop(
    tiny_model: Make, tiny_split: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH_SIZE", 5)
    model, split = tiny_model().eval(), tiny_split(13)
    losses, hits = [], 0
    for image, label in zip(split.images, split.labels, strict=True):
        with torch.no_grad():
            logits = model((image / 255 - 0.5)[None] / 0.29)
        losses.append(float(F.cross_entropy(logits, label[None])))
        hits += int(logits.argmax()) == int(label)
    found = evaluate(model, split)
    assert found == Evaluation(loss=pytest.approx(sum(losses) / 13, rel=1e-5), accuracy=100 * hits / 13, images=13)


def test_low_precision_is_used(tiny_model: Make, tiny_split: Images) -> None:
    model = tiny_model("rf_resnet26").eval()
    full = evaluate(model, tiny_split(8))
    low = evaluate(model, tiny_split(8), precision=PrecisionConfig(autocast="bfloat16", channels_last=True))
    assert low.loss != full.loss
    assert low.loss == pytest.approx(full.loss, rel=0.05)


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_left_as_it_was(tiny_model: Make, tiny_split: Images, fails: bool) -> None:
    model = tiny_model().train()
    model.get_submodule("features.1").eval()
    flags = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def fail(*_arguments: Any) -> None:
        raise RuntimeError("inside")

    if fails:
        model.get_submodule("classifier").register_forward_hook(fail)
        with pytest.raises(RuntimeError, match="inside"):
            evaluate(model, tiny_split(8))
    else:
        evaluate(model, tiny_split(8))
    assert [module.training for module in model.modules()] == flags
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
