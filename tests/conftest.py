"""What several folders of tests share. Nothing here imports torch before a test asks for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from torch import nn

    from rflib.data.splits import Split
    from rflib.study.study import Study

# One thread, here and in every process that a test starts: results repeat, and cores are shared with others.
os.environ["OMP_NUM_THREADS"] = "1"

TINY_PROFILE = """\
description: seconds
width: 0.03
rates: [0.5, 0.9]
_training: &training {epochs: 2, batch_size: 16, learning_rate: 0.05, horizontal_flip: false, crop_padding: 1}
small_images:
  title: shapes
  data: {name: "folder:shapes"}
  classes: 2
  seeds: [0, 1]
  pool_kernels: {rf_vgg19: [2]}
  training: *training
  fine_tuning: *training
  long_fine_tuning_epochs: 3
  protocol: {pool_kernels: [2], epochs: 1}
  spectrum: {eigenvalues: 2, images: 16, batch_size: 16, tolerance: 0.1}
  similarity: {images: 16}
"""


@pytest.fixture
def tiny_model() -> Callable[..., nn.Module]:
    """Build a seeded network of a few thousand weights: `tiny_model("rf_vgg19", pool_kernel=2)`."""
    from rflib.config import ModelConfig
    from rflib.models import build

    def make(architecture: str = "rf_vgg19", *, seed: int = 0, **settings: Any) -> nn.Module:
        values = {"architecture": architecture, "width": 0.03, "pool_kernel": 2, "classes": 4, **settings}
        return build(ModelConfig.checked(values), seed=seed)

    return make


@pytest.fixture
def tiny_split() -> Callable[..., Split]:
    """Make a split of random 16-pixel images in four classes."""
    import torch

    from rflib.data.splits import Split

    def make(count: int = 32, *, side: int = 16, seed: int = 0) -> Split:
        generator = torch.Generator().manual_seed(seed)
        images = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)
        labels = torch.randint(0, 4, (count,), generator=generator)
        return Split(images, labels, torch.full((3,), 0.5), torch.full((3,), 0.29))

    return make


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> Iterator[None]:
    """Let the processes that tests start be interrupted, also where the suite runs behind a shell that ignores it."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def write_shapes(folder: Path, *, seed: int = 0) -> None:
    """Write a data set of 16-pixel images, one folder per class: bright left halves and bright right halves."""
    random = np.random.default_rng(seed)
    for part, count in (("train", 24), ("test", 8)):
        for label, name in enumerate(("left", "right")):
            (folder / part / name).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                pixels = random.integers(0, 128, (16, 16, 3), dtype=np.uint8)
                pixels[:, 8 * label : 8 * label + 8] += 100
                Image.fromarray(pixels).save(folder / part / name / f"{index:02}.png")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, made the working folder: the profile `tiny`, the data set `folder:shapes`, no runs."""
    folder = tmp_path / "project"
    (folder / "notebooks" / "profiles").mkdir(parents=True)
    (folder / "_toc.yml").write_text("root: book/index\n")
    (folder / "notebooks" / "profiles" / "tiny.yml").write_text(TINY_PROFILE)
    write_shapes(folder / "data" / "shapes")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RFLIB_RUNS", str(folder / "runs"))
    monkeypatch.setenv("RFLIB_DATA", str(folder / "data"))
    return folder


@pytest.fixture
def open_tiny(project: Path) -> Callable[..., Study]:
    """Open a study of one small network, one seed and one epoch, unless told otherwise."""
    from rflib.study.study import open_study

    def make(chapter: str = "accuracy-and-pruning", **overrides: Any) -> Study:
        return open_study(chapter, **{"profile": "tiny", "seeds": [0], "epochs": 1, **overrides})

    return make


@pytest.fixture
def rewrite_images(project: Path) -> Callable[[], None]:
    """Replace the images of `folder:shapes` by others of the same names."""
    return lambda: write_shapes(project / "data" / "shapes", seed=1)
