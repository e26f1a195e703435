"""Dead taps: weights that can never receive gradient, because at this input size they only ever see padding.

Where a map has shrunk to 1x1, eight of the nine taps of a 3x3 kernel multiply zeros for every image. They are free
to prune, so their share belongs beside every pruning rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rflib.activations import evaluation_mode
from rflib.errors import RflibError, UsageError
from rflib.linearised import Linearised
from rflib.pruning import prunable_weights

__all__ = ["DeadTaps", "share"]


@dataclass(frozen=True)
class DeadTaps:
    """Which taps of a network's convolutions are live at one input size.

    share: of the prunable weights (`rflib.pruning.prunable_weights`), those with exactly zero gradient, 0 to 1.
    per_layer: name of the convolution to its live map, a boolean tensor (kernel height, kernel width).
    input_share: share of the input's pixels, 0 to 1, that can reach the output (floor-mode pools crop the rest).

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 8), nn.Conv2d(4, 4, 3, padding=1))
        >>> taps = rflib.dead_taps.share(model, (3, 8, 8))
        >>> taps.per_layer["1"].int().tolist()
        [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
        >>> int(taps.live_masks(model)["1.weight"].sum())  # of 144 weights
        16
    """

    share: float
    per_layer: Mapping[str, Tensor]
    input_share: float

    def live_masks(self, model: nn.Module) -> dict[str, Tensor]:
        """Return parameter name to a boolean tensor of the weight's shape, True where it can receive gradient."""
        return {
            name: _live_map(self.per_layer, name, weight).to(weight.device).expand(weight.shape).clone()
            for name, weight in prunable_weights(model).items()
        }


def share(model: nn.Module, input_shape: tuple[int, int, int]) -> DeadTaps:
    """Return the dead taps of `model` for images of `input_shape` (channels, height, width), without any data.

    A tap is live if some unit from which a path leads to the output reads through it a value that is not zero
    padding. Exact for the architecture: the run is on the positive linear copy (`rflib.linearised`), in which a
    weight's gradient is zero only if no such unit exists. Batch norm and biases turn padded zeros into nonzero
    values downstream, and count as such. The channels of one convolution are treated alike: at a fixed place in
    the map all of them are padding or none is. A convolution that never runs is dead.

    Raises `UsageError` for a model without a prunable convolution, `RflibError` for an operation that has no
    linear form and for errors of the model itself (an input too small). Leaves the model as it was.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 4, 8), nn.Conv2d(4, 4, 3, padding=1))  # the second sees a single pixel
        >>> round(rflib.dead_taps.share(model, (3, 8, 8)).share, 3)
        0.889
    """
    weights = prunable_weights(model)
    if not weights:
        raise UsageError("expected a network with at least two nn.Conv2d, found nothing prunable")
    mode = Linearised(model)
    with evaluation_mode(model), torch.enable_grad():
        pixels, image = mode.image(input_shape[1:], channels=input_shape[0])
        output = mode.output(image)
    taps = {convolution.name.partition("@")[0]: convolution.weight for convolution in mode.convolutions}
    gradients = torch.autograd.grad(_total(output), [pixels, *taps.values()], allow_unused=True)
    unreached = torch.zeros((), dtype=torch.bool)
    reached, *live = [unreached if gradient is None else gradient != 0 for gradient in gradients]
    per_layer = {name: map_.expand(taps[name].shape)[0, 0] for name, map_ in zip(taps, live, strict=True)}
    alive = sum(
        float(_live_map(per_layer, name, weight).double().mean()) * weight.numel() for name, weight in weights.items()
    )
    total = sum(weight.numel() for weight in weights.values())
    return DeadTaps(share=1 - alive / total, per_layer=per_layer, input_share=float(reached.double().mean()))


def _live_map(per_layer: Mapping[str, Tensor], parameter: str, weight: Tensor) -> Tensor:
    unused = torch.zeros(weight.shape[2:], dtype=torch.bool, device="cpu")
    return per_layer.get(parameter.removesuffix(".weight"), unused)


def _total(output: Any) -> Tensor:
    """Return the sum of all tensors in a model's output that depend on the image, whatever its structure."""
    leaves = torch.utils._pytree.tree_leaves(output)
    live = [leaf.double().sum() for leaf in leaves if isinstance(leaf, Tensor) and leaf.requires_grad]
    if not live:
        raise RflibError("no gradient leads from the output to the image; expected a network without detach")
    return torch.stack(live).sum()
