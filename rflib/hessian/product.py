"""Exact products of the Hessian of the mean loss over all batches with a vector, by double backward.

And the network as a study of its loss looks at it: pruned or not, batch norm settled, dropout off.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from rflib.activations import batch_statistics, frozen_statistics
from rflib.errors import UsageError, require_known
from rflib.hessian.second_derivatives import LeanSecondDerivatives
from rflib.pruning import Mask, pruned

Loss = Callable[[Tensor, Tensor], Tensor]
Batch = tuple[Tensor, Tensor]
BatchStatistics = Literal["batch", "frozen"]

# In units of one gradient (a forward and a backward pass): a product on a kept graph runs backward through
# both passes; on a fresh graph the gradient itself comes on top.
KEPT_PRODUCT_COST = 2.0
FRESH_PRODUCT_COST = 3.0


class HessianProduct:
    """Maps a flat vector v (dimension,) to H v, H the Hessian of the mean loss over all images of `batches`.

    The gradient's graph is kept for as many leading batches as fit into `graph_bytes` (estimated from two
    images), and for the last batch if it alone is left: each product would build that graph anyway, so it costs no
    higher peak. The other batches are differentiated anew for each product, so that any amount of data fits; with 0
    all of them are.
    Batches are weighted by their numbers of images, so `loss(outputs, labels)` must be a mean over the batch.
    `mask` restricts H to the weights that it keeps, parameters outside it being kept whole: rows and columns
    are left out, not set to zero, so that no eigenvalue 0 is added. Pruning the model and setting its mode are the
    caller's affair (see `prepared`).

    `calls` counts products, `gradient_equivalents` their cost in gradients of the mean loss.

    Example:
        >>> batches = [(torch.diag(torch.tensor([1.0, 2.0])), torch.zeros(2, 1))]
        >>> product = rflib.hessian.HessianProduct(nn.Linear(2, 1, bias=False), nn.functional.mse_loss, batches)
        >>> product(torch.tensor([1.0, 1.0])).tolist(), product.dimension, product.calls
        ([1.0, 4.0], 2, 1)
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        batches: Sequence[Batch],
        *,
        parameters: Sequence[Tensor] | None = None,
        mask: Mask | None = None,
        graph_bytes: int = 2 * 2**30,
    ) -> None:
        self.parameters = _checked_parameters(model, parameters)
        self.images = checked_images(loss, batches)
        self.calls = 0
        self._model, self._loss = model, loss
        self._names = _names(model, self.parameters)
        self._kept = None if mask is None else self._kept_coordinates(mask)
        kept = self._batches_to_keep(batches, graph_bytes)
        self._fresh = list(batches[kept:])
        self._graphs = [self._gradients(batch) for batch in batches[:kept]]
        kept_share = sum(len(images) for images, _ in batches[:kept]) / self.images
        self._building_cost = kept_share
        self._product_cost = KEPT_PRODUCT_COST * kept_share + FRESH_PRODUCT_COST * (1 - kept_share)

    @property
    def dimension(self) -> int:
        """Number of rows of H."""
        if self._kept is not None:
            return int(self._kept.sum())
        return sum(parameter.numel() for parameter in self.parameters)

    @property
    def gradient_equivalents(self) -> float:
        """Cost so far, in gradients of the mean loss over all batches."""
        return self._building_cost + self.calls * self._product_cost

    def __call__(self, vector: Tensor) -> Tensor:
        """Return H v, shape (dimension,)."""
        self.calls += 1
        directions = self._split(vector)
        total = torch.zeros_like(vector)
        for gradients in self._graphs:
            total += self._join(self._directional(gradients, directions))
        for batch in self._fresh:
            total += self._join(self._directional(self._gradients(batch), directions))
        return total

    def by_parameter(self, vector: Tensor) -> dict[str, Tensor]:
        """Return `vector` (dimension,) as tensors of the parameters' shapes, by name; 0 where weights are pruned."""
        return dict(zip(self._names, self._split(vector), strict=True))

    def _gradients(self, batch: Batch) -> tuple[Tensor, ...]:
        """Differentiable gradients of one batch's share in the mean loss."""
        images, labels = (part.to(self.parameters[0].device, non_blocking=True) for part in batch)
        share = len(images) / self.images
        with torch.enable_grad():
            with LeanSecondDerivatives():
                outputs = self._model(images)
            loss = self._loss(outputs, labels) * share
            return torch.autograd.grad(loss, self.parameters, create_graph=True, materialize_grads=True)

    def _directional(self, gradients: Sequence[Tensor], directions: Sequence[Tensor]) -> Sequence[Tensor]:
        """Derivatives of <gradients, directions>; a gradient that depends on nothing contributes nothing."""
        pairs = [(g, d) for g, d in zip(gradients, directions, strict=True) if g.requires_grad]
        if not pairs:
            return [torch.zeros_like(parameter) for parameter in self.parameters]
        outputs, weights = zip(*pairs, strict=True)
        return torch.autograd.grad(
            outputs, self.parameters, weights, retain_graph=True, allow_unused=True, materialize_grads=True
        )

    def _split(self, vector: Tensor) -> list[Tensor]:
        if self._kept is not None:
            vector = vector.new_zeros(len(self._kept)).masked_scatter_(self._kept, vector)
        pieces = vector.split([parameter.numel() for parameter in self.parameters])
        return [piece.view_as(parameter) for piece, parameter in zip(pieces, self.parameters, strict=True)]

    def _join(self, pieces: Sequence[Tensor]) -> Tensor:
        flat = torch.cat([piece.reshape(-1) for piece in pieces])
        return flat if self._kept is None else flat[self._kept]

    def _kept_coordinates(self, mask: Mask) -> Tensor:
        """Whether each coordinate survives `mask`."""
        mask.check(self._model)
        pairs = zip(self._names, self.parameters, strict=True)
        kept = [mask.keep.get(name, torch.ones_like(parameter, dtype=torch.bool)) for name, parameter in pairs]
        return torch.cat([part.reshape(-1).to(self.parameters[0].device) for part in kept])

    def _batches_to_keep(self, batches: Sequence[Batch], budget: int) -> int:
        if budget <= 0:
            return 0
        images, labels = batches[0]
        per_image = self._graph_bytes((images[:2], labels[:2])) / len(images[:2])
        totals = itertools.accumulate(per_image * len(images) for images, _ in batches)
        fitting = sum(total <= budget for total in totals)
        return len(batches) if fitting == len(batches) - 1 else fitting

    def _graph_bytes(self, batch: Batch) -> int:
        """Bytes of the tensors that the gradient's graph of `batch` saves, parameters left out."""
        storages = {parameter.untyped_storage().data_ptr() for parameter in self.parameters}
        saved: dict[int, Tensor] = {}

        def pack(tensor: Tensor) -> Tensor:
            if tensor.untyped_storage().data_ptr() not in storages:
                saved[tensor.untyped_storage().data_ptr()] = tensor.detach()
            return tensor.detach()

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            self._gradients(batch)
        return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())


def _checked_parameters(model: nn.Module, parameters: Sequence[Tensor] | None) -> list[Tensor]:
    chosen = list(model.parameters() if parameters is None else parameters)
    if parameters is None:
        chosen = [parameter for parameter in chosen if parameter.requires_grad]
    if not chosen or not all(parameter.requires_grad for parameter in chosen):
        found = "one that does not" if chosen else "none"
        raise UsageError(
            f"Hessian: expected parameters that require gradients, found {found}. "
            "Call requires_grad_(True) on the parameters to analyse."
        )
    return chosen


def checked_images(loss: Loss, batches: Sequence[Batch]) -> int:
    """Return the number of images in `batches`; raise UsageError if there is none, or if `loss` is no mean.

    Example:
        >>> rflib.hessian.checked_images(nn.functional.mse_loss, [(torch.zeros(4, 1), torch.zeros(4, 1))])
        4
    """
    reduction = getattr(loss, "reduction", "mean")
    if reduction != "mean":
        raise UsageError(
            f"mean loss: expected a loss with reduction='mean', found '{reduction}'. Average over the batch."
        )
    images = sum(len(images) for images, _ in batches)
    if not images:
        raise UsageError("mean loss: expected at least one batch of (images, labels), found no image. Pass some data.")
    return images


def _names(model: nn.Module, parameters: Sequence[Tensor]) -> list[str]:
    """Names of the parameters in `model`."""
    known = {id(parameter): name for name, parameter in model.named_parameters()}
    strangers = [tuple(parameter.shape) for parameter in parameters if id(parameter) not in known]
    if strangers:
        raise UsageError(
            f"Hessian: expected parameters of the model, found others of shapes {strangers}. "
            "Pass some of model.parameters()."
        )
    return [known[id(parameter)] for parameter in parameters]


@contextmanager
def prepared(
    model: nn.Module, batches: Sequence[Batch], statistics: BatchStatistics, mask: Mask | None = None
) -> Iterator[nn.Module]:
    """Prune `model` by `mask` and settle its batch norm, and put everything back on leaving, bit for bit.

    Batch norm uses the statistics of each batch ("batch"), or those of the pruned network over `batches`,
    re-estimated and then held ("frozen"), also while weights are moved within the block. Raises UsageError for
    other statistics or a mask that does not fit.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        >>> batches = [(torch.rand(8, 3, 6, 6) + 5, torch.zeros(8))]
        >>> with rflib.hessian.prepared(model, batches, "frozen"):
        ...     bool(model(batches[0][0]).mean().abs() < 1e-4), model.training
        (True, False)
        >>> model.training
        True
    """
    require_known("batch statistics", statistics, get_args(BatchStatistics))
    with pruned(model, mask) if mask is not None else nullcontext():
        images = (images for images, _ in batches)
        with batch_statistics(model) if statistics == "batch" else frozen_statistics(model, images):
            yield model
