"""Input sizes: the smallest is the smallest, and the error names the layer that runs out of pixels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from rflib.errors import UsageError
from rflib.models import failing_layer, require_input, smallest_input

Make = Callable[..., nn.Module]

# k -> smallest image: 16 k pixels leave a map of 2 before the last halving in rf_vgg19; ceil mode never runs out.
SMALLEST = {
    "rf_vgg16": {1: 1, 2: 1, 3: 2, 4: 3},
    "rf_vgg19": {1: 8, 2: 16, 3: 24, 4: 32},
    "rf_resnet26": {1: 1, 2: 2, 3: 3, 4: 4},
    "rf_resnet50": {1: 1, 2: 2, 3: 3, 4: 4},
}


def accepts(model: nn.Module, side: int) -> bool:
    try:
        model.eval()(torch.zeros(1, 3, side, side))
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("architecture", sorted(SMALLEST))
def test_the_smallest_input_is_the_smallest(tiny_model: Make, architecture: str, kernel: int) -> None:
    model = tiny_model(architecture, pool_kernel=kernel)
    smallest = smallest_input(model)
    assert smallest == next(side for side in range(1, 100) if accepts(model, side))
    assert all(accepts(model, smallest + more) for more in range(8))


@pytest.mark.parametrize("map_size", ["padded", "dilated"])
def test_maps_of_constant_size_need_no_larger_images(tiny_model: Make, map_size: str) -> None:
    assert smallest_input(tiny_model("rf_vgg19", pool_kernel=4, map_size=map_size)) == 8


def test_too_small_images_name_the_layer_and_the_smallest_input(tiny_model: Make) -> None:
    model = tiny_model("rf_vgg19", pool_kernel=4)
    expected = (
        r"images of 16 pixels are too small for rf_vgg19: layer 'features\.27\.pool' runs out of pixels\. "
        r"Expected at least 32 pixels; use larger images or a smaller pool kernel\."
    )
    with pytest.raises(UsageError, match=expected):
        require_input(model, 16, name="rf_vgg19")
    require_input(model, 32)


@pytest.mark.parametrize(
    ("side", "layer"), [(3, "features.3.pool"), (4, "features.7.pool"), (8, "features.14.pool"), (32, None)]
)
def test_the_failing_layer(tiny_model: Make, side: int, layer: str | None) -> None:
    assert failing_layer(tiny_model("rf_vgg19", pool_kernel=4), side) == layer


def test_asking_leaves_no_trace(tiny_model: Make) -> None:
    model = tiny_model().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    smallest_input(model)
    assert failing_layer(model, 1) is not None
    assert model.training
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.modules())
