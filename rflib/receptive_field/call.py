"""One operation of an exported graph: what its node says of itself, and how the rules see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from rflib.errors import RflibError
from rflib.receptive_field.axis import Signal


def operation_of(node: fx.Node) -> str:
    """Return the name of a node's operation, without its overload."""
    target: Any = node.target
    packet = getattr(target, "_overloadpacket", None)
    return packet.__name__ if packet is not None else getattr(target, "__name__", str(target))


def arguments_of(node: fx.Node) -> dict[str, Any]:
    """Return a node's arguments by the names of the operation's schema, defaults filled in."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return dict(node.kwargs)
    values = dict(zip((argument.name for argument in schema.arguments), node.args, strict=False))
    defaults = {argument.name: argument.default_value for argument in schema.arguments if argument.has_default_value()}
    return {**defaults, **values, **node.kwargs}


def calls_of(node: fx.Node) -> tuple[tuple[str, str], ...]:
    """Return the module calls around a node, outermost first: the module's name ("@1" for its second call), a key."""
    stack = node.meta.get("nn_module_stack") or {}
    calls = []
    for key, (path, _) in stack.items():
        _, mark, count = key.partition("@")
        calls.append((path.partition("@")[0] + mark + count, key))
    return tuple(calls)


def source_line(node: fx.Node) -> str:
    """Return the line of the model's source that made a node, as `file:line`, or the module that made it."""
    lines = [line.strip() for line in (node.meta.get("stack_trace") or "").splitlines()]
    frames = [line for line in lines if line.startswith('File "') and "/torch/nn/" not in line]
    # A library's line helps only where there is none of the user's.
    frames = [line for line in frames if "/site-packages/" not in line] or frames
    if not frames:
        calls = list((node.meta.get("nn_module_stack") or {}).values())
        return f"in module '{calls[-1][0]}'" if calls and calls[-1][0] else "source line unknown"
    path, _, rest = frames[-1].removeprefix('File "').partition('", line ')
    return f"{path}:{rest.partition(',')[0]}"


@dataclass
class Call:
    """An operation with its arguments by name; `signals` holds what each of its tensor inputs sees.

    A rule sets `has_context` when global context meets the local field, `misaligned` when branches do not share
    a centre.
    """

    node: fx.Node
    operation: str
    arguments: dict[str, Any]
    inputs: list[fx.Node]
    signals: list[Signal]
    shapes: list[Sequence[int]]
    include_context: bool
    has_context: bool = field(default=False, init=False)
    misaligned: bool = field(default=False, init=False)

    @property
    def signal(self) -> Signal:
        """What the first tensor input sees."""
        return self.signals[0]

    @property
    def shape(self) -> Sequence[int]:
        """Shape of the first tensor input."""
        return self.shapes[0]

    @property
    def result_shapes(self) -> list[Sequence[int]]:
        """Shapes of the results; more than one where the operation splits a tensor."""
        value = self.node.meta["val"]
        values = value if isinstance(value, list | tuple) else [value]
        return [each.shape for each in values if hasattr(each, "shape")]

    def fail(self, message: str) -> RflibError:
        """Return the error about this operation: node, operation, source line, what is wrong."""
        return RflibError(f"node '{self.node.name}' ({self.operation}, {source_line(self.node)}): {message}")

    def dimensions(self, name: str = "dim") -> list[int]:
        """Return the dimensions an argument names, counted from the end; all of them when it is absent."""
        given, rank = self.arguments.get(name), len(self.shape)
        if given is None or given == []:
            return list(range(-rank, 0))
        return [dim % rank - rank for dim in ([given] if isinstance(given, int) else given)]

    def dimension(self, name: str = "dim") -> int:
        """Return the one dimension an argument names, counted from the end."""
        return self.dimensions(name)[0]

    def spatial(self) -> Signal:
        """Return the first input's signal, checked to be laid out as (…, height, width)."""
        for axis, dim in zip(self.signal, (-2, -1), strict=True):
            if not axis.is_global and (axis.dim != dim or axis.merged):
                raise self.fail(
                    "expected height and width as the last two dimensions, found them moved or merged by an "
                    "earlier reshape; analyse the part of the network before that reshape"
                )
        return self.signal
