"""Training on the CPU: this library against a plain float32 loop with a DataLoader, on one network and its images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.images import random_split
from benchmarks.row import Row
from benchmarks.timing import medians
from rflib import models
from rflib.config import ModelConfig, PrecisionConfig, TrainingConfig
from rflib.data.splits import Split, batches
from rflib.training import train
from rflib.training.evaluation import layout

# What the profiles of a CPU and of a graphics card ask for.
PRECISION = PrecisionConfig(autocast="bfloat16", channels_last=True)


@dataclass(frozen=True)
class Size:
    """The network, its batches in an epoch, and rounds of timing."""

    model: ModelConfig
    batch_size: int
    batches: int
    rounds: int

    @property
    def images(self) -> int:
        """Images in an epoch."""
        return self.batch_size * self.batches

    @property
    def config(self) -> TrainingConfig:
        """One epoch of the printed protocol."""
        return TrainingConfig(epochs=1, batch_size=self.batch_size)

    @property
    def what(self) -> str:
        """What is trained, in words."""
        return f"training rf_resnet50, k = {self.model.pool_kernel}, width {self.model.width:g}, {self.images} images"


FULL = Size(ModelConfig(architecture="rf_resnet50", pool_kernel=2), 128, 4, 3)
REHEARSAL = Size(ModelConfig(architecture="rf_resnet50", pool_kernel=2, width=0.0625), 8, 2, 1)


class PlainImages(Dataset[tuple[Tensor, int]]):
    """Images as Pillow objects behind torchvision's usual training transform."""

    def __init__(self, split: Split) -> None:
        self.images = [transforms.functional.to_pil_image(image) for image in split.images]
        self.labels = split.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(split.mean.tolist(), split.std.tolist()),
            ]
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one transformed image and its label."""
        return self.transform(self.images[index]), self.labels[index]


def our_epoch(size: Size, split: Split) -> Callable[[], object]:
    """Return one epoch of this library, on the device of `split`; it evaluates two images besides."""
    model = models.build(size.model).to(split.images.device)
    return lambda: train(model, split, test_split=split.first(2), config=size.config, precision=PRECISION)


def plain_epoch(size: Size, split: Split, device: torch.device, *, workers: int = 0) -> Callable[[], object]:
    """Return one epoch of the plain loop on `device`: float32, the same optimiser and clipping."""
    model = models.build(size.model).to(device)
    loader = DataLoader(
        PlainImages(split),
        batch_size=size.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-5)

    def epoch() -> None:
        model.train()
        loss = torch.zeros(())
        for images, labels in loader:
            optimiser.zero_grad()
            outputs = model(images.to(device, non_blocking=True))
            loss = F.cross_entropy(outputs, labels.to(device, non_blocking=True))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimiser.step()
        loss.item()  # waits for a device that is still at work

    return epoch


def our_input(size: Size, split: Split) -> Callable[[], object]:
    """Return the input of one epoch alone: order, crops, flips, normalised batches in the layout of the network."""
    config = size.config

    def inputs() -> None:
        drawn = batches(
            split,
            batch_size=config.batch_size,
            seed=0,
            epoch=0,
            crop_padding=config.crop_padding,
            horizontal_flip=config.horizontal_flip,
        )
        for images, _ in drawn:
            layout(images, PRECISION)

    return inputs


def measure(rehearsal: bool = False) -> list[Row]:
    """Return the speed of an epoch beside the plain loop's, and the share of its time that the input takes."""
    size = REHEARSAL if rehearsal else FULL
    split = random_split(size.images)
    calls = {"ours": our_epoch(size, split), "plain": plain_epoch(size, split, torch.device("cpu"))}
    times = medians({**calls, "input": our_input(size, split)}, size.rounds)
    return [
        Row(
            size.what,
            "plain float32 loop, DataLoader, torchvision transforms",
            times["ours"],
            times["plain"],
            must=2,
            note=images_per_second(size, times["ours"], times["plain"]),
        ),
        Row(
            "its input pipeline",
            "a whole step",
            100 * times["input"] / times["ours"],
            unit="% of a step",
            must=5,
            note=f"{1000 * times['input'] / size.batches:.2f} ms of {1000 * times['ours'] / size.batches:.0f} ms",
        ),
    ]


def images_per_second(size: Size, ours_s: float, plain_s: float) -> str:
    """Return both speeds in words."""
    return f"{size.images / ours_s:.0f} against {size.images / plain_s:.0f} images/s; bfloat16, channels last"
