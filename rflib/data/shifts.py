"""A task that depends on small shifts: by how many pixels are an image's colour planes displaced?"""

from __future__ import annotations

import torch
from torch import Tensor

from rflib.errors import UsageError
from rflib.seeding import stream_seed


def shift_task(images: Tensor, *, largest_shift: int = 1, seed: int, part: str) -> tuple[Tensor, Tensor]:
    """Return images (n, c, s, s) with displaced planes, and the displacement as labels (n,), int64.

    The first plane stays, all others move up by dy and left by dx pixels, each from 0 to `largest_shift`; the class is
    dy (largest_shift + 1) + dx, so there are `shift_classes(largest_shift)` of them, shared out as evenly as n allows
    in an order drawn from `seed` and `part` ("train", "test"). Pixels that move in at the bottom and the right repeat
    the border. The old labels play no part.

    "Dead Pixel Test Using Effective Receptive Field" compares plain classification with a task that captures small
    perturbations; what that task was, its abstract does not say. This one is our choice: the shift is relative, within
    the image, so nothing but an exact comparison of neighbouring pixels gives it away, neither the kind of object nor
    its place nor a border, and it survives random crops. A horizontal flip turns dx around: train without.

    Needs at least two planes, which may be equal; the mean and deviation of each change only at the border. Raises
    UsageError for other shapes or a shift that is not between 1 and s - 1.
    """
    if images.dim() != 4 or images.shape[1] < 2:
        raise UsageError(
            f"shift task: expected images (n, c, s, s) with at least 2 planes, found the shape {tuple(images.shape)}."
        )
    if not 1 <= largest_shift < min(images.shape[2:]):
        raise UsageError(
            f"shift task: expected a largest shift between 1 and {min(images.shape[2:]) - 1} pixels, found "
            f"{largest_shift}."
        )
    labels = _labels(len(images), shift_classes(largest_shift), seed, part).to(images.device)
    shifted = images.clone()
    for label in range(shift_classes(largest_shift)):
        chosen = (labels == label).nonzero().flatten()
        down, right = divmod(label, largest_shift + 1)
        shifted[chosen, 1:] = displaced(images[chosen, 1:], down, right)
    return shifted, labels


def shift_classes(largest_shift: int) -> int:
    """Return the number of classes, one for each pair (dy, dx)."""
    return (largest_shift + 1) ** 2


def displaced(images: Tensor, down: int, right: int) -> Tensor:
    """Return images (n, c, h, w) whose pixel (y, x) is that at (y + down, x + right), the border repeated."""
    height, width = images.shape[2:]
    rows = (torch.arange(height, device=images.device) + down).clamp(max=height - 1)
    columns = (torch.arange(width, device=images.device) + right).clamp(max=width - 1)
    return images.index_select(2, rows).index_select(3, columns)


def _labels(count: int, classes: int, seed: int, part: str) -> Tensor:
    """Return every class equally often, as far as possible, in random order."""
    generator = torch.Generator().manual_seed(stream_seed(seed, "shift task", part))
    return torch.randperm(count, generator=generator) % classes
