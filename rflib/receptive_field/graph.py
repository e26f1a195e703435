"""`analyse`: walk the graph that torch.export records and carry the field of every node along."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from rflib.activations import device_of, dtype_of, evaluation_mode
from rflib.errors import RflibError
from rflib.receptive_field.axis import Axis, Signal
from rflib.receptive_field.call import Call, arguments_of, calls_of, operation_of
from rflib.receptive_field.fields import Fields
from rflib.receptive_field.layer import LayerField, Pair, check_request
from rflib.receptive_field.operations import Outcome, apply

# Results that depend on the shape of their input only, or that nothing reads.
_CONSTANTS = {
    *("zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty"),
    *("rand_like", "randn_like", "sym_size", "sym_numel", "_assert_tensor_metadata", "_assert_async", "_assert_scalar"),
}

# Results that take no more than a shape or a type from their second tensor.
_FOLLOW = {"type_as", "expand_as", "view_as", "reshape_as", "to"}


def analyse(model: nn.Module, input_shape: tuple[int, int, int], *, include_context: bool = False) -> Fields:
    """Return the receptive field of every layer of `model` for images of `input_shape` (channels, height, width).

    Fields are theoretical and in pixels, one value an axis (height, width): the largest over all paths from the
    image to the layer and the smallest, with the stride and the position of the first unit. Linear layers and
    global pooling see everything (`math.inf`). Where global context meets a map (a squeeze-and-excitation gate, group
    norm), the context is left out and the node is listed in `Fields.context`; with `include_context` the largest
    field is infinite from there on. Channels are not told apart.

    Units of an enlarged map (transposed convolution, pixel shuffling, nearest or bilinear interpolation) see windows of
    several sizes: `LayerField` says which one is shown.

    The graph is `torch.export`'s, so dilation, grouping, functional calls and branches count; the recurrence is
    Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019. Raises `RflibError`,
    naming node and source line, for an operation that is not understood and for branches of unequal stride.
    The model is evaluated on shapes only and left as it was.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3))
        >>> fields = rflib.receptive_field.analyse(model, (3, 32, 32))
        >>> [(name, fields[name].r_max) for name in fields]
        [('0', (3, 3)), ('1', (4, 4)), ('2', (8, 8))]
    """
    return Recording(model, input_shape).fields(include_context=include_context)


class Recording:
    """The graph that a network's layers were called in; errors as `analyse`.

    It can be walked with other hyperparameters without another export, which takes fifty times as long.
    """

    def __init__(self, model: nn.Module, input_shape: tuple[int, int, int]) -> None:
        self.model, self.program = model, _export(model, input_shape)

    def fields(
        self, settings: Mapping[str, Mapping[str, Any]] | None = None, *, include_context: bool = False
    ) -> Fields:
        """Return the fields, with other arguments of modules' operations in `settings`: {"conv1": {"stride": (1, 1)}}.

        Shapes stay those of the recording: map sizes, and the windows of adaptive pools, are not those of the changed
        network, and it may not run at all.
        """
        return _Walk(self.model, self.program, settings or {}, include_context=include_context).fields()


# Layers also where they leave the field as it is.
_LAYERS = {"conv2d", "conv_transpose2d", "linear", "max_pool2d", "avg_pool2d"}

# Results that share memory with their input.
_VIEWS = {
    *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose", "swapaxes", "t"),
    *("movedim", "moveaxis"),
    *("slice", "select", "narrow", "chunk", "split", "split_with_sizes", "tensor_split", "unbind", "getitem"),
    *("expand", "expand_as", "alias", "detach", "numpy_T", "diagonal", "unfold"),
}


def _export(model: nn.Module, input_shape: tuple[int, int, int]) -> ExportedProgram:
    check_request(model, input_shape)
    dtype = dtype_of(model)
    # A batch of two: a batch of one is a size that reshapes could confuse with others.
    images = torch.zeros(2, *input_shape, dtype=dtype, device=device_of(model))
    try:
        with evaluation_mode(model), torch.no_grad():
            return torch.export.export(model, (images,), strict=False)
    except RflibError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RflibError(
            f"{type(model).__name__} cannot be traced on an input of {input_shape}: {reason}. Expected a network "
            "that takes one batch of images of this size and whose path does not depend on their values"
        ) from error


@dataclass(frozen=True)
class _Step:
    """A node that was walked: what its input and its output see, and the module calls it was made in.

    `input_largest` is the size of the largest field of the input that sees least.
    """

    node: fx.Node
    operation: str
    before: Signal
    after: Signal
    input_largest: Pair
    merges: bool
    calls: tuple[tuple[str, str], ...]

    @property
    def is_layer(self) -> bool:
        """Whether the node is a layer of its own: it convolves, pools, mixes, merges or changes the field."""
        changed = any(_size(one) != _size(two) for one, two in zip(self.before, self.after, strict=True))
        return changed or self.merges or self.operation in _LAYERS


def _size(axis: Axis) -> tuple[object, ...]:
    return (axis.units, axis.step)


class _Walk:
    """One pass over the graph, in order of execution."""

    def __init__(
        self,
        model: nn.Module,
        program: ExportedProgram,
        settings: Mapping[str, Mapping[str, Any]],
        *,
        include_context: bool,
    ) -> None:
        self.include_context, self.settings = include_context, settings
        self.seen: dict[fx.Node, Outcome] = {}
        self.steps: list[_Step] = []
        self.context: list[fx.Node] = []
        self.misaligned: list[fx.Node] = []
        self.modules = {name for name, _ in model.named_modules(remove_duplicate=False)}
        self.leaves = {
            name
            for name, module in model.named_modules(remove_duplicate=False)
            if name and (isinstance(module, nn.Conv2d) or not any(True for _ in module.children()))
        }
        inputs = {spec.arg.name for spec in program.graph_signature.input_specs if spec.kind == InputKind.USER_INPUT}
        for node in program.graph.nodes:
            if node.op == "placeholder" and node.name in inputs:
                self.seen[node] = Axis(-2), Axis(-1)
            elif node.op == "call_function":
                self._visit(node)

    def _visit(self, node: fx.Node) -> None:
        inputs = [each for each in node.all_input_nodes if each in self.seen]
        operation = operation_of(node)
        if operation in _FOLLOW:
            inputs = [each for each in inputs if each is node.args[0]]
        if not inputs or operation.rstrip("_") in _CONSTANTS:
            return
        if node.target is operator.getitem:
            outcome = self.seen[inputs[0]]
            self.seen[node] = outcome[node.args[1]] if isinstance(outcome, list) else outcome  # type: ignore[index]
            return
        shapes: list[Sequence[int]] = [each.meta["val"].shape for each in inputs]
        signals: list[Signal] = [self.seen[each] for each in inputs]  # type: ignore[misc]
        arguments = {**arguments_of(node), **self._set(node)}
        call = Call(
            node, operation.rstrip("_"), arguments, inputs, signals, shapes, include_context=self.include_context
        )
        outcome = apply(call)
        self.seen[node] = outcome
        if operation.endswith("_"):
            self._write_back(call, outcome)
        self.context += [node] if call.has_context else []
        self.misaligned += [node] if call.misaligned else []
        after = outcome[0] if isinstance(outcome, list) else outcome
        # A merge does not widen the field: its smallest field is the smallest of its inputs'.
        before = after if len(signals) > 1 else signals[0]
        largest = min(signal[0].largest for signal in signals), min(signal[1].largest for signal in signals)
        self.steps.append(_Step(node, call.operation, before, after, largest, len(signals) > 1, calls_of(node)))

    def _set(self, node: fx.Node) -> Mapping[str, Any]:
        """Return what is set of the module that a node was called in."""
        calls = calls_of(node) if self.settings else ()
        return self.settings.get(calls[-1][0].partition("@")[0], {}) if calls else {}

    def _write_back(self, call: Call, outcome: Outcome) -> None:
        """An in-place operation changes its input for everybody who reads it later."""
        target: Any = call.node.args[0]
        if self.seen.get(target) != outcome and self._is_read_elsewhere(target):
            raise call.fail(
                "expected an in-place change of a whole tensor, found one through a view or a slice of a tensor that "
                "is read later; write it out of place"
            )
        self.seen[target] = outcome

    def _is_read_elsewhere(self, view: fx.Node) -> bool:
        """Whether the tensor that `view` is a view of is read by a node not yet visited, itself or by another view.

        So is a tensor of which an earlier view is read later.
        """
        if any(reader not in self.seen for earlier in self._views_of(view) for reader in earlier.users):
            return True
        chain = [view]
        while operation_of(chain[-1]) in _VIEWS:
            chain.append(chain[-1].all_input_nodes[0])
        for base in chain[1:]:
            # Parts of one split do not overlap.
            views = [user for user in base.users if user not in chain and operation_of(user) in _VIEWS - {"getitem"}]
            readers = [*base.users, *(reader for other in views for reader in other.users)]
            if any(reader not in self.seen and operation_of(reader) not in _CONSTANTS for reader in readers):
                return True
        return False

    def _views_of(self, base: fx.Node) -> Iterator[fx.Node]:
        """Yield the views that were made of a tensor so far, and those of views."""
        for user in base.users:
            if user in self.seen and operation_of(user) in _VIEWS:
                yield user
                yield from self._views_of(user)

    def fields(self) -> Fields:
        """Return the layers under their names, and what every module call puts out."""
        names = self._names()
        layers = [_layer(names[step.node], step) for step in self.steps if step.is_layer]
        outputs = {name: _layer(name, step) for step in self.steps for name, _ in step.calls}
        return Fields(
            layers=layers,
            outputs=outputs,
            misaligned=tuple(names[node] for node in self.misaligned),
            context=tuple(names.get(node, node.name) for node in self.context),
        )

    def _names(self) -> dict[fx.Node, str]:
        """Name layers: the last one of a leaf module's call has the module's name, any other its node's name."""
        # A function may be called like a module: `conv2d` is then the module.
        names = {step.node: step.node.name + "()" * (step.node.name in self.modules) for step in self.steps}
        in_leaves = [step for step in self.steps if step.calls and step.calls[-1][0].partition("@")[0] in self.leaves]
        last = {step.calls[-1]: step.node for step in in_leaves if step.is_layer}
        return names | {node: name for (name, _), node in last.items()}


def _layer(name: str, step: _Step) -> LayerField:
    height, width = step.after
    value = step.node.meta["val"]
    shape = (value[0] if isinstance(value, list | tuple) else value).shape
    return LayerField(
        name=name,
        operation=step.operation,
        r_min=(height.smallest, width.smallest),
        r_max=(height.largest, width.largest),
        stride=(height.stride, width.stride),
        offset=(height.start, width.start),
        map_size=(_extent(height, shape), _extent(width, shape)),
        input_r_min=(step.before[0].smallest, step.before[1].smallest),
        input_r_max=step.input_largest,
        input_stride=(step.before[0].stride, step.before[1].stride),
    )


def _extent(axis: Axis, shape: Sequence[int]) -> int:
    return 1 if axis.dim is None or axis.merged else int(shape[axis.dim])
