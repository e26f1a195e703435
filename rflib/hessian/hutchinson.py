"""The trace of the Hessian by Hutchinson's estimator, with its error.

Hutchinson, "A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines",
Communications in Statistics - Simulation and Computation 19 (1990): for a vector z of independent signs the mean of
zᵀ H z is the trace of H and its variance 2 Σ H²ᵢⱼ over i ≠ j, the least of all vectors with independent entries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib.errors import RflibError, UsageError
from rflib.hessian.product import Batch, BatchStatistics, HessianProduct, Loss, prepared
from rflib.pruning import Mask
from rflib.seeding import stream_seed

# A standard error from fewer probes is itself too uncertain to stop by.
FEWEST_PROBES = 10


@dataclass(frozen=True, eq=False)
class Trace:
    """An estimate of tr H: `samples` (probes,) float64 are the values of zᵀ H z, in the order of the probes.

    `dimension` is the number of coordinates, `images` that of the images in the loss.

    Example:
        >>> samples = np.array([4.0, 5.0, 6.0])
        >>> trace = rflib.hessian.Trace(samples, 6.0, dimension=2, images=2, batch_statistics="batch")
        >>> trace.value, round(trace.standard_error, 3)
        (5.0, 0.577)
    """

    samples: NDArray[np.float64]
    gradient_equivalents: float
    dimension: int
    images: int
    batch_statistics: BatchStatistics

    @property
    def value(self) -> float:
        """The mean of the samples."""
        return float(self.samples.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of `value` over the probes; the spread over images is no part of it."""
        return float(self.samples.std(ddof=1)) / math.sqrt(len(self.samples))


def trace(
    model: nn.Module,
    loss: Loss,
    batches: Sequence[Batch],
    *,
    probes: int = 100,
    relative_error: float | None = None,
    parameters: Sequence[Tensor] | None = None,
    mask: Mask | None = None,
    batch_statistics: BatchStatistics = "batch",
    graph_bytes: int = 2 * 2**30,
    seed: int = 0,
    on_progress: Callable[[int, float], None] | None = None,
) -> Trace:
    """Return an estimate of the trace of the Hessian of the mean of `loss` over all `batches`.

    `batches`, `parameters`, `mask`, `batch_statistics` and `graph_bytes` are those of `top_eigenvalues`; with a mask
    the trace is that of the pruned network over the weights kept. Each of at most `probes` probes costs a Hessian
    product and has its own generator, from `seed` and its number, so that more probes continue fewer. With a
    `relative_error` it ends after the first probe, from the tenth on, at which the standard error is at most that
    share of the estimate's magnitude. Stopping so makes the interval slightly too short: for one that holds exactly,
    fix the number. `on_progress(probes, value)` is called after each.

    The model is left as it was. Raises UsageError for fewer than two probes, a relative error that is not positive,
    or arguments that do not fit, and RflibError if a product is not finite.

    Example:
        >>> batches = [(torch.diag(torch.tensor([1.0, 2.0])), torch.zeros(2, 1))]
        >>> trace = rflib.hessian.trace(nn.Linear(2, 1, bias=False), nn.functional.mse_loss, batches, probes=10)
        >>> round(trace.value, 4), round(trace.standard_error, 4)
        (5.0, 0.0)
    """
    if probes < 2:
        raise UsageError(f"trace: expected at least 2 probes, found {probes}. One has no standard error.")
    if relative_error is not None and not relative_error > 0:
        raise UsageError(f"trace: expected a relative error above 0, found {relative_error}. None takes all probes.")
    with prepared(model, batches, batch_statistics, mask):
        product = HessianProduct(model, loss, batches, parameters=parameters, mask=mask, graph_bytes=graph_bytes)
        samples: list[float] = []
        while True:
            samples.append(_sample(product, seed, len(samples)))
            found = Trace(
                np.array(samples), product.gradient_equivalents, product.dimension, product.images, batch_statistics
            )
            if on_progress is not None:
                on_progress(len(samples), found.value)
            if len(samples) == probes or _precise(found, relative_error):
                return found


def _sample(product: HessianProduct, seed: int, number: int) -> float:
    """Return zᵀ H z for the signs z of one probe."""
    generator = torch.Generator().manual_seed(stream_seed(seed, "trace", number))
    signs = torch.randint(0, 2, (product.dimension,), generator=generator) * 2 - 1
    probe = signs.to(product.parameters[0])
    sample = float((probe * product(probe)).sum(dtype=torch.float64))
    if not math.isfinite(sample):
        raise RflibError(
            f"trace: expected finite products, found NaN or infinity for probe {number + 1}. "
            "Check that the weights and the loss are finite."
        )
    return sample


def _precise(found: Trace, relative_error: float | None) -> bool:
    if relative_error is None or len(found.samples) < FEWEST_PROBES:
        return False
    return found.standard_error <= relative_error * abs(found.value)
