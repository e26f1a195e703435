"""Random order, crop and flip: pure functions of seed and epoch, whole batches at a time, on any device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rflib.seeding import stream_seed


def order(n: int, *, seed: int, epoch: int) -> Tensor:
    """Return the order (n,) in which an epoch visits n images, whatever was drawn before."""
    return torch.randperm(n, generator=_generator(seed, "order", epoch))


def draw_augmentation(n: int, *, seed: int, epoch: int, crop_padding: int, horizontal_flip: bool) -> Tensor:
    """Draw crops and flips (3, n) for the n images of an epoch, in the order of their visit.

    The rows are top and left of each crop in the padded image, uniform on 0 ... 2 `crop_padding`, and whether it is
    flipped, half of the time; drawn on the CPU, so the same for all devices.
    """
    generator = _generator(seed, "augmentation", epoch)
    corners = torch.randint(0, 2 * crop_padding + 1, (2, n), generator=generator)
    flip = torch.rand(n, generator=generator) < 0.5
    return torch.cat([corners, (flip & horizontal_flip)[None]])


def crop_and_flip(images: Tensor, drawn: Tensor, *, crop_padding: int) -> Tensor:
    """Return images (b, c, s, s) padded with zeros, cropped back to s and flipped as `drawn` (3, b) says.

    What torchvision's RandomCrop(s, padding) and RandomHorizontalFlip do with the same random numbers.
    """
    count, channels, side, _ = images.shape
    plain = F.pad(images, (crop_padding,) * 4)
    padded = torch.cat([plain, plain.flip(-1)])  # (2 b, c, w, w): every image, then every mirror image
    width = padded.shape[-1]
    top, left, flip = drawn
    left = left + flip * (2 * crop_padding - 2 * left)
    planes = (torch.arange(count, device=flip.device) + count * flip).view(-1, 1, 1) * channels
    planes = planes + torch.arange(channels, device=flip.device).view(-1, 1)
    rows = top.view(-1, 1, 1) + torch.arange(side, device=flip.device)
    starts = (planes * width + rows) * width + left.view(-1, 1, 1)  # (b, c, s), in the flat padded pixels
    # Every row of a crop is a run of s flat pixels: one gather of whole runs crops and mirrors the batch.
    runs = padded.flatten().unfold(0, side, 1)
    return runs.index_select(0, starts.flatten()).view(images.shape)


def _generator(seed: int, stream: str, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(stream_seed(seed, stream, epoch))
