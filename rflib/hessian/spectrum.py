"""The top of the Hessian spectrum of a network's mean loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib.hessian.lanczos import Progress, largest_eigenpairs
from rflib.hessian.preparation import BatchStatistics, prepared
from rflib.hessian.product import Batch, HessianProduct, Loss
from rflib.hessian.search import SearchState
from rflib.pruning import Mask


@dataclass(frozen=True)
class Spectrum:
    """The largest eigenvalues of a Hessian and what they cost.

    `values` and `residuals` (|H v - λ v| of each pair) are (k,) float64, largest value first. `products`
    counts Hessian products, `gradient_equivalents` their cost in gradients of the mean loss; `dimension` is
    the number of coordinates, `images` that of the images in the loss. `vectors`, where they were asked for, are
    the unit eigenvectors, each as parameter name to tensor, 0 where weights are pruned; their signs are arbitrary.
    """

    values: NDArray[np.float64]
    residuals: NDArray[np.float64]
    converged: bool
    products: int
    gradient_equivalents: float
    restarts: int
    dimension: int
    images: int
    tolerance: float
    batch_statistics: BatchStatistics
    vectors: tuple[Mapping[str, Tensor], ...] = ()


def top_eigenvalues(
    model: nn.Module,
    loss: Loss,
    batches: Sequence[Batch],
    k: int = 90,
    *,
    parameters: Sequence[Tensor] | None = None,
    mask: Mask | None = None,
    batch_statistics: BatchStatistics = "batch",
    tolerance: float = 1e-3,
    basis_bytes: int = 6 * 2**30,
    graph_bytes: int = 2 * 2**30,
    max_products: int | None = None,
    seed: int = 0,
    vectors: bool = False,
    on_progress: Progress | None = None,
    resume: SearchState | None = None,
    on_state: Callable[[SearchState], None] | None = None,
) -> Spectrum:
    """Return the k largest algebraic eigenvalues of the Hessian of the mean of `loss` over all `batches`.

    `batches` are pairs (images, labels) as `model` and `loss` take them; `loss` averages over its batch, and
    batches of unequal size are weighted by their images. Batch norm uses the statistics of each batch
    ("batch", so the size of the batches is part of the definition), or statistics re-estimated over `batches`
    and then frozen ("frozen"); dropout is off. `parameters` defaults to all that require gradients. With a `mask`
    H is that of the pruned network, in the coordinates of the weights that are kept: those of P H P without the
    zeros of the pruned ones, P being the mask's projection (see `HessianProduct`). The search ends when every
    residual has for a while been at most `tolerance` times the largest absolute value of the k (see
    `largest_eigenpairs`): each value then lies that close to a true eigenvalue, and far closer, as the square of
    the residual, where its neighbours are far. Products are in the precision of the parameters.

    `basis_bytes` bounds the Lanczos basis (k + 5 vectors at least), `graph_bytes` the graphs kept between products,
    beside that of one batch; neither changes the result beyond rounding and tolerance. `vectors` asks for the
    eigenvectors too, k times the memory of the network. `on_state` is given the search's state after each product,
    and `resume` takes one up: with the same arguments the result is, on a CPU, bit for bit
    that of an uninterrupted search. The model is left as it was. Raises UsageError for arguments that do not
    fit and RflibError if a product is not finite.
    """
    with prepared(model, batches, batch_statistics, mask):
        product = HessianProduct(model, loss, batches, parameters=parameters, mask=mask, graph_bytes=graph_bytes)
        product.calls = 0 if resume is None else int(resume.numbers["products"])
        generator = torch.Generator().manual_seed(seed)
        pairs = largest_eigenpairs(
            product,
            torch.randn(product.dimension, generator=generator, dtype=torch.float64).to(product.parameters[0]),
            k,
            tolerance=tolerance,
            basis_bytes=basis_bytes,
            max_products=max_products,
            generator=generator,
            on_progress=on_progress,
            resume=resume,
            on_state=on_state,
        )
    return Spectrum(
        values=pairs.values.numpy(),
        residuals=pairs.residuals.numpy(),
        converged=pairs.converged,
        products=pairs.products,
        gradient_equivalents=product.gradient_equivalents,
        restarts=pairs.restarts,
        dimension=product.dimension,
        images=product.images,
        tolerance=tolerance,
        batch_statistics=batch_statistics,
        vectors=tuple(map(product.by_parameter, pairs.vectors())) if vectors else (),
    )
