"""What is recorded layer by layer: what a layer could add, how much of it is in use, what can be read off it."""

from __future__ import annotations

from typing import Any

from torch import nn

from rflib import models
from rflib.analyses import probes, receptive_field, saturation
from rflib.analyses.receptive_field import Fields
from rflib.config import LayersSettings, ProbesSettings, SaturationSettings
from rflib.data.splits import Split
from rflib.pipeline import networks
from rflib.pipeline.compute import Subject
from rflib.pipeline.costs import image_cost

Values = dict[str, Any]


def layers(settings: LayersSettings) -> Values:
    """Fields of every convolution and of its input, the unproductive ones by both rules, and what a network costs."""
    side = settings.image_size
    model = networks.build(settings.model)
    models.require_input(model, side, name=settings.model.architecture)
    fields = receptive_field.analyse(model, (3, side, side))
    omitted = models.inside_attention(model)
    unproductive = {rule: set(fields.unproductive(side, rule=rule)) for rule in ("paper", "toolbox")}
    rows = [
        {
            "layer": index,
            "in_attention": layer.name in omitted,
            "name": layer.name,
            "r_min": float(layer.r_min[0]),
            "r_max": float(layer.r_max[0]),
            "input_r_min": float(layer.input_r_min[0]),
            "map_size": int(layer.map_size[0]),
            **{f"unproductive_{rule}": layer.name in names for rule, names in unproductive.items()},
        }
        for index, layer in enumerate(fields.convolutions, start=1)
    ]
    return {
        "rows": rows,
        "border_layer": fields.border_layer(side),
        "border_layer_largest": fields.border_layer(side, field="largest"),
        "tail": fields.tail(side),
        "smallest_feasible_pixels": _feasible(fields),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "forward_flops": image_cost(settings.model, side).forward,
    }


def saturations(settings: SaturationSettings, subject: Subject) -> Values:
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
    return {"rows": rows, "images": len(split)}


def probed(settings: ProbesSettings, subject: Subject) -> Values:
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
    return {"rows": rows, "train_images": len(train), "test_images": len(test)}


def _layers(model: nn.Module) -> list[str]:
    """Return the convolutions and linear layers, without those of attention add-ons, as the paper leaves them out."""
    omitted = models.inside_attention(model)
    layers = [name for name, module in model.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    return [name for name in layers if name not in omitted]


def _feasible(fields: Fields) -> float:
    """Return the side of the smallest image without an unproductive layer."""
    (smallest, _), _ = fields.resolution_range(lower_bound=True)
    return float(smallest)


def _examples(split: Split) -> probes.Examples:
    return split.normalise(split.images), split.labels
