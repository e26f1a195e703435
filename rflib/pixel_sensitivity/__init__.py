"""Pixel sensitivity: how unequally a network's output depends on the pixels of its input, and kernel padding.

After Kim et al., "Dead Pixel Test Using Effective Receptive Field", 2021: an odd kernel with stride 2 reads every
second pixel more often than its neighbour, so some pixels are partially dead. Only the abstract was at hand; each
definition that it leaves open is stated where it is used.
"""

from rflib.pixel_sensitivity.kernel_padding import PaddedConvolution, pad_kernels, uneven_convolutions
from rflib.pixel_sensitivity.sensitivity import Sensitivity, measure, uniform, window_counts

__all__ = [
    "PaddedConvolution",
    "Sensitivity",
    "measure",
    "pad_kernels",
    "uneven_convolutions",
    "uniform",
    "window_counts",
]
