"""The network as a study of its loss looks at it: pruned or not, batch norm settled, dropout off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

from torch import nn

from rflib.activations import batch_statistics, frozen_statistics
from rflib.errors import unknown
from rflib.hessian.product import Batch
from rflib.pruning import Mask, pruned

BatchStatistics = Literal["batch", "frozen"]


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
    with ExitStack() as stack:
        if mask is not None:
            stack.enter_context(pruned(model, mask))
        if statistics == "batch":
            stack.enter_context(batch_statistics(model))
        elif statistics == "frozen":
            stack.enter_context(frozen_statistics(model, (images for images, _ in batches)))
        else:
            raise unknown("batch statistics", statistics, ("batch", "frozen"))
        yield model
