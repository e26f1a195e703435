"""Copies at once against one network at a time: the same logits, accuracies and recalibrated statistics."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rflib.activations import frozen_statistics
from rflib.config import PrecisionConfig
from rflib.data.splits import Split
from rflib.errors import UsageError
from rflib.noise_pruning import Copies, Recipe, accuracies, pruned_copy
from rflib.pruning import replaced
from rflib.training import evaluate

Make = Callable[..., nn.Module]
Images = Callable[..., Split]
ARCHITECTURES = ["rf_resnet26", "rf_vgg19", "resnet18_squeeze_excitation", "mobilenet_v2"]


def copies_of(model: nn.Module, count: int, scale: float = 0.3) -> list[dict[str, Tensor]]:
    recipe = Recipe("additive", scale, 0.5)
    return [pruned_copy(model, recipe, draw)[0] for draw in range(count)]


def test_logits_are_those_of_each_network_alone(trained: Make, tiny_split: Images) -> None:
    for architecture in ARCHITECTURES:
        model = trained(architecture)
        weights, images = copies_of(model, 3), tiny_split(5).images / 128 - 1
        with torch.no_grad():
            found = Copies(model, weights).eval()(images)
            for logits, each in zip(found, weights, strict=True):
                with replaced(model, each):
                    torch.testing.assert_close(logits, model(images), rtol=1e-4, atol=1e-4)
        assert found.shape == (3, 5, 4)
        assert float((found[0] - found[1]).abs().max()) > 1e-2


@pytest.mark.parametrize(("copies_at_once", "batch_size"), [(None, 100), (1, 7), (2, 16), (5, 3), (100, 100)])
def test_accuracies_are_those_of_separate_evaluation(
    trained: Make, tiny_split: Images, copies_at_once: int | None, batch_size: int
) -> None:
    model, split = trained(), tiny_split(40)
    weights, expected = copies_of(model, 5, scale=1.0), []
    for each in weights:
        with replaced(model, each):
            expected.append(evaluate(model, split).accuracy)
    found = accuracies(model, weights, split, copies_at_once=copies_at_once, batch_size=batch_size)
    assert found == expected
    assert len(set(found)) > 1


@pytest.mark.parametrize("copies_at_once", [1, 2, 4])
def test_every_copy_gets_statistics_of_its_own(trained: Make, tiny_split: Images, copies_at_once: int) -> None:
    model, split = trained(), tiny_split(40)
    batches = [tiny_split(count, seed=9).images / 128 - 1 for count in (12, 8)]
    weights, expected = copies_of(model, 4, scale=1.0), []
    for each in weights:
        with replaced(model, each), frozen_statistics(model, batches):
            expected.append(evaluate(model, split).accuracy)
    found = accuracies(model, weights, split, calibration=batches, copies_at_once=copies_at_once)
    assert found == expected
    assert found != accuracies(model, weights, split)


def test_recalibrated_logits_are_those_of_each_network_alone(trained: Make, tiny_split: Images) -> None:
    model, images = trained(), tiny_split(6).images / 128 - 1
    batches = [tiny_split(count, seed=9).images / 128 - 1 for count in (12, 8)]
    weights = copies_of(model, 3)
    copies = Copies(model, weights, own_statistics=True)
    with torch.no_grad():
        with frozen_statistics(copies, batches):
            found = copies(images)
        for logits, each in zip(found, weights, strict=True):
            with replaced(model, each), frozen_statistics(model, batches):
                torch.testing.assert_close(logits, model(images), rtol=1e-4, atol=1e-4)
        with replaced(model, weights[1]):
            torch.testing.assert_close(copies.eval()(images)[1], model(images), rtol=1e-4, atol=1e-4)


def test_the_network_is_left_as_it_was(trained: Make, tiny_split: Images) -> None:
    model = trained().train()
    before = copy.deepcopy(model.state_dict())
    split = tiny_split(8)
    accuracies(model, copies_of(model, 3), split, calibration=[split.normalise(split.images)], copies_at_once=2)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())


def test_low_precision_is_that_of_separate_evaluation(
    trained: Make, tiny_split: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, split = trained(), tiny_split(40)
    precision = PrecisionConfig(autocast="bfloat16", channels_last=True)
    weights, expected = copies_of(model, 3, scale=1.0), []
    for each in weights:
        with replaced(model, each):
            expected.append(evaluate(model, split, precision=precision).accuracy)
    seen: set[torch.dtype] = set()
    forward = nn.Linear.forward
    monkeypatch.setattr(nn.Linear, "forward", lambda *given: _noted(forward(*given), seen))
    assert accuracies(model, weights, split, precision=precision, copies_at_once=3, batch_size=500) == expected
    assert seen == {torch.bfloat16}


def _noted(output: Tensor, seen: set[torch.dtype]) -> Tensor:
    seen.add(output.dtype)
    return output


@pytest.mark.parametrize(
    ("settings", "count", "message"),
    [
        ({"copies_at_once": 0}, 4, "expected copies_at_once of at least 1, found 0"),
        ({"batch_size": -1}, 4, "expected batch_size of at least 1, found -1"),
        ({}, 0, "expected at least one image to score on, found none"),
        ({"calibration": []}, 4, "frozen statistics: expected at least one batch of images, found none"),
    ],
)
def test_bad_settings(trained: Make, tiny_split: Images, settings: Any, count: int, message: str) -> None:
    model = trained()
    with pytest.raises(UsageError, match=message):
        accuracies(model, copies_of(model, 2), tiny_split(4).first(count), **settings)
