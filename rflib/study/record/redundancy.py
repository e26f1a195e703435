"""What is recorded of redundancy in depth: saturation and filters of every layer, and what pruning the deep ones costs.

The deep layers are the last third of the convolutions in order of execution, the same ones whatever the field; the
tail are those from the border layer on, more of them the larger the field.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
from torch import Tensor, nn

from rflib import filter_diversity, receptive_field, saturation
from rflib.config import DeepPruningSettings, RedundancySettings
from rflib.pruning import magnitude_mask, prunable_weights, pruned
from rflib.receptive_field import Fields
from rflib.study.record.pruning import Scoring, live_weights, training_batches
from rflib.study.subject import Recorded, Subject

Values = dict[str, Any]
_DEEP_SHARE = 3


def redundancy(settings: RedundancySettings, subject: Subject) -> Recorded:
    """Saturation, filter similarity and relative effective rank of each convolution, one row a rate (0: dense)."""
    model, images = subject.network(settings.checkpoint), training_batches(subject, settings.images)
    fields = _fields(subject, model)
    deep, tail = deep_layers(fields), fields.tail(subject.image_size())
    live = live_weights(subject, model) if settings.scope == "live" else None
    rows = []
    for rate in (0.0, *settings.rates):
        mask = magnitude_mask(model, rate, scope=settings.scope, live=live)
        with pruned(model, mask) if rate else nullcontext():
            names = [layer.name for layer in fields.convolutions]
            spectra = saturation.measure(model, images, delta=settings.delta, layers=names)
            filters = filter_diversity.measure(model, layers=names)
        rows += [
            {
                "rate": rate,
                "layer": index,
                "name": layer.name,
                "deep": layer.name in deep,
                "tail": layer.name in tail,
                "input_r_min": float(layer.input_r_min[0]),
                "saturation": 100 * spectra[layer.name].saturation("cumulative"),
                "samples": spectra[layer.name].samples,
                "similarity": _finite(filters[layer.name].similarity),
                "relative_rank": 100 * filters[layer.name].relative_rank,
                "zero_filters": 100 * filters[layer.name].zero_filters / filters[layer.name].filters,
            }
            for index, layer in enumerate(fields.convolutions, start=1)
        ]
    return Recorded({"rows": rows, "scope": settings.scope, "images": sum(len(batch) for batch in images)})


def deep_pruning(settings: DeepPruningSettings, subject: Subject) -> Recorded:
    """Test accuracy in percent when the deep layers or the tail alone are pruned, one row a part, scope and rate.

    `layers` counts the convolutions of a part, `weight_share` and `dead_share` are in percent: its part of all prunable
    weights, and those of it that never receive gradient. With calibration images, `calibrated_accuracy` is that with
    batch-norm statistics re-estimated on them. Without a border layer there is no tail, and no row of it.
    """
    model, split = subject.network(settings.checkpoint), subject.test_split.spread(settings.test_images)
    scoring, live = Scoring(subject, split, settings.calibration_images), live_weights(subject, model)
    dense = scoring(model, "dense_accuracy", "dense_calibrated_accuracy")
    rows = []
    for part, layers in _parts(subject, model).items():
        described = {"part": part, "layers": len(layers), **_shares(model, layers, live)}
        for scope in settings.scopes:
            for rate in settings.rates:
                with pruned(model, magnitude_mask(model, rate, scope=scope, live=live, layers=layers)):
                    accuracies = scoring(model, "accuracy", "calibrated_accuracy")
                rows.append({**described, "scope": scope, "rate": rate, **accuracies})
    return Recorded({"rows": rows, **dense, "images": len(split)})


def deep_layers(fields: Fields) -> list[str]:
    """Return the last third of the convolutions, at least one, in order of execution."""
    names = [layer.name for layer in fields.convolutions]
    return names[-max(1, len(names) // _DEEP_SHARE) :]


def _parts(subject: Subject, model: nn.Module) -> dict[str, list[str]]:
    """Return the deep layers and, if there is a border, the tail: those of their convolutions that may be pruned."""
    fields = _fields(subject, model)
    prunable = {name.removesuffix(".weight") for name in prunable_weights(model)}
    parts = {"deep": deep_layers(fields), "tail": fields.tail(subject.image_size())}
    kept = {part: [name for name in names if name in prunable] for part, names in parts.items()}
    return {part: names for part, names in kept.items() if names}


def _fields(subject: Subject, model: nn.Module) -> Fields:
    side = subject.image_size()
    return receptive_field.analyse(model, (3, side, side))


def _shares(model: nn.Module, layers: list[str], live: dict[str, Tensor]) -> Values:
    masks = [live[f"{name}.weight"] for name in layers]
    weights = sum(mask.numel() for mask in masks)
    total = sum(weight.numel() for weight in prunable_weights(model).values())
    dead = weights - sum(int(mask.sum()) for mask in masks)
    return {"weight_share": 100 * weights / total, "dead_share": 100 * dead / weights}


def _finite(value: float) -> float | None:
    """Return a number, or None for what is not defined: the cosines of fewer than two filters."""
    return value if np.isfinite(value) else None
