"""A hundred noisy, pruned copies of a network, beside a hundred evaluations one after another.

Both make the same copies and score them on the same images. The separate way puts each copy into the network and calls
`rflib.training.evaluate`. Ours is measured one copy at a time, its default on a CPU, and with many copies as one
network. The convolutions of many copies cost as much as those of one after another, and only calls are saved, so that
on a CPU neither way is bound to be faster; the rows say what holds on the machine at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from benchmarks.images import random_split
from benchmarks.row import Row
from benchmarks.timing import medians
from rflib import models
from rflib.activations import frozen_statistics
from rflib.config import ModelConfig
from rflib.noise_pruning import Recipe, accuracies, pruned_copy
from rflib.pruning import replaced
from rflib.training import evaluate

# Network, side of the images, and how many of them 20 copies take at once: their maps should stay in cache.
CASES = (("rf_resnet26", 32, 5), ("rf_vgg16", 32, 5), ("rf_resnet26", 8, 80))
AT_ONCE = 20


@dataclass(frozen=True)
class Size:
    """Width of the networks, copies, images to score on, rounds of timing."""

    width: float
    copies: int
    images: int
    rounds: int


FULL, REHEARSAL = Size(0.125, 100, 100, 1), Size(0.03125, 4, 12, 1)


class Problem:
    """A network with the statistics of the images, its noisy, pruned copies, and the images."""

    def __init__(self, architecture: str, side: int, size: Size) -> None:
        split = random_split(size.images)
        self.split = replace(split, images=split.images[:, :, :side, :side].contiguous())
        self.model = models.build(ModelConfig(architecture=architecture, width=size.width), seed=0).eval()
        recipe = Recipe("additive", 0.5, 0.9)
        self.weights = [pruned_copy(self.model, recipe, draw)[0] for draw in range(size.copies)]

    def ours(self, copies_at_once: int, batch_size: int) -> list[float]:
        """Return the accuracies of all copies."""
        return accuracies(self.model, self.weights, self.split, copies_at_once=copies_at_once, batch_size=batch_size)

    def separately(self) -> list[float]:
        """Return them from one evaluation after another."""
        found = []
        for weights in self.weights:
            with replaced(self.model, weights):
                found.append(evaluate(self.model, self.split).accuracy)
        return found


def measure(rehearsal: bool = False) -> list[Row]:
    """Return the rows: times beside separate evaluations and the largest difference of an accuracy, by network."""
    size = REHEARSAL if rehearsal else FULL
    return [row for case in CASES for row in _rows(*case, size)]


def _rows(architecture: str, side: int, batch_size: int, size: Size) -> list[Row]:
    problem = Problem(architecture, side, size)
    what = (
        f"{size.copies} noisy copies of {architecture} at width {size.width:g}, {size.images} images of {side} pixels"
    )
    calls = {1: partial(problem.ours, 1, 100), AT_ONCE: partial(problem.ours, AT_ONCE, batch_size)}
    with frozen_statistics(problem.model, [problem.split.normalise(problem.split.images)]):
        expected = problem.separately()
        pairs = [pair for call in calls.values() for pair in zip(call(), expected, strict=True)]
        times = medians({"separately": problem.separately} | {str(n): call for n, call in calls.items()}, size.rounds)
    against = "separate evaluations"
    rows = [Row(f"{what}, {count} at once", against, times[str(count)], times["separately"]) for count in calls]
    worst = max(abs(found - each) for found, each in pairs)
    # Rounding may turn an image whose two best classes are all but equal.
    return [*rows, Row(f"{what}: difference", against, worst, unit="points", must=100 / size.images)]
