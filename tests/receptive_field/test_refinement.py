"""Refinement: which hyperparameters are changed, what that brings and what it costs."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from rflib.errors import UsageError
from rflib.receptive_field import Refinement, analyse, refine
from rflib.receptive_field.graph import Recording


def described(found: list[Refinement]) -> list[tuple[str, float, float]]:
    return [(str(each), each.smallest_before[0], each.smallest_after[0]) for each in found]


def sizes(model: nn.Module) -> list[torch.Size]:
    return [parameter.shape for parameter in model.parameters()]


def plain(stride: int = 2, pool: tuple[int, int, int] = (3, 2, 1), dilation: int = 2) -> nn.Sequential:
    """Field: 3, then + 2 x 2 of the pool, then + 4 x 4 of the dilated convolution: 23."""
    kernel, step, padding = pool
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride, 1), nn.MaxPool2d(kernel, step, padding), nn.Conv2d(4, 5, 3, 1, dilation, dilation)
    )


def multiply_adds(model: nn.Sequential, pixels: int) -> int:
    """Twice the products of every convolution: kernel, channels in and out, and the map it fills."""
    maps, total = torch.zeros(1, 3, pixels, pixels), 0
    for layer in model:
        maps = layer(maps)
        if isinstance(layer, nn.Conv2d):
            total += 2 * layer.weight.numel() * maps.shape[2] * maps.shape[3]
    return total


def test_every_hyperparameter_is_tried_and_the_cheapest_comes_first() -> None:
    model = plain()
    assert analyse(model, (3, 23, 23)).resolution_range()[0] == (23, 23)
    found = refine(model, 23)
    assert described(found) == [
        ("kernel size 3 to 2 in 1", 23, 21),
        ("dilation 2 to 1 in 2", 23, 15),
        ("stride 2 to 1 in 1", 23, 15),
        ("stride 2 to 1 in 0", 23, 13),
    ]
    expected = [plain(pool=(2, 2, 0)), plain(dilation=1), plain(pool=(3, 1, 1)), plain(stride=1)]
    for refinement, same in zip(found, expected, strict=True):
        assert refinement.smallest_after == analyse(same, (3, 23, 23)).resolution_range()[0]
        assert refinement.flops_before == multiply_adds(model, 23)
        assert refinement.flops_after == multiply_adds(same, 23)
        assert sizes(refinement.model) == sizes(model)
        assert [layer.padding for layer in refinement.model] == [
            (value, value) if isinstance(changed.padding, tuple) else value
            for layer, changed in zip(same, refinement.model, strict=True)
            for value in [layer.padding[0] if isinstance(layer.padding, tuple) else layer.padding]
        ]


def test_a_lower_resolution_leaves_fewer_changes() -> None:
    assert [str(each) for each in refine(plain(), 15)] == ["stride 2 to 1 in 0"]
    assert refine(plain(), 13) == []
    assert refine(plain(), 24) == []  # feasible already


def test_several_changes_where_one_does_not_suffice() -> None:
    found = refine(plain(), 13, changes=2)
    assert all(len(each.changes) == 2 for each in found)
    assert str(found[0]) == "stride 2 to 1 in 1; dilation 2 to 1 in 2"
    assert found[0].smallest_after == (11, 11)
    assert analyse(found[0].model, (3, 13, 13)).resolution_range()[0] == (11, 11)
    with pytest.raises(UsageError, match="changes: expected at least 1, found 0"):
        refine(plain(), 13, changes=0)


@pytest.mark.parametrize("resolution", [13, 15, 23])
def test_the_cheapest_alone_is_the_first_of_all(resolution: int) -> None:
    whole = refine(plain(), resolution, changes=2)
    assert refine(plain(), resolution, changes=2, only_cheapest=True) == whole[:1]


def test_a_recorded_graph_has_the_fields_of_the_changed_network() -> None:
    recording = Recording(plain(), (3, 23, 23))
    assert recording.fields().resolution_range() == analyse(plain(), (3, 23, 23)).resolution_range()
    changed = recording.fields({"1": {"stride": (1, 1)}, "2": {"dilation": (1, 1)}})
    same = analyse(plain(pool=(3, 1, 1), dilation=1), (3, 23, 23))
    assert [layer.r_min for layer in changed.layers] == [layer.r_min for layer in same.layers]
    assert changed.resolution_range() == same.resolution_range()


class Stages(nn.Module):
    """A stage's stride sits in its main path and its shortcut, and changes in both."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.main = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1)
        self.shortcut, self.head = nn.Conv2d(4, 4, 1, 2), nn.Conv2d(4, 4, (3, 5), padding=(1, 2))

    def forward(self, images: Tensor) -> Tensor:
        maps = F.relu(self.stem(images))
        return self.head(self.main(maps) + self.shortcut(maps))


def test_layers_that_share_a_stride_change_together() -> None:
    model = Stages()
    assert analyse(model, (3, 20, 20)).resolution_range()[0] == (12, 20)  # the window covers 3 and 5 units of 4 pixels
    found = refine(model, 20)
    assert [str(each) for each in found] == ["stride 2 to 1 in main, shortcut", "stride 2 to 1 in stem"]
    assert found[0].model(torch.zeros(1, 3, 20, 20)).shape == (1, 4, 10, 10)


def test_the_copy_has_the_weights_and_the_original_is_left_alone() -> None:
    model = plain().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed = refine(model, 23)[1].model
    assert changed[2].dilation == (1, 1)
    assert model[2].dilation == (2, 2)
    assert changed.training
    assert all(torch.equal(before[name], value) for name, value in changed.state_dict().items())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert next(changed.parameters()).data_ptr() != next(model.parameters()).data_ptr()


NETWORKS = [
    ("vgg19", 224, "stride 2 to 1 in features.27", 268, 196),
    ("mobilenet_v2", 160, "stride 2 to 1 in features.14.conv.1.0", 163, 131),
    ("mobilenet_v3_large", 224, "stride 2 to 1 in features.13.block.1.0", 263, 199),
    ("mnasnet0_5", 160, "stride 2 to 1 in layers.9.0.layers.3", 283, 155),
    ("efficientnet_b0", 224, "stride 2 to 1 in features.4.0.block.1.0", 299, 171),
    ("convnext_tiny", 224, "stride 2 to 1 in features.6.1", 224, 128),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "resolution", "first", "before", "after"), NETWORKS)
def test_torchvision(name: str, resolution: int, first: str, before: int, after: int) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None)
    found = refine(model, resolution)
    assert described(found)[0] == (first, before, after)
    assert all(each.flops_after > each.flops_before for each in found)
    assert found == sorted(found, key=lambda each: each.flops_after)
    changed = found[0].model
    assert sizes(changed) == sizes(model)
    assert changed(torch.zeros(2, 3, resolution, resolution, device="meta")).shape == (2, 1000)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["mobilenetv1_100", "nasnetalarge"])
def test_timm(name: str) -> None:
    """MobileNetV1, and NASNet-A in its large variant, the only one in timm (minutes: it has 18 cells of five pairs)."""
    import timm  # here, because it takes seconds

    model = timm.create_model(name, pretrained=False)
    found = refine(model, 224)
    assert str(found[0]).startswith("stride 2 to 1 in ")
    assert all(max(each.smallest_after) < 224 <= max(each.smallest_before) for each in found)
    assert sizes(found[0].model) == sizes(model)
