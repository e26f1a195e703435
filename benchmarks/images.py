"""Real images that need no download: the handwritten digits of scikit-learn, 32 pixels wide."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor

from rflib.config import DataConfig
from rflib.data.sources import open_data_set
from rflib.data.splits import Split, split_of


def digits(count: int) -> tuple[Tensor, Tensor]:
    """Return normalised images (count, 3, 32, 32) and labels (count,); count is at most 1437."""
    with tempfile.TemporaryDirectory() as cache:
        split = split_of(open_data_set(DataConfig(name="digits"), cache_root=Path(cache)), "train").first(count)
        return split.normalise(split.images), split.labels.clone()


def random_split(count: int) -> Split:
    """Return `count` images of 32 pixels in ten classes without any content: a step costs what it costs on others."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    half = torch.full((3,), 0.5)
    return Split(pixels, torch.randint(0, 10, (count,), generator=generator), half, half / 2)
