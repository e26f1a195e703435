from collections.abc import Callable

import pytest
import torch
from torch import nn


@pytest.fixture
def support() -> Callable[[nn.Module, int, int], list[tuple[int, int]]]:
    """Brute force: light one row of a black image after the other and see which units of the last map respond.

    Weights are made positive first, so a unit responds exactly if the row (axis 0; column for axis 1) is in its
    field. Returns the first and last one seen by each unit (-1 by one that sees padding alone), for a network of one
    input channel; the image has `size` pixels along the axis and 32 along the other.
    """

    def rows(model: nn.Module, size: int, axis: int) -> list[tuple[int, int]]:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(1.0)
            shape = (size, 32) if axis == 0 else (32, size)
            images = torch.zeros(size, 1, *shape, dtype=torch.float64)
            for position in range(size):
                images[position].select(1 + axis, position).fill_(1.0)
            maps = model.double()(images).amax(1)
        responses = maps.amax(2 - axis) > 0
        seen = [unit.nonzero().flatten().tolist() or [-1] for unit in responses.T]
        return [(unit[0], unit[-1]) for unit in seen]

    return rows
