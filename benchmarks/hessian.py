"""Hessian products and the top of a spectrum, beside curvlinops with scipy's eigsh, and PyHessian.

One batch-norm CNN, one batch, one tolerance for all. Batch norm keeps no running statistics, so that every tool, also
one that evaluates, differentiates the same function. Values are judged by a float64 reference of their own: plain
double backward and ARPACK.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import curvlinops
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn

from benchmarks import peers
from benchmarks.row import Row
from benchmarks.timing import medians, timed
from rflib.hessian import HessianProduct, Spectrum, top_eigenvalues

LOSS = nn.CrossEntropyLoss()
TOLERANCE = 1e-3
REFERENCE_TOLERANCE = 1e-9

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """Channels of the network, side and number of the images, eigenvalues, rounds of timing."""

    channels: int
    pixels: int
    images: int
    k: int
    rounds: int


FULL, REHEARSAL = Size(16, 16, 128, 90, 7), Size(4, 8, 16, 6, 1)


class Problem:
    """A network some steps away from its initial weights, with its batch."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.model = network(size.channels)
        self.batch = images_with_classes(size.images, size.pixels)
        train(self.model, *self.batch)
        self.parameters = list(self.model.parameters())
        self.dimension = sum(parameter.numel() for parameter in self.parameters)

    def gradient(self) -> tuple[Tensor, ...]:
        """Return one plain gradient."""
        return torch.autograd.grad(LOSS(self.model(self.batch[0]), self.batch[1]), self.parameters)

    def curvlinops(self) -> curvlinops.HessianLinearOperator:
        """Return the Hessian as curvlinops has it."""
        return curvlinops.HessianLinearOperator(
            self.model, LOSS, self.parameters, [self.batch], check_deterministic=False
        )

    def ours(self) -> Spectrum:
        """Return what this library finds."""
        return top_eigenvalues(self.model, LOSS, [self.batch], self.size.k, tolerance=TOLERANCE)

    def eigsh(self) -> Values:
        """Return what curvlinops and scipy find."""
        start = np.random.default_rng(0).standard_normal(self.dimension)
        operator = self.curvlinops().to_scipy()
        return eigsh(operator, k=self.size.k, which="LA", tol=TOLERANCE, v0=start, return_eigenvectors=False)[::-1]

    def pyhessian(self) -> Values:
        """Return what PyHessian finds with its own limit of 100 iterations a value, largest first."""
        package = peers.find("pyhessian")
        assert package is not None
        torch.manual_seed(0)
        # It writes gradients into the parameters, so it has a network of its own.
        hessian = package.hessian(copy.deepcopy(self.model), LOSS, data=self.batch, cuda=False)
        return np.array(sorted(hessian.eigenvalues(top_n=self.size.k, tol=TOLERANCE)[0], reverse=True))

    def reference(self) -> Values:
        """Return the values to float64's precision, by nothing that this library computes."""
        model = copy.deepcopy(self.model).double()
        product = bare_product(model, (self.batch[0].double(), self.batch[1]))
        operator = LinearOperator(
            (self.dimension, self.dimension),
            matvec=lambda vector: product(torch.from_numpy(np.ravel(vector))).numpy(),
            dtype=np.float64,
        )
        start = np.random.default_rng(1).standard_normal(self.dimension)
        found = eigsh(operator, k=self.size.k, which="LA", tol=REFERENCE_TOLERANCE, v0=start, return_eigenvectors=False)
        return found[::-1]


def network(channels: int) -> nn.Sequential:
    """Return three convolutions with batch norm and pooling, and a linear layer; fixed initial weights."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inputs in (3, channels, channels):
        layers += [nn.Conv2d(inputs, channels, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(channels, track_running_stats=False), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def images_with_classes(count: int, pixels: int) -> tuple[Tensor, Tensor]:
    """Return noise around one random mean image a class, so that there is something to learn."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 10, (count,), generator=generator)
    means = torch.randn(10, 3, pixels, pixels, generator=generator)
    return torch.randn(count, 3, pixels, pixels, generator=generator) + means[labels], labels


def train(model: nn.Module, images: Tensor, labels: Tensor, steps: int = 10) -> None:
    """Take a few steps away from the initial weights."""
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        LOSS(model(images), labels).backward()
        optimiser.step()
    optimiser.zero_grad()


def bare_product(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Callable[[Tensor], Tensor]:
    """Return PyTorch's own double backward on a kept graph, as a map of flat vectors: the floor of a product."""
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(LOSS(model(batch[0]), batch[1]), parameters, create_graph=True)

    def product(vector: Tensor) -> Tensor:
        pieces = vector.split([parameter.numel() for parameter in parameters])
        directions = [piece.view_as(parameter) for piece, parameter in zip(pieces, parameters, strict=True)]
        parts = torch.autograd.grad(gradients, parameters, directions, retain_graph=True)
        return torch.cat([part.reshape(-1) for part in parts])

    return product


def measure(rehearsal: bool = False) -> list[Row]:
    """Return the rows of single products, then those of whole searches."""
    problem = Problem(REHEARSAL if rehearsal else FULL)
    times = product_times(problem)
    return [*_product_rows(times), *_search_rows(problem, times["bare"])]


def product_times(problem: Problem) -> dict[str, float]:
    """Return the seconds of one gradient and of one product by each way."""
    kept = HessianProduct(problem.model, LOSS, [problem.batch])
    fresh = HessianProduct(problem.model, LOSS, [problem.batch], graph_bytes=0)
    bare, peer = bare_product(problem.model, problem.batch), problem.curvlinops()
    vector = torch.ones(problem.dimension)
    return medians(
        {
            "gradient": problem.gradient,
            "bare": lambda: bare(vector),
            "kept": lambda: kept(vector),
            "fresh": lambda: fresh(vector),
            "curvlinops": lambda: peer @ vector,
        },
        problem.size.rounds,
    )


def _product_rows(times: dict[str, float]) -> list[Row]:
    return [
        Row("Hessian product, kept graph", "one gradient", times["kept"], times["gradient"]),
        Row("Hessian product, kept graph", "bare double backward", times["kept"], times["bare"]),
        Row("Hessian product, kept graph", "curvlinops", times["kept"], times["curvlinops"]),
        Row("Hessian product, fresh graph", "curvlinops", times["fresh"], times["curvlinops"], note="keeps no memory"),
    ]


def _search_rows(problem: Problem, bare_s: float) -> list[Row]:
    # Ours before, between and after theirs: a peer takes minutes, and the machine may change meanwhile.
    ours = [timed(problem.ours)]
    eigsh_s, eigsh_values = timed(problem.eigsh)
    ours.append(timed(problem.ours))
    pyhessian = timed(problem.pyhessian) if peers.find("pyhessian") else None
    ours.append(timed(problem.ours))
    ours_s, found = median(taken_s for taken_s, _ in ours), ours[-1][1]
    reference = problem.reference()
    what = f"top-{problem.size.k} eigenvalues, {problem.dimension} parameters, {problem.size.images} images"
    note = f"both at tolerance {TOLERANCE:g}; {found.products} products; {_deviation(eigsh_values, reference)}"
    return [
        Row(what, "curvlinops + scipy eigsh", ours_s, eigsh_s, must=4, aim=8, note=note),
        pyhessian_row(what, ours_s, pyhessian, reference),
        Row(
            "the same search",
            "products x bare double backward",
            ours_s / (found.products * bare_s),
            unit="times",
            must=1.2,
            note=f"{ours_s:.2f} s beside {found.products} x {bare_s:.4f} s",
        ),
        Row(
            "largest relative deviation of a value",
            "float64 reference",
            relative_deviation(found.values, reference),
            unit="",
            must=1e-3,
            note=f"double backward and ARPACK in float64 at {REFERENCE_TOLERANCE:g}",
        ),
    ]


def relative_deviation(values: Values, reference: Values) -> float:
    """Return by what share of itself a value is off at most, rank by rank."""
    return float(np.abs(values / reference - 1).max())


def pyhessian_row(what: str, ours_s: float, theirs: tuple[float, Values] | None, reference: Values) -> Row:
    if theirs is None:
        return Row(what, "PyHessian", None, must=10, aim=20, note=f"PyHessian {peers.MISSING}")
    note = f"at most 100 iterations a value, until it changes by {TOLERANCE:g}; {_deviation(theirs[1], reference)}"
    return Row(what, "PyHessian", ours_s, theirs[0], must=10, aim=20, note=note)


def _deviation(values: Values, reference: Values) -> str:
    worst = relative_deviation(values, reference)
    return f"its values are off by up to {worst:.1e}" + (", more than the tolerance" if worst > TOLERANCE else "")
