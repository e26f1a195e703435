"""What is recorded layer by layer: saturation beside delve, its memory, and what a probe costs.

Both tools take a covariance in float64 while the same network runs on the same batches. delve 0.1.50 means to sum it
over them but starts anew with each, so it is asked for its values in one batch of all images; its time is that of the
small batches, where it works as much as a sum would.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor, nn

from benchmarks import memory, peers
from benchmarks.images import digits
from benchmarks.row import Row
from benchmarks.silence import no_logs
from benchmarks.timing import medians, timed
from rflib import models, probes, saturation
from rflib.config import ModelConfig

ROOT = Path(__file__).resolve().parents[1]
# Of the memory of the whole process, which garbage moves by some percent: a second covariance would double it.
CONSTANT = 1.05
DELVE_RULE: saturation.Rule = "delve-0.1.50"


@dataclass(frozen=True)
class Size:
    """Width of the network, images, images in a batch, rounds of timing; images that probes train and score on."""

    width: float
    images: int
    batch_size: int
    rounds: int
    probed: tuple[int, int]


FULL, REHEARSAL = Size(0.5, 500, 100, 2, (500, 200)), Size(0.125, 24, 8, 1, (40, 20))


class Problem:
    """An untrained VGG16 and the images it runs on."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.images, self.labels = digits(max(size.images, sum(size.probed)))
        self.model = models.build(ModelConfig(architecture="vgg16", width=size.width), seed=0).eval()
        kinds = (nn.Conv2d, nn.Linear)
        self.layers = [name for name, module in self.model.named_modules() if isinstance(module, kinds)]

    def ours(self) -> dict[str, float]:
        """Return the saturation of every layer by the rule that delve's release has."""
        found = saturation.measure(self.model, self._images(), batch_size=self.size.batch_size)
        return {name: layer.saturation(DELVE_RULE) for name, layer in found.items()}

    def delve(self, batch_size: int) -> dict[str, float]:
        """Return what delve gives, which is the saturation on the last batch."""
        package = peers.find("delve")
        assert package is not None
        with tempfile.TemporaryDirectory() as folder, without_traces(self.model), torch.no_grad():
            tracker = package.SaturationTracker(folder, "csv", self.model, stats=["lsat"], device="cpu")
            for batch in self._images().split(batch_size):
                self.model(batch)
            tracker.add_saturations()
            values = {key.rpartition("_")[2]: found[-1] for key, found in tracker.writer.value_dict.items()}
        return {name: values[name.replace(".", "-")] for name in self.layers}

    def probes(self) -> dict[str, probes.Probe]:
        """Return a probe of every layer."""
        train, _ = self.size.probed
        parts = [(self.images[part], self.labels[part]) for part in (slice(train), slice(train, sum(self.size.probed)))]
        return probes.measure(self.model, parts[0], parts[1], batch_size=self.size.batch_size)

    def _images(self) -> Tensor:
        return self.images[: self.size.images]


def measure(rehearsal: bool = False) -> list[Row]:
    """Return the rows: time beside delve, memory at four times the images, seconds of a probe."""
    problem = Problem(REHEARSAL if rehearsal else FULL)
    return [saturation_row(problem), _memory(problem.size), _probes(problem)]


def saturation_row(problem: Problem) -> Row:
    """Return the row beside delve, which says so where delve is not installed."""
    size = problem.size
    what, against = f"saturation, {len(problem.layers)} layers of VGG16, {size.images} images", "delve"
    if peers.find(against) is None:
        return Row(what, against, None, must=1, note=f"{against} {peers.MISSING}")
    with no_logs():
        ours, theirs = problem.ours(), problem.delve(size.images)
        same = sum(abs(ours[name] - theirs[name]) < 1e-6 for name in problem.layers)
        times = medians({"ours": problem.ours, "delve": lambda: problem.delve(size.batch_size)}, size.rounds)
    note = f"{same} of {len(ours)} values are the same, by the rule of its release and in one batch"
    return Row(what, against, times["ours"], times["delve"], must=1, note=note)


def _memory(size: Size) -> Row:
    """Compare the peaks of two processes, one of which sees four times as many images as the other."""
    few, many = (_peak_gib(size.width, batches, size.batch_size) for batches in (4, 16))
    note = f"{few:.2f} GiB at {4 * size.batch_size} images, {many:.2f} GiB at {16 * size.batch_size}"
    return Row(
        "saturation, peak memory at four times the images", "", many / few, unit="times", must=CONSTANT, note=note
    )


def _peak_gib(width: float, batches: int, batch_size: int) -> float:
    code = f"from benchmarks import layers; print(layers.peak_gib({width}, {batches}, {batch_size}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return float(run.stdout)


def peak_gib(width: float, batches: int, batch_size: int) -> float:
    """Return the most memory of this process in GiB after saturation over a stream of random images."""
    model = models.build(ModelConfig(architecture="vgg16", width=width), seed=0)
    generator = torch.Generator().manual_seed(0)
    stream = (torch.randn(batch_size, 3, 32, 32, generator=generator) for _ in range(batches))
    saturation.measure(model, stream)
    return memory.peak_gib()


def _probes(problem: Problem) -> Row:
    taken_s, found = timed(problem.probes)
    train, test = problem.size.probed
    dearest = max(found, key=lambda name: found[name].seconds)
    note = (
        f"mean of {len(found)} layers, {train} images to train and {test} to score; dearest {dearest}, "
        f"{found[dearest].seconds:.2f} s; {taken_s:.1f} s in all with the network"
    )
    return Row("probe of a layer", "", mean(probe.seconds for probe in found.values()), note=note)


@contextmanager
def without_traces(model: nn.Module) -> Iterator[None]:
    """Take away the hooks and attributes that delve leaves on a network."""
    before = {module: set(module.__dict__) for module in model.modules()}
    try:
        yield
    finally:
        for module, names in before.items():
            module._forward_hooks.clear()
            for name in set(module.__dict__) - names:
                delattr(module, name)
