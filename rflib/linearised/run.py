"""The context in which a model computes as a positive linear network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from rflib.errors import RflibError
from rflib.linearised.rules import MOVES, RULES
from rflib.linearised.values import is_live


@dataclass(frozen=True)
class Convolution:
    """One convolution that ran: its name, its output (n, 1, h, w) and its weight (1, 1, kernel height, width)."""

    name: str
    output: Tensor
    weight: Tensor


class Linearised(TorchFunctionMode):
    """A context in which `model` computes as a positive linear network of one channel.

    With `axis` 0 (height) or 1 (width) the network is one-dimensional: kernels, strides and padding along the other
    axis are 1, 1 and 0, and the image has one pixel there. Maps that hold one value for the whole image (the gate of
    squeeze-and-excitation) are then treated as constants where they meet a larger map.

    `convolutions` lists what ran, in order. A convolution has its module's name; when it runs again, "@1", "@2" …
    follow; one whose weight is no parameter of the model is called as in the exported graph (conv2d, conv2d_1 …).
    An operation without a linear form raises an `RflibError` that names it. The model itself is never changed.
    """

    def __init__(self, model: nn.Module, *, axis: int | None = None) -> None:
        super().__init__()
        self.axis = axis
        self.convolutions: list[Convolution] = []
        self._names = {id(value): name.rpartition(".")[0] for name, value in model.named_parameters()}
        self._weights: dict[int, Tensor] = {}
        self._uses: dict[str, int] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute `func` in its linear form."""
        name, kwargs = getattr(func, "__name__", str(func)).strip("_"), kwargs or {}
        if not _any_live([*args, *kwargs.values()]):
            return func(*args, **kwargs)
        if name in RULES:
            return RULES[name](self, *args, **kwargs)
        result = func(*args, **kwargs)
        if name not in MOVES and _any_live([result]):
            raise RflibError(
                f"'{name}' has no linear form: expected convolutions, pools, activations, normalisation, sums, "
                "products or reshapes. Measure the part of the network before it"
            )
        return result

    def image(self, size: tuple[int, int], *, channels: int, batch: int = 1) -> tuple[Tensor, Tensor]:
        """Return the pixels (batch, 1, h, w), all one and a leaf for gradients, and the image made of them."""
        pixels = torch.ones(batch, 1, *size, dtype=torch.float64, requires_grad=True)
        return pixels, pixels.expand(-1, channels, -1, -1)

    def per_axis(self, value: Any, neutral: int) -> tuple[int, int]:
        """Return a setting as (height, width), `neutral` for the axis that a one-dimensional run leaves out."""
        pair = list(value) if isinstance(value, tuple | list) else [value]
        pair = pair * 2 if len(pair) == 1 else pair
        if self.axis is not None:
            pair[1 - self.axis] = neutral
        return pair[0], pair[1]

    def weight_of(self, parameter: Tensor) -> Tensor:
        """Return the one-channel weight that stands for `parameter`, the same one at every use."""
        if id(parameter) not in self._weights:
            kernel = self.per_axis(tuple(parameter.shape[2:]), 1)
            self._weights[id(parameter)] = torch.ones(1, 1, *kernel, dtype=torch.float64, requires_grad=True)
        return self._weights[id(parameter)]

    def record(self, parameter: Tensor, output: Tensor) -> None:
        """Add a convolution that has just run to `convolutions`."""
        name = self._names.get(id(parameter))
        if name is None:
            position = len(self.convolutions)
            label = f"conv2d_{position}" if position else "conv2d"
        else:
            earlier = self._uses.get(name, 0)
            self._uses[name] = earlier + 1
            label = f"{name}@{earlier}" if earlier else name
        self.convolutions.append(Convolution(label, output, self.weight_of(parameter)))


def _any_live(values: list[Any]) -> bool:
    nested = [item for value in values if isinstance(value, list | tuple) for item in value]
    return any(is_live(value) for value in [*values, *nested])
