"""The Hessian of the mean loss, by exact products with vectors: its largest eigenvalues and its trace.

Both also in the coordinates of the weights that survive a mask, at the weights of the pruned network.
"""

from rflib.hessian.hutchinson import Trace, trace
from rflib.hessian.lanczos import largest_eigenpairs
from rflib.hessian.product import Batch, BatchStatistics, HessianProduct, Loss, checked_images, prepared
from rflib.hessian.search import RitzPairs, SearchState
from rflib.hessian.spectrum import Spectrum, top_eigenvalues

__all__ = [
    "Batch",
    "BatchStatistics",
    "HessianProduct",
    "Loss",
    "RitzPairs",
    "SearchState",
    "Spectrum",
    "Trace",
    "checked_images",
    "largest_eigenpairs",
    "prepared",
    "top_eigenvalues",
    "trace",
]
