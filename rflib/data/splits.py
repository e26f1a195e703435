"""A whole data set as one uint8 tensor on a device, and the batches drawn from it.

Random order, crop and flip are pure functions of seed and epoch, whole batches at a time, on any device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from rflib.config.runs import Task
from rflib.data.data_set import DataSet
from rflib.data.shifts import shift_task
from rflib.seeding import stream_seed

Batch = tuple[Tensor, Tensor]
# A channel that is constant over the training images is left at that spread: one level of 255.
_SMALLEST_STD = 1 / 255


@dataclass(frozen=True, eq=False)
class Split:
    """Images (n, 3, s, s) uint8, labels (n,) int64, and `mean` and `std` (3,) of the training images.

    Example:
        >>> from rflib.data.splits import Split
        >>> images, labels = torch.full((4, 3, 8, 8), 255, dtype=torch.uint8), torch.arange(4)
        >>> split = Split(images, labels, mean=torch.full((3,), 0.5), std=torch.full((3,), 0.25))
        >>> len(split.first(2).images), split.normalise(images).unique().tolist()
        (2, [2.0])
    """

    images: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def to(self, device: torch.device | str) -> Split:
        """Return the split on another device; on its own device nothing is copied."""
        return Split(*(tensor.to(device) for tensor in (self.images, self.labels, self.mean, self.std)))

    def first(self, count: int) -> Split:
        """Return the first `count` images, as a view."""
        return Split(self.images[:count], self.labels[:count], self.mean, self.std)

    def spread(self, count: int) -> Split:
        """Return up to `count` images at equal distances, in a mixed order that is always the same.

        Many data sets hold one class after the other: so all classes are there, and in every batch.
        """
        kept = min(count, len(self))
        order = torch.randperm(kept, generator=torch.Generator().manual_seed(stream_seed(0, "spread")))
        chosen = (order * len(self) // max(1, kept)).to(self.labels.device)
        return Split(self.images[chosen], self.labels[chosen], self.mean, self.std)

    def normalise(self, images: Tensor) -> Tensor:
        """Return uint8 images (b, 3, s, s) as float32 with the training images' mean 0 and deviation 1."""
        scale = 1 / (255 * self.std.clamp(min=_SMALLEST_STD)).view(3, 1, 1)
        shift = -255 * self.mean.view(3, 1, 1) * scale
        return images.float().mul_(scale).add_(shift)


def split_of(data_set: DataSet, part: Literal["train", "validation", "test"], *, task: Task = "classes") -> Split:
    """Return one part of a data set as a split in main memory; a memory-mapped part is not copied.

    The task "shifts" displaces the images' planes, the same way every time, and labels them with their shift.
    """
    images, labels = (torch.from_numpy(getattr(data_set, f"{part}_{name}")) for name in ("images", "labels"))
    if task == "shifts":
        images, labels = shift_task(images, seed=0, part=part)
    return Split(images, labels, torch.tensor(data_set.mean), torch.tensor(data_set.std))


def batch_slices(n: int, batch_size: int, *, drop_last: bool = False) -> list[slice]:
    """Return where each batch of an epoch over n images begins and ends; its length is the number of steps.

    A last batch of a single image joins the one before it, since batch norm cannot train on one; other short
    last batches stand, unless `drop_last`.
    """
    stops = list(range(batch_size, n + 1, batch_size))
    if not drop_last and n % batch_size == 1 and stops:
        stops[-1] = n
    elif not drop_last and n % batch_size:
        stops.append(n)
    return [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]


def batches(
    split: Split,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    crop_padding: int,
    horizontal_flip: bool,
    drop_last: bool = False,
) -> Iterator[Batch]:
    """Yield augmented, normalised images (b, 3, s, s) with labels (b,): a function of seed and epoch.

    Crops are padded with black, before normalising, as in torchvision's usual transform. `batch_slices` says
    how the last batch is treated.
    """
    n, device = len(split), split.images.device
    indices = order(n, seed=seed, epoch=epoch).to(device)
    drawn = draw_augmentation(n, seed=seed, epoch=epoch, crop_padding=crop_padding, horizontal_flip=horizontal_flip)
    drawn = drawn.to(device)
    for part in batch_slices(n, batch_size, drop_last=drop_last):
        images = split.images.index_select(0, indices[part])
        augmented = crop_and_flip(images, drawn[:, part], crop_padding=crop_padding)
        yield split.normalise(augmented), split.labels[indices[part]]


def evaluation_batches(split: Split, batch_size: int) -> Iterator[Batch]:
    """Yield the normalised images (b, 3, s, s) with labels (b,), in order and unchanged."""
    for part in batch_slices(len(split), batch_size):
        yield split.normalise(split.images[part]), split.labels[part]


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
