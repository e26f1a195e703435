"""Refinement: change one hyperparameter so that every layer of a network is productive at a resolution."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from rflib.activations import device_of, dtype_of, evaluation_mode
from rflib.errors import RflibError, UsageError
from rflib.receptive_field.fields import Fields
from rflib.receptive_field.graph import Recording
from rflib.receptive_field.layer import LayerField, Pair
from rflib.receptive_field.windows import pair

Setting = Literal["stride", "kernel_size", "dilation"]
Sides = tuple[int, int]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Change:
    """Another value, (height, width), of one hyperparameter; `modules` are the layers that share it.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2))
        >>> rflib.receptive_field.Change("stride", ("0",), before=(2, 2), after=(1, 1)).apply(model)
        >>> model[0].stride
        (1, 1)
    """

    setting: Setting
    modules: tuple[str, ...]
    before: Sides
    after: Sides

    def __str__(self) -> str:
        """Return, for example, "stride 2 to 1 in layer2.0.conv2, layer2.0.downsample.0"."""
        before, after = ("×".join(map(str, dict.fromkeys(sides))) for sides in (self.before, self.after))
        return f"{self.setting.replace('_', ' ')} {before} to {after} in {', '.join(self.modules)}"

    def apply(self, model: nn.Module) -> None:
        """Set the hyperparameter in `model`, and the padding that follows from it."""
        for name in self.modules:
            module: Any = model.get_submodule(name)
            if self.setting != "stride":
                module.padding = _padding(module, self.setting, self.after)
                _pad_ahead(module, self.setting, self.after)
            setattr(module, self.setting, self.after)


@dataclass(frozen=True)
class Refinement:
    """One way to bring the smallest feasible resolution below the image's.

    changes: the hyperparameters to change (one, unless more were asked for).
    smallest_before, smallest_after: smallest feasible resolution, (height, width) in pixels.
    flops_before, flops_after: of one image, a multiply-add counted as two, by torch's counter.

    Example:
        >>> model = nn.Sequential(*(nn.Conv2d(3, 3, 3, stride=2, padding=1) for _ in range(3)))
        >>> refined = rflib.receptive_field.refine(model, 12, only_cheapest=True)[0]
        >>> refined.smallest_before, refined.smallest_after, refined.changes[0].modules, refined.model[1].stride
        ((15, 15), (11, 11), ('1',), (1, 1))
    """

    changes: tuple[Change, ...]
    smallest_before: Pair
    smallest_after: Pair
    flops_before: int
    flops_after: int
    original: nn.Module = field(repr=False, compare=False)

    def __str__(self) -> str:
        """Return the changes in words."""
        return "; ".join(map(str, self.changes))

    @cached_property
    def model(self) -> nn.Module:
        """A changed copy of the network, with its weights, which all still fit."""
        changed = copy.deepcopy(self.original)
        for change in self.changes:
            change.apply(changed)
        return changed


def refine(
    model: nn.Module, resolution: int, *, channels: int = 3, changes: int = 1, only_cheapest: bool = False
) -> list[Refinement]:
    """Return the changes that bring a network's smallest feasible resolution below `resolution` pixels, cheapest first.

    The smallest feasible resolution is that of `Fields.resolution_range`. Tried is every smaller stride and dilation of
    convolutions and pools, and every smaller kernel of pools that still covers its stride: none changes a parameter's
    shape. One hyperparameter is what all layers share that take the map from one stride to another (a stage's stride
    sits in its main path and in its shortcut); pools share their kernel and convolutions their dilation within a stage.
    Padding follows a kernel and a dilation. Changes that the network cannot run with, or that let branches of
    different stride meet, are left out; layers that are functional calls cannot be changed.

    With `changes` > 1, combinations of so many changes are tried where fewer do not suffice. The list is ordered by
    FLOPs after the change, and empty where nothing suffices or where the network is feasible already; with
    `only_cheapest` it ends with the first, which takes far less time. After the abstract of "Receptive Field Refinement
    for Convolutional Neural Networks Reliably Improves Predictive Performance", which does not define its I_min: the
    definition here is rfa_toolbox's.

    Raises UsageError for fewer than one change. `model` is left as it was.

    Example:
        >>> model = nn.Sequential(*(nn.Conv2d(3, 3, 3, stride=2, padding=1) for _ in range(3)))
        >>> found = rflib.receptive_field.refine(model, 12)
        >>> [(each.changes[0].modules, each.changes[0].after, each.smallest_after) for each in found]
        [(('1',), (1, 1), (11, 11)), (('0',), (1, 1), (9, 9))]
    """
    if changes < 1:
        raise UsageError(f"changes: expected at least 1, found {changes}")
    shape = (channels, resolution, resolution)
    # Only shapes matter: a copy without storage is cheap to change and to run.
    skeleton = _skeleton(model, shape)
    recording = Recording(skeleton, shape)
    fields = recording.fields()
    smallest = fields.resolution_range()[0]
    if _is_below(smallest, resolution):
        return []
    flops, options = _flops(skeleton, shape), list(_options(skeleton, fields))
    for count in range(1, changes + 1):
        found = []
        for candidate in _candidates(recording, shape, itertools.combinations(options, count), resolution):
            reached = _reached(candidate.model, shape)
            if reached is not None and _is_below(reached, resolution):
                found.append(Refinement(candidate.changes, smallest, reached, flops, candidate.flops, model))
                if only_cheapest:
                    return found
        if found:
            return sorted(found, key=lambda each: (each.flops_after, -max(each.smallest_after)))
    return []


def _is_below(smallest: Pair, resolution: int) -> bool:
    return max(smallest) < resolution


def _clash(chosen: Sequence[Change]) -> bool:
    settings = [(change.setting, name) for change in chosen for name in change.modules]
    return len(settings) > len(set(settings))


class _Candidate(NamedTuple):
    """A changed network that runs, on shapes alone, and that is likely to suffice."""

    changes: tuple[Change, ...]
    model: nn.Module
    flops: int
    smallest: float


def _candidates(
    recording: Recording, shape: Shape, combinations: Iterable[tuple[Change, ...]], resolution: int
) -> list[_Candidate]:
    """Return what is worth another export, cheapest first.

    Nothing is lost: changes make maps larger, never smaller, so what depends on their size (the window of an adaptive
    pool, an input that is one value for a whole map) has the larger field in the changed network.
    """
    found = []
    for chosen in combinations:
        if _clash(chosen) or (smallest := _smallest(recording, chosen)) >= resolution:
            continue
        changed = copy.deepcopy(recording.model)
        for change in chosen:
            change.apply(changed)
        try:
            found.append(_Candidate(chosen, changed, _flops(changed, shape), smallest))
        except Exception:  # torch raises many kinds; whatever it is, the network does not run
            continue
    return sorted(found, key=lambda each: (each.flops, -each.smallest))


def _smallest(recording: Recording, chosen: Sequence[Change]) -> float:
    """Return the smallest feasible resolution, as far as the recorded graph tells; 0 where it does not."""
    settings: dict[str, dict[str, Sides]] = {}
    for change in chosen:
        for name in change.modules:
            settings.setdefault(name, {})[change.setting] = change.after
    try:
        return max(recording.fields(settings).resolution_range()[0])
    except RflibError:
        return 0.0


def _reached(changed: nn.Module, shape: Shape) -> Pair | None:
    """Return the smallest feasible resolution of a changed network, None if branches no longer meet."""
    try:
        return Recording(changed, shape).fields().resolution_range()[0]
    except RflibError:
        return None


def _skeleton(model: nn.Module, shape: Shape) -> nn.Module:
    """Return a copy without storage, an ordinary one where the network holds tensors that do not move along."""
    try:
        copied = copy.deepcopy(model)
    except Exception as error:  # torch raises many kinds
        raise RflibError(
            f"refine: {type(model).__name__} cannot be copied: {error}. Remove old-style weight norm or whatever else "
            "keeps computed tensors in the network"
        ) from error
    skeleton = copy.deepcopy(copied).to("meta")
    try:
        _flops(skeleton, shape)
    except Exception:  # torch raises many kinds; whether the network runs at all shows later
        return copied
    return skeleton


def _flops(skeleton: nn.Module, shape: Shape) -> int:
    kind: dict[str, Any] = {"device": device_of(skeleton), "dtype": dtype_of(skeleton)}
    with evaluation_mode(skeleton), torch.no_grad(), FlopCounterMode(display=False) as counter:
        skeleton(torch.zeros(1, *shape, **kind))
    return int(counter.get_total_flops())


class _Shared(NamedTuple):
    """What the layers of one change have in common: a setting, its value, and where in the network they are."""

    setting: Setting
    value: Sides
    place: tuple[Pair, ...]


def _options(model: nn.Module, fields: Fields) -> Iterator[Change]:
    """Yield every change to try, from the image on."""
    modules: dict[str, Any] = dict(model.named_modules())
    groups: dict[_Shared, list[str]] = {}
    for layer in fields.layers:
        if layer.is_finite and layer.name in modules:
            for shared in _settings(layer, modules[layer.name]):
                groups.setdefault(shared, []).append(layer.name)
    for (setting, value, _), names in groups.items():
        # A pool narrower than its stride would skip pixels.
        least = max(max(pair(modules[name].stride)) for name in names) if setting == "kernel_size" else 1
        for side in range(least, max(value)):
            yield Change(setting, tuple(names), value, (min(side, value[0]), min(side, value[1])))


def _settings(layer: LayerField, module: Any) -> Iterator[_Shared]:
    """Yield the settings of a layer that can be lowered."""
    if not isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        return
    stride = pair(module.stride)
    if max(stride) > 1:
        yield _Shared("stride", stride, (layer.input_stride, layer.stride))
    if isinstance(module, nn.Conv2d) and max(pair(module.dilation)) > 1:
        yield _Shared("dilation", pair(module.dilation), (layer.input_stride,))
    if not isinstance(module, nn.Conv2d) and min(pair(module.kernel_size)) > max(stride):
        yield _Shared("kernel_size", pair(module.kernel_size), (layer.input_stride, stride))


def _padding(module: Any, setting: Setting, after: Sides) -> Sides | str:
    """Return the padding that keeps a layer's windows centred where they were."""
    if isinstance(module.padding, str):
        return module.padding
    dilation = pair(getattr(module, "dilation", 1))
    now = zip(pair(module.padding), pair(module.kernel_size), dilation, after, strict=True)
    height, width = (_centred(setting, *axis) for axis in now)
    return height, width


def _pad_ahead(module: Any, setting: Setting, after: Sides) -> None:
    """Renew what a convolution that pads by reflection, replication or round the image has worked out when built."""
    if getattr(module, "padding_mode", "zeros") == "zeros":
        return
    if module.padding == "same":
        extents = [d * (k - 1) for d, k in zip(after, module.kernel_size, strict=True)]
        around = [(extent // 2, extent - extent // 2) for extent in extents]
    else:
        around = [(side, side) for side in (pair(module.padding) if module.padding != "valid" else (0, 0))]
    module._reversed_padding_repeated_twice = [side for sides in reversed(around) for side in sides]


def _centred(setting: Setting, padding: int, kernel: int, dilation: int, after: int) -> int:
    extent = dilation * (kernel - 1)
    smaller = dilation * (after - 1) if setting == "kernel_size" else after * (kernel - 1)
    return max(0, padding - -(-(extent - smaller) // 2))
