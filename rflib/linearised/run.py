"""The context in which a model computes as a positive linear network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from rflib.errors import RflibError
from rflib.linearised.rules import MOVES, RULES
from rflib.linearised.windows import is_live

_IN_PLACE = ("__iadd__", "__isub__", "__imul__", "__itruediv__", "__idiv__")


@dataclass(frozen=True)
class Convolution:
    """One convolution that ran: its name, its output (n, 1, h, w) and its weight (1, 1, kernel height, width).

    `enlarged`: some map had been enlarged by then, by a transposed convolution (itself) or an interpolation.
    """

    name: str
    output: Tensor
    weight: Tensor
    enlarged: bool


class Linearised(TorchFunctionMode):
    """A context in which `model` computes as a positive linear network of one channel.

    With `axis` 0 (height) or 1 (width) the network is one-dimensional: kernels, strides and padding along the other
    axis are 1, 1 and 0, and the image has one pixel there. Maps that hold one value for the whole image (the gate of
    squeeze-and-excitation) are then treated as constants where they meet a larger map.

    `convolutions` lists what ran, in order. A convolution has its module's name; when it runs again, "@1", "@2" …
    follow; one that is a function called in a larger module is called as in the exported graph (conv2d, conv2d_1 …).
    An operation without a linear form raises an `RflibError` that names it. The model itself is never changed.
    """

    def __init__(self, model: nn.Module, *, axis: int | None = None) -> None:
        super().__init__()
        self.model = model
        self.axis = axis
        self.convolutions: list[Convolution] = []
        self.enlarged = False
        modules = dict(model.named_modules())
        self._modules = {id(module): name for name, module in modules.items()}
        self._owners = {
            id(value): name
            for name, module in modules.items()
            if not any(True for _ in module.children())
            for value in module.parameters()
        }
        # Both keep what their keys stand for: the id of a tensor that is gone may come back as another's.
        self._weights: dict[int, tuple[Tensor, Tensor]] = {}
        self._written: dict[int, tuple[Tensor, Tensor]] = {}
        self._uses: dict[str, int] = {}
        self._functions: Counter[str] = Counter()
        self._calls: list[nn.Module] = []
        self._around = ExitStack()

    def __enter__(self) -> Self:
        """Follow the calls of modules by hooks for all modules: the model's own stay as they are."""
        self._around.enter_context(torch.compiler.set_stance("force_eager"))
        for handle in (
            register_module_forward_pre_hook(lambda module, _inputs: self._calls.append(module)),
            register_module_forward_hook(lambda _module, _inputs, _output: self._left(), always_call=True),
        ):
            self._around.callback(handle.remove)
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Stop following."""
        super().__exit__(*error)
        self._around.close()

    def output(self, image: Tensor) -> Any:
        """Return what the model makes of `image` in this context.

        Raises `RflibError` where an operation has no linear form, and for whatever the model's own code raises.
        """
        try:
            with self:
                return self.model(image)
        except RflibError:
            raise
        except Exception as error:  # torch raises many kinds; networks of others assert
            size = "x".join(map(str, image.shape[2:]))
            raise RflibError(
                f"{type(self.model).__name__} does not run on an image of {size} pixels: {_first_line(error)}"
            ) from error

    def _left(self) -> None:
        self._calls.pop()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute `func` in its linear form."""
        label, kwargs = getattr(func, "__name__", str(func)), kwargs or {}
        name = label.strip("_")
        if not _any_live([*args, *kwargs.values()]):
            # What is computed from parameters alone (weight norm) is a constant too.
            with torch.no_grad():
                return func(*args, **kwargs)
        if self._written:
            args, kwargs = tree_map(self._current, (args, kwargs))
        # A part of the model may run without gradients.
        with torch.enable_grad():
            if name in RULES:
                result = RULES[name](self, *args, **kwargs)
                if _is_in_place(label) and result is not args[0]:
                    self._written[id(args[0])] = args[0], result
                return result
            result = func(*args, **kwargs)
        if name not in MOVES and _any_live([result]):
            raise RflibError(
                f"'{name}' has no linear form: expected convolutions, pools, activations, normalisation, sums, "
                "products or reshapes. Measure the part of the network before it"
            )
        return result

    def _current(self, value: Any) -> Any:
        """Return what in-place operations have made of a value; nothing is ever written into a tensor here."""
        while isinstance(value, Tensor) and id(value) in self._written:
            value = self._written[id(value)][1]
        return value

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
            ones = torch.ones(1, 1, *kernel, dtype=torch.float64, requires_grad=True)
            self._weights[id(parameter)] = parameter, ones
        return self._weights[id(parameter)][1]

    def record(self, function: str, parameter: Tensor, output: Tensor) -> None:
        """Add a convolution that has just run, by a function of torch, to `convolutions`."""
        inside = self._calls[-1] if self._calls else None
        is_module = isinstance(inside, nn.Conv2d | nn.ConvTranspose2d)
        name = (self._modules if is_module else self._owners).get(id(inside if is_module else parameter))
        position = self._functions[function]
        self._functions[function] += 1
        if not name:
            label = f"{function}_{position}" if position else function
            label += "()" * (label in self._modules.values())
        else:
            earlier = self._uses.get(name, 0)
            self._uses[name] = earlier + 1
            label = f"{name}@{earlier}" if earlier else name
        self.convolutions.append(Convolution(label, output, self.weight_of(parameter), self.enlarged))


def _is_in_place(label: str) -> bool:
    """Whether a function such as `add_` or `__iadd__` changes its first argument."""
    return (label.endswith("_") and not label.startswith("_")) or label in _IN_PLACE


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


def _any_live(values: list[Any]) -> bool:
    nested = [item for value in values if isinstance(value, list | tuple) for item in value]
    return any(is_live(value) for value in [*values, *nested])
