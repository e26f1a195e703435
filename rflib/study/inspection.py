"""What `rflib analyse` shows of one network. Imports torch."""

from __future__ import annotations

import importlib.util
import io
import logging
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from rflib import dead_taps, models, receptive_field
from rflib.config import ModelConfig
from rflib.errors import RflibError, UsageError, unknown

_MODULE_NAME = "analysed_network"


@dataclass(frozen=True)
class Inspection:
    """The fields of a network's layers in pixels, the last convolution measured by gradient, and its dead taps.

    `measured` is None where the gradient cannot be taken, `unmeasured` then says why. `taps` is None for a network
    with nothing to prune, or without a linear form; `uncounted` then says which.
    """

    model: str
    resolution: int
    fields: receptive_field.Fields
    measured: tuple[float, float] | None
    taps: dead_taps.DeadTaps | None
    unmeasured: str = ""
    uncounted: str = ""

    headings = ("layer", "operation", "r_min", "r_max", "stride", "offset", "map", "note")

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """One row a layer, as text; the note marks the border layer and other unproductive layers."""
        return [
            (
                layer.name,
                layer.operation,
                *map(_pair, (layer.r_min, layer.r_max, layer.stride, layer.offset, layer.map_size)),
                self._note(layer.name),
            )
            for layer in self.fields.layers
        ]

    def _note(self, layer: str) -> str:
        found = self.fields.unproductive(self.resolution)
        notes = ["border"] if layer in found[:1] else ["unproductive"] if layer in found else []
        return ", ".join(notes + ["misaligned branches"] * (layer in self.fields.misaligned))

    @property
    def summary(self) -> str:
        """The last convolution by both computations, the borders, and what never sees or carries a gradient."""
        fields, size = self.fields, self.resolution
        last, (smallest, largest) = fields.last_convolution, fields.resolution_range()
        borders = [fields.border_layer(size), fields.border_layer(size, field="largest")]
        lines = [
            f"last convolution {last.name}: field {_pair(last.r_max)} px from the graph, "
            + (f"{_pair(self.measured)} px by gradient" if self.measured else "not measured by gradient"),
            f"border layer at {size} px: {borders[0] or 'none'} (b_min), {borders[1] or 'none'} (b_max); by the "
            f"toolbox's rule {fields.border_layer(size, rule='toolbox') or 'none'}",
            f"feasible resolutions: {_pair(smallest)} to {_pair(largest)} px",
        ]
        widest = fields.widest_convolution
        if max(widest.r_max) > max(last.r_max):
            lines.insert(1, f"largest field of a convolution: {_pair(widest.r_max)} px in {widest.name}")
        if self.unmeasured:
            lines.append(f"no measurement by gradient: {self.unmeasured}")
        if fields.context:
            lines.append(f"global context is left out of the fields: {len(fields.context)} places")
        if fields.misaligned:
            lines.append(f"branches that meet off centre: {', '.join(fields.misaligned)}")
        if self.taps is not None:
            lines.append(
                f"dead taps at {size} px: {100 * self.taps.share:.1f} % of the prunable weights; "
                f"{100 * self.taps.input_share:.1f} % of the pixels can reach the output"
            )
        elif self.uncounted != self.unmeasured:
            lines.append(f"dead taps are not counted: {self.uncounted}")
        return "\n".join(lines)

    @property
    def page(self) -> str:
        """The growth of the field with the border layer, as a self-contained HTML page."""
        return receptive_field.growth_page(self.fields, self.resolution, title=f"Receptive fields of {self.model}")

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values for JSON; an infinite field is null."""
        fields, size = self.fields, self.resolution
        layers = [
            {"layer": layer.name, "operation": layer.operation}
            | {name: _finite(getattr(layer, name)) for name in ("r_min", "r_max", "stride", "offset", "map_size")}
            for layer in fields.layers
        ]
        return {
            "model": self.model,
            "resolution": size,
            "last_convolution": fields.last_convolution.name,
            "receptive_field": _finite(fields.last_convolution.r_max),
            "receptive_field_by_gradient": None if self.measured is None else _finite(self.measured),
            "widest_convolution": fields.widest_convolution.name,
            "largest_field": _finite(fields.widest_convolution.r_max),
            "border_layer": fields.border_layer(size),
            "border_layer_of_the_largest_field": fields.border_layer(size, field="largest"),
            "border_layer_by_the_toolbox": fields.border_layer(size, rule="toolbox"),
            "unproductive": fields.unproductive(size),
            "feasible_resolutions": [_finite(side) for side in fields.resolution_range()],
            "misaligned": list(fields.misaligned),
            "context": list(fields.context),
            "dead_share": None if self.taps is None else self.taps.share,
            "input_share": None if self.taps is None else self.taps.input_share,
            "layers": layers,
        }


def inspect_network(name: str, *, resolution: int, channels: int = 3, pool_kernel: int | None = None) -> Inspection:
    """Return what `rflib analyse` shows of the network called `name` at a resolution in pixels.

    Raises UsageError for a network that cannot be built, or that cannot take images of that resolution.
    """
    model = load_network(name, pool_kernel=pool_kernel)
    shape = (channels, resolution, resolution)
    with _quiet():
        models.require_input(model, resolution, name=name, channels=channels)
        fields = receptive_field.analyse(model, shape)
        measured, unmeasured = _measured(model, shape, fields.last_convolution.name)
        taps, uncounted = _dead_taps(model, shape)
        return Inspection(name, resolution, fields, measured, taps, unmeasured, uncounted)


def _measured(model: nn.Module, shape: tuple[int, int, int], name: str) -> tuple[tuple[float, float] | None, str]:
    """Return the field of a convolution by gradient, or why there is none."""
    try:
        found = receptive_field.measure(model, shape)
    except RflibError as error:
        return None, str(error)
    return (found[name].r_max, "") if name in found else (None, f"'{name}' ran under another name on the linear copy")


def _dead_taps(model: nn.Module, shape: tuple[int, int, int]) -> tuple[dead_taps.DeadTaps | None, str]:
    """Return the dead taps, or why they cannot be counted."""
    try:
        return dead_taps.share(model, shape), ""
    except RflibError as error:
        return None, str(error)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from printing the graph of a network that it cannot export; the error says what is wrong."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        # Networks print the shapes of their maps; what is shown may be JSON.
        with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def load_network(name: str, *, pool_kernel: int | None = None) -> nn.Module:
    """Return the network called `name`: ours, `torchvision:BUILDER`, or `path/to/file.py:ClassName`.

    `pool_kernel` (default 1) belongs to ours; UsageError where another is given one.
    """
    ours = not name.startswith("torchvision:") and ".py:" not in name
    if not ours and pool_kernel is not None:
        raise UsageError(f"a pool kernel belongs to rf_ networks, found one for {name}: leave --pool-kernel out")
    if name.startswith("torchvision:"):
        return models.from_torchvision(name.removeprefix("torchvision:"))
    if not ours:
        return _from_file(*name.rsplit(":", 1))
    if name not in models.ARCHITECTURES:
        raise unknown("network", name, [*models.ARCHITECTURES, "torchvision:NAME", "path/to/file.py:ClassName"])
    return models.build(ModelConfig.checked({"architecture": name, "pool_kernel": pool_kernel or 1}))


def _from_file(path: str, class_name: str) -> nn.Module:
    """Build a class of a file; asking for it is asking to run that file."""
    if not Path(path).is_file():
        raise UsageError(f"{path}: expected a Python file that defines {class_name}, found no such file")
    with _importable_neighbours(path), redirect_stdout(sys.stderr):
        module = _module(path)
        found = getattr(module, class_name, None)
        if found is None:
            classes = [key for key, value in vars(module).items() if _is_network_class(value, module)]
            raise unknown(f"class in {path}", class_name, classes)
        try:
            network = found()
        except Exception as error:
            raise UsageError(
                f"{path}:{class_name}: expected a class that is built without arguments, found {_described(error)}"
            ) from error
    if not isinstance(network, nn.Module):
        raise UsageError(f"{path}:{class_name}: expected a torch.nn.Module, found {type(network).__name__}")
    return network


def _module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_MODULE_NAME, path)
    assert spec is not None  # its name ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE_NAME] = module  # where dataclasses look for it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path}: expected a file that Python can import, found {_described(error)}") from error
    return module


def _is_network_class(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__


@contextmanager
def _importable_neighbours(path: str) -> Iterator[None]:
    """Let a file import its neighbours, as it can when Python runs it."""
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        yield
    finally:
        del sys.path[0]
        sys.modules.pop(_MODULE_NAME, None)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _pair(values: tuple[float, ...]) -> str:
    """Return "7" for equal sides and "7×11" (height, width) otherwise."""
    sides = ["∞" if math.isinf(value) else f"{value:g}" for value in values]
    return sides[0] if len(set(sides)) == 1 else "×".join(sides)


def _finite(values: tuple[float, ...]) -> list[float | None]:
    return [None if math.isinf(value) else value for value in values]
