"""The largest eigenvalues of the Hessian of the mean loss, by Lanczos on exact Hessian products."""

from rflib.analyses.hessian.lanczos import largest_eigenpairs
from rflib.analyses.hessian.product import HessianProduct
from rflib.analyses.hessian.search import RitzPairs, SearchState
from rflib.analyses.hessian.spectrum import Spectrum, top_eigenvalues

__all__ = ["HessianProduct", "RitzPairs", "SearchState", "Spectrum", "largest_eigenpairs", "top_eigenvalues"]
