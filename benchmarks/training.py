"""Training images per second: this library against a plain float32 loop with a DataLoader, on one network."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from rflib import models
from rflib.config import ModelConfig, PrecisionConfig, TrainingConfig
from rflib.data.splits import Split
from rflib.training import train

BATCH_SIZE, BATCHES, ROUNDS = 128, 4, 3
CONFIG = ModelConfig(architecture="rf_resnet50", pool_kernel=2)


class PlainImages(Dataset[tuple[Tensor, int]]):
    """Images as Pillow objects behind torchvision's usual training transform."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.images = [Image.fromarray(image) for image in pixels]
        self.labels = labels
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
            ]
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one transformed image and its label."""
        return self.transform(self.images[index]), int(self.labels[index])


def measure() -> list[dict[str, object]]:
    """Return one row: images per second of both, the median of interleaved rounds, and their ratio."""
    generator = np.random.default_rng(0)
    count = BATCH_SIZE * BATCHES
    pixels = generator.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    labels = generator.integers(0, 10, count)
    ours, plain = _ours(pixels, labels), _plain(pixels, labels)
    seconds = [(_seconds(ours), _seconds(plain)) for _ in range(ROUNDS + 1)][1:]  # the first round warms up
    ours_s, peer_s = (float(np.median(column)) for column in zip(*seconds, strict=True))
    return [
        {
            "what": f"training rf_resnet50, k = 2, width 1, {count} images, {torch.get_num_threads()} threads",
            "peer": "plain float32 loop, DataLoader, torchvision transforms",
            "ours_s": round(ours_s, 3),
            "peer_s": round(peer_s, 3),
            "ratio": round(peer_s / ours_s, 2),
            "note": f"{count / ours_s:.0f} against {count / peer_s:.0f} images/s; ours also evaluates two images",
        }
    ]


def _ours(pixels: np.ndarray, labels: np.ndarray) -> Callable[[], None]:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    half = torch.full((3,), 0.5)
    split = Split(images, torch.from_numpy(labels), half, half / 2)
    model = models.build(CONFIG)
    config = TrainingConfig(epochs=1, batch_size=BATCH_SIZE)
    precision = PrecisionConfig(autocast="bfloat16", channels_last=True)
    return lambda: _run(train(model, split, test_split=split.first(2), config=config, precision=precision))


def _run(_state: object) -> None:
    """Take a result that only its time is wanted of."""


def _plain(pixels: np.ndarray, labels: np.ndarray) -> Callable[[], None]:
    model = models.build(CONFIG)
    loader = DataLoader(PlainImages(pixels, labels), batch_size=BATCH_SIZE, shuffle=True)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-5)
    return lambda: _plain_epoch(model, loader, optimiser)


def _plain_epoch(model: nn.Module, loader: DataLoader[tuple[Tensor, int]], optimiser: torch.optim.Optimizer) -> None:
    model.train()
    for images, labels in loader:
        optimiser.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimiser.step()


def _seconds(function: Callable[[], None]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


if __name__ == "__main__":
    for row in measure():
        print(row)
