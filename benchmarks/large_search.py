"""One search for eigenvalues of rf_resnet50 in a process of its own, which may be killed: run by `hessian_large`.

It prints one JSON object a line: what the start cost, then the number of products after each and whether a resume point
was written, at last what was found. Each line carries the peak of the memory so far.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.images import digits
from benchmarks.memory import peak_gib
from benchmarks.timing import medians
from rflib import activations, models
from rflib.config import DataConfig, MeasurementKey, ModelConfig, Run, RunConfig, SpectrumSettings
from rflib.hessian import SearchState, top_eigenvalues
from rflib.study.record.search_points import SearchPoints
from rflib.study.store import Store


def main() -> None:
    """Search, from the newest resume point of the folder if it has one."""
    given = _parsed()
    settings = SpectrumSettings(
        eigenvalues=given.k, images=given.images, batch_size=given.batch_size, checkpoint="initial"
    )
    config = ModelConfig(architecture="rf_resnet50", pool_kernel=4, width=given.width)
    data = DataConfig(name="folder:benchmark")
    run = Run(config=RunConfig(data=data, model=config))
    model = models.build(config)
    batches = list(zip(*(part.split(settings.batch_size) for part in digits(settings.images)), strict=True))
    gradient_s = seconds_of_a_gradient(model, batches)
    points = SearchPoints(Store(given.folder), MeasurementKey.of(settings, run))
    if given.write_at is not None:
        points.pause = math.inf
    start = points.load()
    tell(gradient_s=gradient_s, products=0 if start is None else int(start.numbers["products"]))
    began = time.perf_counter()

    def on_state(state: SearchState) -> None:
        products, before = int(state.numbers["products"]), points.written_at
        if products == given.write_at:
            points.pause = 0
        points(state)
        tell(products=products, written=points.written_at > before)

    found = top_eigenvalues(
        model,
        F.cross_entropy,
        batches,
        settings.eigenvalues,
        tolerance=settings.tolerance,
        basis_bytes=given.basis_bytes,
        graph_bytes=given.graph_bytes,
        max_products=given.products,
        resume=start,
        on_state=on_state,
    )
    tell(
        gradient_s=gradient_s,
        seconds=points.earlier_seconds + time.perf_counter() - began,
        values=found.values.tolist(),
        largest_residual=float(found.residuals.max()),
        converged=found.converged,
        products=found.products,
        restarts=found.restarts,
        dimension=found.dimension,
        gradient_equivalents=found.gradient_equivalents,
    )


def seconds_of_a_gradient(model: nn.Module, batches: list[Any]) -> float:
    """Return the seconds of one plain gradient of the mean loss over all batches."""
    parameters = list(model.parameters())

    def gradient() -> None:
        for images, labels in batches:
            torch.autograd.grad(F.cross_entropy(model(images), labels), parameters)

    with activations.batch_statistics(model):
        return medians({"gradient": gradient}, rounds=2)["gradient"]


def tell(**values: Any) -> None:
    """Print one line for the process that started this one."""
    print(json.dumps({**values, "peak_gib": peak_gib()}), flush=True)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--width", type=float, required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--basis-bytes", type=int, required=True)
    parser.add_argument("--graph-bytes", type=int, required=True)
    parser.add_argument("--write-at", type=int, help="write the first resume point after so many products")
    parser.add_argument("--products", type=int, help="stop there, whatever has converged")
    return parser.parse_args()


if __name__ == "__main__":
    main()
