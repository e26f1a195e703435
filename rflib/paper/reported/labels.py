"""The paper's receptive-field labels and the pool kernels of the networks that come nearest to them."""

from __future__ import annotations

from typing import get_args

from rflib.config.runs import Architecture
from rflib.errors import unknown

# Label in pixels -> kernel k of the pool after the first convolution. The field of the last convolution is
# 178 k + 2 for rf_vgg19 and 105 k + 2 for rf_resnet50; k is the integer whose field is nearest to the label.
_KERNELS: dict[str, dict[int, int]] = {
    "rf_vgg19": {181: 1, 359: 2, 537: 3, 715: 4},
    "rf_resnet50": {110: 1, 213: 2, 318: 3, 423: 4, 1415: 13, 1920: 18, 3100: 30},
}


def pool_kernel(architecture: str, receptive_field_label: int) -> int:
    """Return the pool kernel k that stands for a label of the paper, such as 359 of `rf_vgg19`.

    Raises `UsageError` for a network or a label (in pixels) that the paper's tables do not hold.
    """
    if architecture not in _KERNELS:
        raise unknown("architecture of the reported tables", architecture, _KERNELS)
    kernels = _KERNELS[architecture]
    if receptive_field_label not in kernels:
        raise unknown(
            f"receptive-field label of {architecture}",
            str(receptive_field_label),
            [str(known) for known in kernels],
        )
    return kernels[receptive_field_label]


def label(architecture: str, pool_kernel: int) -> int | None:
    """Return the paper's receptive-field label in pixels for a pool kernel, or None where the paper has none.

    Raises `UsageError` for an architecture that does not exist here.
    """
    if architecture not in get_args(Architecture):
        raise unknown("architecture", architecture, get_args(Architecture))
    labels = {kernel: pixels for pixels, kernel in _KERNELS.get(architecture, {}).items()}
    return labels.get(pool_kernel)
