"""CKA between the 53 convolutions of two rf_resnet50, beside torch_cka and pytorch-cka.

All run the same networks on the same images; this library gives both estimators at once. The peers average over the
batches of their loader, so that only one batch of all images makes them answer the same question; smaller ones are
their usual way, which is cheaper and has another result. Both kinds are measured.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import peers
from benchmarks.images import digits
from benchmarks.row import Row
from benchmarks.timing import medians, timed
from rflib import activations, cka, models
from rflib.config import ModelConfig

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """Width of the networks, number of images, images in a small batch, rounds of timing."""

    width: float
    images: int
    batch_size: int
    rounds: int


FULL, REHEARSAL = Size(1.0, 1000, 250, 3), Size(0.125, 24, 12, 1)
POOL_KERNELS = (3, 4)


class Problem:
    """Two untrained networks of different receptive fields, normalising as on the images, and the images."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.images, _ = digits(size.images)
        self.a, self.b = (
            models.build(ModelConfig(architecture="rf_resnet50", pool_kernel=k, width=size.width), seed=k)
            for k in POOL_KERNELS
        )
        self.layers = [name for name, module in self.a.named_modules() if isinstance(module, nn.Conv2d)]

    @contextmanager
    def statistics(self) -> Iterator[None]:
        """Let batch norm use statistics of the images: the running ones of an untrained network mean nothing."""
        batches = self.images.split(self.size.batch_size)
        with activations.frozen_statistics(self.a, batches), activations.frozen_statistics(self.b, batches):
            yield

    def ours(self) -> dict[str, Values]:
        """Return both estimates of this library."""
        found = cka.compare_estimators(self.a, self.b, self.images)
        return {str(name): similarity.values for name, similarity in found.items()}

    def torch_cka(self, batch_size: int) -> Values:
        """Return what torch_cka gives; it leaves it to its caller to switch gradients off and to silence it.

        Its rows and columns are in the order in which the layers run; here they are put into that of `layers`.
        """
        package = peers.find("torch_cka")
        assert package is not None
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet), torch.no_grad():
            peer = package.CKA(self.a, self.b, "a", "b", self.layers, self.layers, device="cpu")
            peer.compare(self._loader(batch_size))
            values = peer.export()["CKA"].double().numpy()
        for module in (*self.a.modules(), *self.b.modules()):
            module._forward_hooks.clear()  # it leaves its hooks behind, which would slow whatever comes after
        order_a, order_b = ([self._running(model).index(name) for name in self.layers] for model in (self.a, self.b))
        return values[order_a][:, order_b]

    def pytorch_cka(self, batch_size: int) -> Values:
        """Return what pytorch-cka gives, which it clamps to the range from 0 to 1."""
        package = peers.find("cka")
        assert package is not None
        loader = self._loader(batch_size)
        values = package.compute_cka(self.a, self.b, loader, layers=self.layers, device="cpu", progress=False)[0]
        return values.double().numpy()

    def exact(self) -> dict[str, Values]:
        """Return both estimates from the formulas, in float64 from the activations on."""
        grams = [self._grams(model) for model in (self.a, self.b)]
        estimators = {"biased": biased_hsic, "debiased": debiased_hsic}
        return {name: alignment(hsic, *grams) for name, hsic in estimators.items()}

    def _running(self, model: nn.Module) -> list[str]:
        """Return the layers in the order in which they run."""
        order: list[str] = []
        with activations.stream(model, self.layers, lambda name, _: order.append(name)), torch.no_grad():
            model(self.images[:1])
        return order

    def _grams(self, model: nn.Module) -> Tensor:
        with activations.record(model, self.layers) as outputs, torch.no_grad():
            for batch in self.images.split(self.size.batch_size):
                model(batch)
        features = (torch.cat(outputs.pop(name)).flatten(1).double() for name in self.layers)
        return torch.stack([x @ x.T for x in features])

    def _loader(self, batch_size: int) -> DataLoader[tuple[Tensor, ...]]:
        return DataLoader(TensorDataset(self.images), batch_size=batch_size)


def biased_hsic(a: Tensor, b: Tensor) -> Tensor:
    """Return tr(K H L H) of each Gram matrix in `a` (A, n, n) with each in `b` (B, n, n)."""
    n = a.shape[-1]
    centring = torch.eye(n, dtype=a.dtype) - 1 / n
    return (centring @ a @ centring).flatten(1) @ b.flatten(1).T


def debiased_hsic(a: Tensor, b: Tensor) -> Tensor:
    """Return Song et al.'s unbiased estimate, up to the factor that cancels, of each in `a` with each in `b`."""
    n = a.shape[-1]
    without = 1 - torch.eye(n, dtype=a.dtype)
    a, b = a * without, b * without
    rows_a, rows_b = a.sum(2), b.sum(2)
    totals = torch.outer(rows_a.sum(1), rows_b.sum(1)) / ((n - 1) * (n - 2))
    return a.flatten(1) @ b.flatten(1).T + totals - 2 / (n - 2) * rows_a @ rows_b.T


def alignment(hsic: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor) -> Values:
    """Return CKA (A, B) of Gram matrices from an estimate of HSIC."""
    own_a, own_b = (torch.stack([hsic(gram[None], gram[None])[0, 0] for gram in grams]) for grams in (a, b))
    return (hsic(a, b) / torch.outer(own_a, own_b).sqrt()).numpy()


def measure(rehearsal: bool = False) -> list[Row]:
    """Return one row a peer and batch size, then how far the values are from the exact ones."""
    problem = Problem(REHEARSAL if rehearsal else FULL)
    with problem.statistics():
        exact, ours = problem.exact(), problem.ours()
        return [*torch_cka_rows(problem, exact), *pytorch_cka_rows(problem, exact), *_accuracy_rows(ours, exact)]


def torch_cka_rows(problem: Problem, exact: dict[str, Values]) -> list[Row]:
    """It takes minutes, so it runs once a batch size, with ours before and after."""
    rows = []
    for batch_size in (problem.size.images, problem.size.batch_size):
        name = f"torch_cka, {_batches(problem, batch_size)}"
        if peers.find("torch_cka") is None:
            rows.append(Row(_what(problem), name, None, must=10, aim=15, note=f"torch_cka {peers.MISSING}"))
            continue
        before_s, _ = timed(problem.ours)
        theirs_s, values = timed(partial(problem.torch_cka, batch_size))
        after_s, _ = timed(problem.ours)
        note = _deviation(values, exact["debiased"])
        rows.append(Row(_what(problem), name, (before_s + after_s) / 2, theirs_s, must=10, aim=15, note=note))
    return rows


def pytorch_cka_rows(problem: Problem, exact: dict[str, Values]) -> list[Row]:
    sizes = {f"pytorch-cka, {_batches(problem, size)}": size for size in (problem.size.images, problem.size.batch_size)}
    if peers.find("cka") is None:
        note = f"pytorch-cka {peers.MISSING}"
        return [Row(_what(problem), name, None, must=1, note=note) for name in sizes]
    calls = {name: partial(problem.pytorch_cka, size) for name, size in sizes.items()}
    times = medians({"ours": problem.ours, **calls}, problem.size.rounds)
    clamped = exact["debiased"].clip(0, 1)
    notes = {name: _deviation(problem.pytorch_cka(size), clamped) for name, size in sizes.items()}
    return [Row(_what(problem), name, times["ours"], times[name], must=1, note=notes[name]) for name in sizes]


def _accuracy_rows(ours: dict[str, Values], exact: dict[str, Values]) -> list[Row]:
    return [
        Row(
            f"largest deviation of the {name} estimate",
            "exact formula in float64",
            float(np.abs(ours[name] - exact[name]).max()),
            unit="",
            must=1e-6,
        )
        for name in exact
    ]


def _what(problem: Problem) -> str:
    return f"CKA, {len(problem.layers)} x {len(problem.layers)} layers, {problem.size.images} images"


def _batches(problem: Problem, batch_size: int) -> str:
    return "one batch" if batch_size == problem.size.images else f"batches of {batch_size}"


def _deviation(values: Values, exact: Values) -> str:
    return f"its (debiased) values are off by up to {np.abs(values - exact).max():.1e}"
