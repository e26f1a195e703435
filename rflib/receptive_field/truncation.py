"""Cut a network at its border layer and classify what is left."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import DualGraphModule, NodePathTracer

from rflib.activations import device_of, dtype_of, evaluation_mode
from rflib.errors import RflibError, UsageError
from rflib.receptive_field.fields import BorderRule
from rflib.receptive_field.graph import analyse


class Truncated(nn.Module):
    """The productive part of a network, global average pooling and a linear layer; gives class scores.

    `body` keeps the modules' own names. `cut` is the node of the original's graph at which it was cut, `removed` are
    the convolutions that are gone.

    Example:
        >>> model = nn.Sequential(*(nn.Conv2d(3, 3, 5, padding=2) for _ in range(4)))
        >>> truncated = rflib.receptive_field.truncate(model, 8, classes=10)
        >>> truncated.cut, truncated(torch.zeros(2, 3, 8, 8)).shape
        ('1', torch.Size([2, 10]))
    """

    def __init__(self, body: nn.Module, classifier: nn.Linear, cut: str, removed: tuple[str, ...]) -> None:
        super().__init__()
        self.body, self.pool, self.classifier = body, nn.AdaptiveAvgPool2d(1), classifier
        self.cut, self.removed = cut, removed

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (n, classes) of images (n, channels, height, width)."""
        maps = self.body(images)["maps"]
        scores: Tensor = self.classifier(self.pool(maps).flatten(1))
        return scores


def truncate(
    model: nn.Module,
    resolution: int,
    *,
    rule: BorderRule = "paper",
    channels: int = 3,
    classes: int | None = None,
) -> Truncated:
    """Return a copy of `model` without its unproductive tail for images of `resolution` pixels (square).

    Every convolution before the border layer (`Fields.border_layer`, smallest field) stays, the tail is replaced by
    global average pooling and a linear layer (Richter et al., "Should You Go Deeper?", section VIII). A network can be
    cut only where one tensor carries everything, between the layers of a sequential network or between the blocks of
    a staged one: a block that the border runs through stays whole, and so do pools and activations between the cut
    and the next convolution. In residual networks the tail holds convolutions that read a shortcut; see `Fields.tail`.

    `classes` defaults to the width of the network's last linear layer; the new linear layer is initialised by torch.
    Weights are copied and `model` is left as it was. Raises UsageError without a border layer, or where nothing would
    be removed, and RflibError for a network whose path depends on values.

    Example:
        >>> model = nn.Sequential(*(nn.Conv2d(3, 3, 5, padding=2) for _ in range(4)))
        >>> rflib.receptive_field.truncate(model, 8, classes=10).removed
        ('2', '3')
    """
    fields = analyse(model, (channels, resolution, resolution))
    tail = fields.tail(resolution, rule=rule)
    if not tail:
        raise UsageError(
            f"truncate: expected a network with an unproductive tail at {resolution} pixels, found that every layer "
            "is productive; nothing needs cutting"
        )
    convolutions = [layer.name for layer in fields.layers if layer.is_convolution]
    border = next((name for name in convolutions if name in tail), None)
    kept = convolutions[: convolutions.index(border)] if border else []
    if not kept:
        raise UsageError(
            f"truncate: the first convolution is unproductive at {resolution} pixels; expected a larger one"
        )
    cuts, removed = _cuts(model, convolutions, kept)
    kind: dict[str, Any] = {"device": device_of(model), "dtype": dtype_of(model)}
    for cut in cuts:
        body = _body(model, cut)
        with evaluation_mode(body), torch.no_grad():
            maps = body(torch.zeros(1, channels, resolution, resolution, **kind))["maps"]
        if _is_map(body, maps, (channels, resolution, resolution)):
            classifier = nn.Linear(maps.shape[1], classes or _classes(model), **kind)
            return Truncated(body, classifier, cut, removed).train(model.training)
    raise UsageError(
        "truncate: expected a map (n, channels, height, width) between the border layer and the next convolution, "
        "found none: the network carries something else there"
    )


def _is_map(body: nn.Module, maps: object, shape: tuple[int, int, int]) -> bool:
    """Whether a body's output is one map with its channels first, as global pooling and the classifier need it."""
    if not isinstance(maps, Tensor) or maps.dim() != 4:
        return False
    try:
        return analyse(body, shape).outputs[""].map_size == tuple(maps.shape[2:])
    except (KeyError, RflibError):
        return False


def _cuts(model: nn.Module, convolutions: Sequence[str], kept: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the names of the nodes to cut behind, the last one first, and the convolutions behind them."""
    tracer = NodePathTracer()
    order = list(_trace(tracer, model).nodes)
    found = {index: name for index, name in _calls(order) if name in set(convolutions)}
    missing = set(convolutions) - set(found.values())
    if missing:
        raise UsageError(
            f"truncate: expected convolutions that are modules, found others: {', '.join(sorted(missing))}"
        )
    last = max(index for index, name in found.items() if name in set(kept))
    possible = [index for index in _bottlenecks(order) if index >= last]
    behind = [index for index in found if possible and index > possible[0]]
    if not behind:
        raise UsageError(
            "truncate: expected a place between the border layer and a later convolution at which one tensor carries "
            "everything, found none; nothing would be removed"
        )
    places = sorted((index for index in possible if index < min(behind)), reverse=True)
    names = [tracer.node_to_qualname[order[place]] for place in places]
    return names, tuple(found[index] for index in behind)


def _trace(tracer: fx.Tracer, model: nn.Module) -> fx.Graph:
    try:
        with evaluation_mode(model):
            return tracer.trace(model)
    except Exception as error:
        raise RflibError(
            f"truncate: {type(model).__name__} cannot be traced: {error}. Expected a network whose path does not "
            "depend on its input"
        ) from error


def _calls(order: Sequence[fx.Node]) -> Iterator[tuple[int, str]]:
    """Yield the place and the name of every module call; a second call of a module has "@1" behind its name."""
    uses: Counter[str] = Counter()
    for index, node in enumerate(order):
        if node.op == "call_module":
            name = str(node.target)
            yield index, f"{name}@{uses[name]}" if uses[name] else name
            uses[name] += 1


def _bottlenecks(order: Sequence[fx.Node]) -> list[int]:
    """Return the places at which no value but the node's own is read later."""
    place = {node: index for index, node in enumerate(order)}
    found, read_until = [], 0
    for index, node in enumerate(order):
        if read_until <= index and node.op.startswith("call"):
            found.append(index)
        if node.op != "get_attr":
            read_until = max(read_until, *(place[user] for user in node.users), 0)
    return found


def _body(model: nn.Module, cut: str) -> nn.Module:
    """Return a copy of the network up to a node, with one graph for training and one for evaluation."""
    copied = copy.deepcopy(model)
    training, evaluating = (_up_to(copied.train(mode), cut) for mode in (True, False))
    return DualGraphModule(copied, training, evaluating)


def _up_to(model: nn.Module, cut: str) -> fx.Graph:
    # torchvision's `create_feature_extractor` takes its own operations for leaves, whose convolutions cannot be found.
    tracer = NodePathTracer()
    graph = tracer.trace(model)
    (end,) = (node for node, name in tracer.node_to_qualname.items() if name == cut)
    for node in reversed(graph.nodes):
        if node.op == "output":
            graph.erase_node(node)
    with graph.inserting_after(end):
        graph.output({"maps": end})
    for node in reversed(list(graph.nodes)):  # whatever comes behind the cut, or leads nowhere
        if node.op not in ("output", "placeholder") and not node.users:
            graph.erase_node(node)
    graph.lint()
    return fx.GraphModule(model, graph).graph


def _classes(model: nn.Module) -> int:
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise UsageError("truncate: expected a network that ends in a linear layer, found none; give `classes`")
    return layers[-1].out_features
