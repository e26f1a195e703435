"""What records activations or fixes the mode of a network, and always puts it back.

Everything here restores train flags, hooks and buffers on leaving, also after an exception, and draws no
random numbers: dropout is off in each mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import UnionType

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rflib.errors import UsageError, unknown

Consumer = Callable[[str, Tensor], None]
BatchConsumer = Callable[[str, Tensor, slice], None]


@contextmanager
def stream(model: nn.Module, names: Iterable[str], consume: Consumer) -> Iterator[None]:
    """Call `consume(name, output)` whenever a named module of `model` has run, before the next module runs.

    The output is the live tensor, attached to the graph: reduce it at once, or clone it, because a following
    in-place operation may overwrite it. Names are those of `model.named_modules()`; an unknown one raises
    UsageError, as does a module that returns anything but one tensor.
    """
    modules, handles = dict(model.named_modules()), []
    try:
        for name in names:
            if name not in modules:
                raise unknown("module", name, (known for known in modules if known))
            handles.append(modules[name].register_forward_hook(_hook(name, consume)))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def record(model: nn.Module, names: Iterable[str]) -> Iterator[dict[str, list[Tensor]]]:
    """Yield a dictionary that collects detached clones of named modules' outputs, one each time they run."""
    outputs: dict[str, list[Tensor]] = {name: [] for name in names}
    with stream(model, outputs, lambda name, output: outputs[name].append(output.detach().clone())):
        yield outputs


def over_batches(
    model: nn.Module,
    images: Tensor | Iterable[Tensor],
    names: Iterable[str],
    consume: BatchConsumer,
    *,
    batch_size: int,
) -> None:
    """Evaluate `model` on images (n, ...) in batches, or on batches of such, without gradients.

    `consume(name, output, rows)` is called as by `stream`, and told which of the images are in the batch.
    """
    rows = slice(0, 0)
    device = device_of(model)
    hooks = stream(model, names, lambda name, output: consume(name, output, rows))
    with evaluation_mode(model), torch.no_grad(), hooks:
        for batch in images.split(batch_size) if isinstance(images, Tensor) else images:
            rows = slice(rows.stop, rows.stop + len(batch))
            model(batch.to(device))


def examples(model: nn.Module, image: Tensor, names: Sequence[str], *, what: str, remedy: str) -> dict[str, Tensor]:
    """Return the outputs of named modules for one image; UsageError, for `what`, unless each of them runs once."""
    with evaluation_mode(model), torch.no_grad(), record(model, names) as outputs:
        model(image.to(device_of(model)))
    for name, runs in outputs.items():
        require_once(name, runs, what=what, remedy=remedy)
    return {name: output for name, (output,) in outputs.items()}


def require_once(name: str, runs: Sequence[Tensor], *, what: str, remedy: str) -> None:
    """Raise a UsageError unless a module ran exactly once in a forward pass."""
    if len(runs) != 1:
        raise UsageError(
            f"{what}: expected layer '{name}' to run once in a forward pass, found {len(runs)} times. {remedy}"
        )


def layer_names(
    model: nn.Module, layers: Sequence[str] | None, kinds: type | UnionType, *, what: str
) -> tuple[str, ...]:
    """Return the names of the layers to look at, by default of all modules of `kinds`; UsageError if there is none."""
    if layers is None:
        layers = [name for name, module in model.named_modules() if isinstance(module, kinds)]
    if not layers:
        raise UsageError(f"{what}: expected at least one layer, found none. Name the layers of this model.")
    return tuple(layers)


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put `model` into evaluation mode: dropout off, batch norm on its running statistics."""
    with _restored(model):
        model.eval()
        yield


@contextmanager
def batch_statistics(model: nn.Module) -> Iterator[None]:
    """Let batch norm use each batch's statistics, leaving the running ones alone; all else evaluates."""
    with evaluation_mode(model):
        for _, norm in _batch_norms(model):
            norm.training = True
            norm.track_running_stats = False  # the forward pass then neither reads nor writes the buffers
        yield


@contextmanager
def frozen_statistics(model: nn.Module, image_batches: Iterable[Tensor]) -> Iterator[None]:
    """Re-estimate the batch-norm statistics over `image_batches`, each (N, C, H, W), and freeze them.

    Mean and unbiased variance are the averages of the batches' own, weighted by the number of images; for
    equal batches that is torch's cumulative average (`momentum=None`). The earlier statistics come back on
    leaving. Raises UsageError without batches, or for a batch norm that keeps no running statistics.
    """
    with evaluation_mode(model):
        _reestimate(model, image_batches)
        model.eval()
        yield


def device_of(model: nn.Module) -> torch.device:
    """Return the device of the first parameter of `model`, the CPU for a model without parameters."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def dtype_of(model: nn.Module) -> torch.dtype:
    """Return the type of the first floating-point parameter of `model`, float32 for a model without."""
    return next((value.dtype for value in model.parameters() if value.is_floating_point()), torch.float32)


def _reestimate(model: nn.Module, image_batches: Iterable[Tensor]) -> None:
    for name, norm in _batch_norms(model):
        if norm.running_mean is None:
            raise UsageError(
                f"frozen statistics: expected batch norm '{name}' to keep running statistics, found "
                "track_running_stats=False. Use the statistics of each batch instead."
            )
        norm.training = True
    seen = 0
    with torch.no_grad():
        for images in image_batches:
            seen += len(images)
            for _, norm in _batch_norms(model):
                norm.momentum = len(images) / seen  # a running average with this weight is the plain mean so far
            model(images.to(device_of(model)))
    if not seen:
        raise UsageError("frozen statistics: expected at least one batch of images, found none. Pass some images.")


@contextmanager
def _restored(model: nn.Module) -> Iterator[None]:
    """Put back on leaving: train flags, batch-norm settings and every buffer's value."""
    modes = [(module, module.training) for module in model.modules()]
    settings = [(norm, norm.momentum, norm.track_running_stats) for _, norm in _batch_norms(model)]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for norm, momentum, tracked in settings:
            norm.momentum, norm.track_running_stats = momentum, tracked
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                setattr(module, name, buffer.copy_(value))


def _batch_norms(model: nn.Module) -> Sequence[tuple[str, _BatchNorm]]:
    return [(name, module) for name, module in model.named_modules() if isinstance(module, _BatchNorm)]


def _hook(name: str, consume: Consumer) -> Callable[[nn.Module, object, object], None]:
    def hook(module: nn.Module, inputs: object, output: object) -> None:
        if not isinstance(output, Tensor):
            raise UsageError(
                f"module '{name}': expected one tensor as its output, found {type(output).__name__}. "
                "Name a module inside it."
            )
        consume(name, output)

    return hook
