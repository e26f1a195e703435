"""The largest eigenvalues of the Hessian of the mean loss, by Lanczos on exact Hessian products."""

from rflib.analyses.hessian.lanczos import RitzPairs, largest_eigenpairs
from rflib.analyses.hessian.product import HessianProduct
from rflib.analyses.hessian.spectrum import Spectrum, top_eigenvalues

__all__ = ["HessianProduct", "RitzPairs", "Spectrum", "largest_eigenpairs", "top_eigenvalues"]
