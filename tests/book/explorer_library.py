"""The library's side of the comparison with the explorer: networks as shapes alone, their maps and their fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from rflib import models
from rflib.config import ModelConfig
from rflib.models.of_torchvision import without_weights
from rflib.receptive_field import Fields
from rflib.receptive_field.graph import Recording

KNOB = ("pool_kernel", "pool_stride", "pool_dilation", "ceil_mode", "map_size")
OF_TORCHVISION = ("resnet50", "alexnet")
_ROOMY = 960


def network(settings: dict[str, Any]) -> nn.Module:
    """Return the library's network, as shapes alone."""
    if settings["architecture"] in OF_TORCHVISION:
        return without_weights(settings["architecture"])
    knob = {name: settings[name] for name in ("architecture", *KNOB) if name in settings}
    with torch.device("meta"):
        return models.build(ModelConfig.checked({**knob, "width": 0.03})).eval()


class Shapes:
    """Sizes of maps and amounts of padding as torch gives them, without memory, by module in order of calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.pads: dict[str, list[int]] = {}
        self._module = ""
        pad = torch.nn.functional.pad

        def recorded(maps: torch.Tensor, amounts: Sequence[int], *rest: Any, **options: Any) -> torch.Tensor:
            self.pads[self._module] = list(amounts)
            result = pad(maps, amounts, *rest, **options)
            if amounts[0]:  # at the end alone it moves no field and is no layer
                self.sizes.append(result.shape[-1])
            return result

        monkeypatch.setattr(torch.nn.functional, "pad", recorded)

    def watch(self, model: nn.Module) -> None:
        for name, module in model.named_modules():
            module.register_forward_pre_hook(lambda _module, _inputs, name=name: setattr(self, "_module", name))
            if isinstance(module, nn.Conv2d | nn.MaxPool2d) or _adds(module):
                module.register_forward_hook(lambda _module, _inputs, output: self.sizes.append(output.shape[-1]))

    def of(self, model: nn.Module, side: int) -> list[int]:
        self.sizes, self.pads = [], {}
        model(torch.empty(1, 3, side, side, device="meta"))
        return self.sizes


def _adds(module: nn.Module) -> bool:
    """Whether a module is a residual block, whose branches are added."""
    return hasattr(module, "downsample") and bool(getattr(module, "skips", True))


def arguments(model: nn.Module, pads: dict[str, list[int]]) -> dict[str, dict[str, Any]]:
    """Return what the operations of a network's modules are called with."""
    found: dict[str, dict[str, Any]] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d):
            names = ("kernel_size", "stride", "padding", "dilation")
            found[name] = {argument: getattr(module, argument) for argument in names}
    return found | {name: {"pad": amounts} for name, amounts in pads.items()}


def resolved(settings: dict[str, Any]) -> tuple[str, ...]:
    """Return what tells networks apart, None spelt out: the same for settings that mean the same."""
    if settings["architecture"] in OF_TORCHVISION:
        return (settings["architecture"],)
    values = ModelConfig.checked({name: settings[name] for name in ("architecture", *KNOB) if name in settings})
    return (values.architecture, *(str(getattr(values, name)) for name in KNOB))


class Library:
    """Sizes of maps, torch's own, and fields: one exported graph a structure, walked with each network's arguments."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shapes = Shapes(monkeypatch)
        self._recordings: dict[Any, Recording] = {}

    def open(self, settings: dict[str, Any]) -> None:
        self._settings, self.model = settings, network(settings)
        self.shapes.watch(self.model)

    def sizes(self, side: int) -> list[int]:
        return self.shapes.of(self.model, side)

    def fields(self) -> Fields:
        """Return the fields at the size last asked for."""
        structure = (self._settings["architecture"], *self.shapes.pads)
        if structure not in self._recordings:
            # Another copy: the hooks of this one are no part of the network.
            self._recordings[structure] = Recording(network(self._settings), (3, _ROOMY, _ROOMY))
        return self._recordings[structure].fields(arguments(self.model, self.shapes.pads))
