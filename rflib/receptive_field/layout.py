"""Where height and width lie among a tensor's dimensions, through views, permutations and selections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rflib.receptive_field.axis import Axis, Signal, each_axis
from rflib.receptive_field.call import Call


def drop(axis: Axis, removed: Sequence[int]) -> Axis:
    """Return the axis after dimensions (counted from the end) were removed from its tensor."""
    if axis.dim is None:
        return axis
    return replace(axis, dim=axis.dim + sum(dim > axis.dim for dim in removed))


def select(call: Call) -> Signal | list[Signal]:
    """Follow `x[:, i]` and `unbind`; picking single rows or columns of the map is refused."""
    dim = call.dimension()
    if any(axis.dim == dim for axis in call.signal):
        raise call.fail("expected a choice of channels, found one of single rows or columns of the map")
    signal = each_axis(call.signal, lambda axis: drop(axis, [dim]))
    return [signal] * len(call.result_shapes) if call.operation == "unbind" else signal


def permute(call: Call) -> Signal:
    """Follow a permutation, a move of dimensions or a swap of two."""
    rank = len(call.shape)
    order = list(range(rank))
    if call.operation == "permute":
        order = [dim % rank for dim in call.arguments["dims"]]
    elif call.operation in ("movedim", "moveaxis"):
        moved = {new: old for old, new in zip(call.dimensions("source"), call.dimensions("destination"), strict=True)}
        rest = iter(dim for dim in range(-rank, 0) if dim not in moved.values())
        order = [(moved[dim] if dim in moved else next(rest)) % rank for dim in range(-rank, 0)]
    else:
        names = ("axis0", "axis1") if call.operation == "swapaxes" else ("dim0", "dim1")
        first, second = (call.arguments.get(name, which) for which, name in enumerate(names))
        order[first], order[second] = order[second], order[first]
    return each_axis(
        call.signal, lambda axis: axis if axis.dim is None else replace(axis, dim=order.index(axis.dim % rank) - rank)
    )


def reshape(call: Call) -> Signal:
    """Follow a change of shape that keeps the order of the elements."""
    after = call.result_shapes[0]
    height, width = each_axis(call.signal, lambda axis: _place(call, axis, call.shape, after))
    if height.dim == width.dim and height.dim is not None:
        height, width = replace(height, merged=True), replace(width, merged=True)
    return height, width


def _place(call: Call, axis: Axis, before: Sequence[int], after: Sequence[int]) -> Axis:
    """Find the dimension of the new shape that holds an axis: itself, or merged with its neighbours."""
    if axis.dim is None:
        return axis
    size, inner = before[axis.dim], math.prod(before[len(before) + axis.dim + 1 :])
    places = range(-1, -1 - len(after), -1)
    inners = {place: math.prod(after[len(after) + place + 1 :]) for place in places}
    same = [place for place in places if after[place] == size and inners[place] == inner]
    if same:
        return replace(axis, dim=axis.dim if axis.dim in same else same[0])
    holding = [place for place in places if inners[place] <= inner and inners[place] * after[place] >= size * inner]
    if not holding:
        raise call.fail("expected a reshape that keeps or merges height and width, found one that cuts them up")
    return replace(axis, dim=holding[0], merged=True)
