"""What is recorded layer by layer: what a layer could add, how much of it is in use, what can be read off it."""

from __future__ import annotations

from typing import Any

from torch import nn

from rflib import models, probes, saturation
from rflib.config import ProbesSettings, SaturationSettings
from rflib.data.splits import Split
from rflib.study.subject import Recorded, Subject

Values = dict[str, Any]


def saturations(settings: SaturationSettings, subject: Subject) -> Recorded:
    """Saturation of every convolution and linear layer by the textbook rule and by delve's, on training images."""
    split = subject.train_split.spread(settings.images)
    model = subject.network(settings.checkpoint)
    found = saturation.measure(model, split.normalise(split.images), delta=settings.delta, layers=_layers(model))
    rows = [
        {
            "name": name,
            "features": layer.features,
            "samples": layer.samples,
            "saturation": layer.saturation("cumulative"),
            "saturation_delve": layer.saturation("delve"),
        }
        for name, layer in found.items()
    ]
    return Recorded({"rows": rows, "images": len(split)})


def probed(settings: ProbesSettings, subject: Subject) -> Recorded:
    """Accuracy in percent of a probe on every convolution and linear layer."""
    train, test = subject.train_split.spread(settings.train_images), subject.test_split.spread(settings.test_images)
    model = subject.network(settings.checkpoint)
    found = probes.measure(model, _examples(train), _examples(test), layers=_layers(model), side=settings.side)
    rows = [
        {
            "name": name,
            "accuracy": 100 * probe.accuracy,
            "train_accuracy": 100 * probe.train_accuracy,
            "features": probe.features,
            "converged": probe.converged,
        }
        for name, probe in found.items()
    ]
    return Recorded({"rows": rows, "train_images": len(train), "test_images": len(test)})


def _layers(model: nn.Module) -> list[str]:
    """Return the convolutions and linear layers, without those of attention add-ons, as the paper leaves them out."""
    omitted = models.inside_attention(model)
    layers = [name for name, module in model.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    return [name for name in layers if name not in omitted]


def _examples(split: Split) -> probes.Examples:
    return split.normalise(split.images), split.labels
