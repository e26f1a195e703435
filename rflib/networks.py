"""From settings to a network, what analyses change in it included, and what an image costs it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from rflib import models, networks
from rflib.config import ModelConfig
from rflib.errors import UsageError
from rflib.pixel_sensitivity import pad_kernels
from rflib.receptive_field import Change, analyse, refine, truncate

# A network for 224 pixels lowers the resolution five times, and without four of these 32 pixels end in maps of 16.
MOST_CHANGES = 4


def build(config: ModelConfig, *, seed: int = 0) -> nn.Module:
    """Return the network that `config` describes, its weights drawn from `seed`; torch's own state is untouched.

    A refined network has the cheapest changes that `receptive_field.refine` finds, up to `MOST_CHANGES` of them; a
    `UsageError` says where none are needed or none suffice. Errors as `receptive_field.truncate`, where there is no
    tail to cut.
    """
    model = models.build(config, seed=seed)
    if config.refined_for is not None:
        for change in _changes(config.replace(refined_for=None, kernel_padding=False), config.refined_for):
            change.apply(model)
    if config.truncated_for is not None:
        with models.seeded(seed):
            model = truncate(model, config.truncated_for)
    return pad_kernels(model, taps="random", seed=seed) if config.kernel_padding else model


@functools.cache
def _changes(config: ModelConfig, resolution: int) -> tuple[Change, ...]:
    """Return the cheapest changes that refine a network; found on shapes alone, once a process."""
    with torch.device("meta"):
        model = models.build(config)
    found = refine(model, resolution, changes=MOST_CHANGES, only_cheapest=True)
    if found:
        return found[0].changes
    smallest = max(analyse(model, (3, resolution, resolution)).resolution_range()[0])
    if smallest < resolution:
        raise UsageError(
            f"refined_for {resolution}: '{config.architecture}' needs no refinement, its smallest feasible resolution "
            f"is {smallest:.0f} pixels already; leave refined_for out, or give a smaller image"
        )
    raise UsageError(
        f"refined_for {resolution}: expected up to {MOST_CHANGES} changes that bring the smallest feasible resolution "
        f"of '{config.architecture}', {smallest:.0f} pixels, below the image's, found none; refine it for larger images"
    )


@dataclass(frozen=True)
class ImageCost:
    """Floating-point operations of one image on its way forward, and on its way back; a product and a sum are two."""

    forward: int
    backward: int


@functools.cache
def image_cost(model: ModelConfig, side_pixels: int) -> ImageCost:
    """Return what one image costs, counted by torch on the network as built, at the images' side.

    Counts convolutions and matrix products, and no element-wise work. Nothing is computed: the tensors have shapes
    and no values.
    """
    with torch.device("meta"):
        network = networks.build(model)
        images, labels = torch.empty(2, 3, side_pixels, side_pixels), torch.zeros(2, dtype=torch.long)
    with FlopCounterMode(display=False) as forward:
        loss = F.cross_entropy(network(images), labels)
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    return ImageCost(forward.get_total_flops() // len(labels), backward.get_total_flops() // len(labels))
