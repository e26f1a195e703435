"""Hessian products and top eigenvalues beside curvlinops with scipy's eigsh, in one run on one network.

The network is a batch-norm CNN of 24,346 parameters; both sides use the statistics of the batch. Run with
`python benchmarks/hessian.py [image pixels]`.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import curvlinops
import numpy as np
import torch
from scipy.sparse.linalg import eigsh
from torch import Tensor, nn

from rflib import activations
from rflib.analyses.hessian import HessianProduct, top_eigenvalues

LOSS = nn.CrossEntropyLoss()


def network() -> nn.Sequential:
    """Return three convolutions with batch norm and pooling, and a linear layer; fixed initial weights."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


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


def seconds(calls: dict[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Return the median time of each call, the calls taking turns after one warm round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values[1:])) for name, values in times.items()}


def measure(pixels: int = 16, count: int = 256, k: int = 20) -> list[dict[str, object]]:
    """Return one row a comparison: what, peer, seconds of both, their ratio (peer / ours) and a note."""
    warnings.simplefilter("ignore")
    model, batch = network(), images_with_classes(count, pixels)
    train(model, *batch)
    with activations.batch_statistics(model):
        parameters = list(model.parameters())
        peer = curvlinops.HessianLinearOperator(model, LOSS, parameters, [batch], check_deterministic=False)
        kept = HessianProduct(model, LOSS, [batch])
        fresh = HessianProduct(model, LOSS, [batch], graph_bytes=0)
        vector = torch.ones(kept.dimension)
        times = seconds(
            {
                "gradient": lambda: torch.autograd.grad(LOSS(model(batch[0]), batch[1]), parameters),
                "bare": _bare_double_backward(model, batch, vector),
                "kept": lambda: kept(vector),
                "fresh": lambda: fresh(vector),
                "peer": lambda: peer @ vector,
            }
        )
        rows = [
            _row("product, kept graph", "one gradient", times["kept"], times["gradient"], ""),
            _row("product, kept graph", "bare double backward", times["kept"], times["bare"], "same graph kept"),
            _row("product, kept graph", "curvlinops", times["kept"], times["peer"], ""),
            _row("product, fresh graph", "curvlinops", times["fresh"], times["peer"], "no memory between products"),
        ]
        start = time.perf_counter()
        theirs = eigsh(peer.to_scipy(), k=k, which="LA", tol=1e-3, v0=np.ones(kept.dimension))[0][::-1]
        peer_seconds = time.perf_counter() - start
    start = time.perf_counter()
    ours = top_eigenvalues(model, LOSS, [batch], k)
    our_seconds = time.perf_counter() - start
    difference = np.abs(ours.values - theirs).max() / theirs[0]
    note = f"{ours.products} products; largest difference {difference:.1e} of the largest value"
    return [*rows, _row(f"top {k} eigenvalues", "curvlinops + eigsh", our_seconds, peer_seconds, note)]


def _bare_double_backward(model: nn.Module, batch: tuple[Tensor, Tensor], vector: Tensor) -> Callable[[], object]:
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(LOSS(model(batch[0]), batch[1]), parameters, create_graph=True)
    pieces = vector.split([parameter.numel() for parameter in parameters])
    directions = [piece.view_as(parameter) for piece, parameter in zip(pieces, parameters, strict=True)]
    return lambda: torch.autograd.grad(gradients, parameters, directions, retain_graph=True)


def _row(what: str, peer: str, ours_s: float, peer_s: float, note: str) -> dict[str, object]:
    return {
        "what": what,
        "peer": peer,
        "ours_s": round(ours_s, 4),
        "peer_s": round(peer_s, 4),
        "ratio": round(peer_s / ours_s, 2),
        "note": note,
    }


if __name__ == "__main__":
    for row in measure(*(int(argument) for argument in sys.argv[1:2])):
        print(row)
