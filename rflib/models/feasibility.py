"""Which input sizes a network can take, and which layer runs out of pixels when it cannot."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from rflib.errors import UsageError

_LARGEST_TRIED = 4096


def failing_layer(model: nn.Module, image_size: int, *, channels: int = 3) -> str | None:
    """Return the name of the layer that cannot take its input for images of `image_size` pixels, or None.

    Runs on shapes alone (torch's meta device), so it costs no memory and leaves the model untouched.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(4))
        >>> rflib.models.failing_layer(model, 5), rflib.models.failing_layer(model, 6)
        ('1', None)
    """
    shadow = _shadow(model)
    return None if shadow is None else _failing(shadow, image_size, channels)


def smallest_input(model: nn.Module, *, channels: int = 3) -> int | None:
    """Return the smallest image side in pixels that `model` accepts, found by bisection on shapes.

    None when it does not even accept very large images: then it is not the size that it fails on.

    Example:
        >>> rflib.models.smallest_input(nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(4)))
        6
    """
    shadow = _shadow(model)
    if shadow is None or _failing(shadow, _LARGEST_TRIED, channels):
        return None
    low, high = 0, _LARGEST_TRIED
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _failing(shadow, middle, channels) else (low, middle)
    return high


def require_input(model: nn.Module, image_size: int, *, name: str = "the network", channels: int = 3) -> None:
    """Raise a `UsageError` that names the layer without pixels and the smallest input, if `image_size` is too small.

    Example:
        >>> rflib.models.require_input(nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(4)), 6)  # 5 would be an error
    """
    layer = failing_layer(model, image_size, channels=channels)
    smallest = smallest_input(model, channels=channels) if layer is not None else None
    if smallest is not None:
        raise UsageError(
            f"images of {image_size} pixels are too small for {name}: layer '{layer}' runs out of pixels. "
            f"Expected at least {smallest} pixels; use larger images or a smaller pool kernel."
        )


def _shadow(model: nn.Module) -> nn.Module | None:
    """Return a copy without storage, None for a model that cannot be copied (scripted, lazy, with weight norm)."""
    try:
        return copy.deepcopy(model).to("meta").eval()
    except Exception:  # torch raises many kinds
        return None


def _failing(shadow: nn.Module, image_size: int, channels: int) -> str | None:
    entered: list[str] = []
    names = {module: name for name, module in shadow.named_modules()}

    def enter(module: nn.Module, _inputs: Any) -> None:
        entered.append(names[module])

    hooks = [m.register_forward_pre_hook(enter) for m in shadow.modules() if not any(True for _ in m.children())]
    try:
        shadow(torch.empty(1, channels, image_size, image_size, device="meta"))
    except Exception:  # torch raises many kinds; networks of others assert
        return entered[-1] if entered else "input"
    finally:
        for hook in hooks:
            hook.remove()
    return None
