"""The top of the Hessian spectrum of a network's mean loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rflib.hessian.lanczos import Progress, largest_eigenpairs
from rflib.hessian.product import Batch, BatchStatistics, HessianProduct, Loss, prepared
from rflib.hessian.search import SearchState
from rflib.pruning import Mask


@dataclass(frozen=True)
class Spectrum:
    """The largest eigenvalues of a Hessian and what they cost.

    `values` and `residuals` (`|H v - λ v|` of each pair) are (k,) float64, largest value first. `products`
    counts Hessian products, `gradient_equivalents` their cost in gradients of the mean loss; `dimension` is
    the number of coordinates, `images` that of the images in the loss. `vectors`, where they were asked for, are
    the unit eigenvectors, each as parameter name to tensor, 0 where weights are pruned; their signs are arbitrary.

    Example:
        >>> batches = [(torch.diag(torch.tensor([1.0, 2.0])), torch.zeros(2, 1))]
        >>> model, loss = nn.Linear(2, 1, bias=False), nn.functional.mse_loss
        >>> spectrum = rflib.hessian.top_eigenvalues(model, loss, batches, k=1, vectors=True)
        >>> spectrum.converged, spectrum.dimension, spectrum.vectors[0]["weight"].abs().round(decimals=3)
        (True, 2, tensor([[0., 1.]]))
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

    `batches` are pairs (images, labels) as `model` and `loss` take them; `loss` averages over its batch, and batches of
    unequal size are weighted by their images. Batch norm uses the statistics of each batch ("batch", so the size of the
    batches is part of the definition), or statistics re-estimated over `batches` and then frozen ("frozen"); dropout is
    off. `parameters` defaults to all that require gradients. With a `mask` H is that of the pruned network, in the
    coordinates of the weights that are kept (see `HessianProduct`). The search ends when every residual has for a while
    been at most `tolerance` times the largest absolute value of the k (see `largest_eigenpairs`): each value then lies
    that close to a true eigenvalue, and far closer, as the square of the residual, where its neighbours are far.
    Products are in the precision of the parameters.

    `basis_bytes` bounds the Lanczos basis (k + 5 vectors at least), `graph_bytes` the graphs kept between products,
    beside that of one batch; neither changes the result beyond rounding and tolerance. `vectors` asks for the
    eigenvectors, k times the network's memory. `on_state` is given the search's state after each product, and `resume`
    takes one up: with the same arguments the result is, on a CPU, bit for bit that of an uninterrupted search. The
    model is left as it was. Raises UsageError for arguments that do not fit and RflibError if a product is not finite.

    Example:
        >>> batches = [(torch.diag(torch.tensor([1.0, 2.0])), torch.zeros(2, 1))]  # the loss is (w1² + 4 w2²) / 2
        >>> rflib.hessian.top_eigenvalues(nn.Linear(2, 1, bias=False), nn.MSELoss(), batches, k=2).values.round(4)
        array([4., 1.])
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
