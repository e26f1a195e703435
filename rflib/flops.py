"""What a network costs: floating-point operations of one image, counted by torch."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from rflib import networks
from rflib.config import ModelConfig


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
