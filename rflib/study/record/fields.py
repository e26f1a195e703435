"""What is recorded of the pixels that a network uses: effective fields along the depth, and sensitivity by pixel."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rflib import activations, effective_field, receptive_field
from rflib import pixel_sensitivity as sensitivity
from rflib.config import EffectiveFieldSettings, PixelSensitivitySettings
from rflib.data.shifts import displaced
from rflib.receptive_field import Fields
from rflib.study.subject import Recorded, Subject
from rflib.training.evaluation import EVALUATION_BATCH_SIZE

Values = dict[str, Any]
# Large inputs in small batches: the gradient keeps every map of the network.
_FIELD_BATCH_SIZE = 8
_STATISTICS_IMAGES = 256
# Each way to move an image by one pixel.
_SHIFTS = ((0, 1), (1, 0), (1, 1))


def effective_fields(settings: EffectiveFieldSettings, subject: Subject) -> Recorded:
    """Effective field in pixels of the centre unit of convolutions along the depth, beside the theoretical one.

    `area_side` is the side of a square of as many pixels as hold the share of the gradient, `gaussian_width` the
    geometric mean of both axes' standard deviations. `depth` counts from 1 the convolutions whose field exceeds that of
    all before; of these the layers are chosen at equal steps, the last one included.
    """
    split, side = subject.test_split.spread(settings.images), subject.image_size()
    images, model = split.normalise(_mirrored(split.images, settings.mirrored)), subject.network(settings.checkpoint)
    chosen = _along_the_depth(receptive_field.analyse(model, (3, side, side)), settings.layers)
    measure = partial(effective_field.measure, model, images, batch_size=_FIELD_BATCH_SIZE)
    with _statistics(subject, model, settings):
        found = {name: measure(layer=name) for name, _, _ in chosen}
    rows = [
        {
            "name": name,
            "depth": depth,
            "theoretical_field": field,
            "area_side": float(np.sqrt(found[name].area(settings.share))),
            "square_side": found[name].side(settings.share),
            "gaussian_width": float(np.sqrt(np.prod(found[name].width()))),
        }
        for name, depth, field in chosen
    ]
    return Recorded({"rows": rows, "image_size": side, "input_size": images.shape[-1], "images": len(split)})


def _mirrored(images: Tensor, times: int) -> Tensor:
    """Return images (n, c, s, s) in the middle of (n, c, times s, times s), continued by mirror images."""
    side = images.shape[-1]
    before = (times - 1) * side // 2
    place = torch.arange(-before, times * side - before, device=images.device).remainder(2 * side)
    place = torch.minimum(place, 2 * side - 1 - place)
    return images.index_select(2, place).index_select(3, place)


def _along_the_depth(fields: Fields, count: int) -> list[tuple[str, int, float]]:
    """Return name, depth and field of up to `count` convolutions whose field exceeds that of all before."""
    growing: list[tuple[str, int, float]] = []
    for layer in fields.convolutions:
        if not growing or layer.r_max[0] > growing[-1][2]:
            growing.append((layer.name, len(growing) + 1, float(layer.r_max[0])))
    places = np.linspace(0, len(growing) - 1, min(count, len(growing))).round().astype(int)
    return [growing[place] for place in places]


def _statistics(subject: Subject, model: nn.Module, settings: EffectiveFieldSettings) -> AbstractContextManager[None]:
    """Give an untrained network, whose running statistics mean nothing, those of training images."""
    if settings.checkpoint != "initial":
        return nullcontext()
    split = subject.train_split.spread(_STATISTICS_IMAGES)
    return activations.frozen_statistics(model, [split.normalise(split.images)])


def pixel_sensitivity(settings: PixelSensitivitySettings, subject: Subject) -> Recorded:
    """How unequal pixels are, one row a period; and the maps, of the network and of its architecture alone.

    `imbalance`, `ratio` and `partially_dead` (in percent) as `Sensitivity` defines them, `uniform_imbalance` where all
    weights are equal. `uneven_layers` counts the strided layers whose kernel is no multiple of the stride, of
    `strided_layers`. `prediction_change` is the share in percent of predictions that a shift of the image by one pixel
    changes, `output_change` the root mean square of the change of the outputs over that of their spread over images.
    """
    split = subject.test_split.spread(settings.images)
    images, model = split.normalise(split.images), subject.network(settings.checkpoint)
    trained = sensitivity.measure(model, images, seed=subject.run.seed)
    side = subject.image_size()
    uniform = sensitivity.uniform(subject.network("initial").cpu(), (3, side, side))
    rows = [
        {
            "period": period,
            "imbalance": trained.imbalance(period),
            "ratio": _finite(trained.ratio(period)),
            "partially_dead": 100 * trained.partially_dead(period, settings.dead_below),
            "uniform_imbalance": uniform.imbalance(period),
        }
        for period in settings.periods
    ]
    values = {"rows": rows, "images": len(split), **_strided(model), **_shift_response(model, images)}
    return Recorded(values, {"map": trained.values, "uniform": uniform.values})


def _strided(model: nn.Module) -> Values:
    """Count the layers with a stride, and those of them that read some pixels more often than others."""
    windows = [
        (_first(module.kernel_size), _first(module.stride))
        for module in model.modules()
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d))
    ]
    strided = [(kernel, stride) for kernel, stride in windows if stride > 1]
    return {
        "strided_layers": len(strided),
        "uneven_layers": sum(kernel % stride > 0 for kernel, stride in strided),
    }


def _first(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]


def _shift_response(model: nn.Module, images: Tensor) -> Values:
    """Compare the outputs for images moved by one pixel, each way, with those for the images as they are."""
    with activations.evaluation_mode(model), torch.no_grad():
        plain = _outputs(model, images)
        moved = [_outputs(model, displaced(images, down, right)) for down, right in _SHIFTS]
    spread = (plain - plain.mean(dim=0)).square().mean().sqrt()
    change = torch.stack([(each - plain).square().mean() for each in moved]).mean().sqrt()
    flipped = torch.stack([(each.argmax(dim=1) != plain.argmax(dim=1)).double().mean() for each in moved])
    return {"prediction_change": 100 * float(flipped.mean()), "output_change": _finite(float(change / spread))}


def _outputs(model: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([model(batch) for batch in images.split(EVALUATION_BATCH_SIZE)]).double()


def _finite(value: float) -> float | None:
    """Return a number, or None for what is not defined: the ratio to a pixel that is dead."""
    return value if np.isfinite(value) else None
