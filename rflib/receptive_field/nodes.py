"""What a node of an exported graph says of itself: its operation, arguments, modules and line of source."""

from __future__ import annotations

from typing import Any

from torch import fx


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
