"""Truncation: what stays, what goes, and that the rest still computes what it did."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from rflib.errors import RflibError, UsageError
from rflib.receptive_field import analyse, truncate


class Block(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(before, after, 3, stride, 1), nn.Conv2d(after, after, 3, 1, 1)
        self.norm, self.shortcut = nn.BatchNorm2d(after), nn.Conv2d(before, after, 1, stride)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.norm(self.two(F.relu(self.one(maps)))) + self.shortcut(maps))


class Staged(nn.Module):
    """Three residual blocks; smallest fields that their convolutions read: 3, 7 | 3, 7 | 3, 11."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.stages = nn.ModuleList([Block(4, 4, 1), Block(4, 6, 2), Block(6, 8, 2)])
        self.head = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = F.relu(self.stem(images))
        for stage in self.stages:
            maps = stage(maps)
        return self.head(maps.mean((2, 3)))


def sequential() -> nn.Sequential:
    """Fields of the convolutions' inputs: 1, 4, 8, 18 (after a pool)."""
    return nn.Sequential(
        *[nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3, padding=1), nn.ReLU()],
        *[nn.Conv2d(5, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 7, 3, padding=1)],
        *[nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 3)],
    )


def outputs_of(model: nn.Module, module: nn.Module, images: Tensor) -> Tensor:
    kept: list[Tensor] = []
    handle = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    with torch.no_grad():
        model(images)
    handle.remove()
    return kept[0]


def test_sequential_network() -> None:
    model = sequential().eval()
    fields = analyse(model, (3, 16, 16))
    assert [layer.input_r_min[0] for layer in fields.convolutions] == [1, 4, 8, 18]
    found = truncate(model, 16)
    assert (found.cut, found.removed) == ("8", ("9",))  # activations and pools before the cut stay
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    maps = outputs_of(model, model[8], images)
    with torch.no_grad():
        assert torch.equal(found.body(images)["maps"], maps)
        assert torch.allclose(found(images), found.classifier(maps.mean((2, 3))))
    assert found.classifier.weight.shape == (3, 6)
    assert analyse(found, (3, 16, 16)).unproductive(16) == []


def test_a_smaller_image_cuts_more() -> None:
    model = sequential()
    removed = {size: truncate(model, size).removed for size in (4, 7, 8, 17)}
    assert removed == {4: ("5", "9"), 7: ("5", "9"), 8: ("9",), 17: ("9",)}
    with pytest.raises(UsageError, match="tail at 18 pixels, found that every layer is productive"):
        truncate(model, 18)


def test_staged_network_is_cut_between_blocks() -> None:
    model = Staged()
    fields = analyse(model, (3, 6, 6))
    assert fields.border_layer(6) == "stages.0.two"
    assert "stages.2.one" not in fields.unproductive(6)  # it reads a shortcut, and goes with its block all the same
    found = truncate(model, 6)
    assert found.removed == tuple(f"stages.{stage}.{name}" for stage in (1, 2) for name in ("one", "two", "shortcut"))
    assert found.classifier.weight.shape == (5, 4)
    images = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    model.eval()
    with torch.no_grad():
        assert torch.equal(found.eval().body(images)["maps"], outputs_of(model, model.stages[0], images))


def test_the_toolboxs_rule_can_cut_where_the_papers_cannot() -> None:
    model = Staged()
    fields = analyse(model, (3, 8, 8))
    assert fields.border_layer(8) == "stages.2.two"
    with pytest.raises(UsageError, match="one tensor carries everything, found none; nothing would be removed"):
        truncate(model, 8)
    assert fields.border_layer(8, rule="toolbox") == "stages.1.two"  # its window covers a map of two units
    assert truncate(model, 8, rule="toolbox").removed == ("stages.2.one", "stages.2.two", "stages.2.shortcut")


def test_a_transposed_convolution_can_be_the_border_layer() -> None:
    model = nn.Sequential(
        *[nn.Conv2d(3, 4, 5, 2, 2), nn.ReLU(), nn.Conv2d(4, 4, 5, 2, 2), nn.ReLU()],
        *[nn.ConvTranspose2d(4, 4, 2, 2), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.AdaptiveAvgPool2d(1)],
        *[nn.Flatten(), nn.Linear(3, 2)],
    )
    fields = analyse(model, (3, 12, 12))
    assert [(layer.name, layer.input_r_min[0]) for layer in fields.convolutions] == [
        *[("0", 1), ("2", 5), ("4", 13), ("6", 13)],
    ]
    found = truncate(model, 12)
    assert (found.cut, found.removed) == ("3", ("4", "6"))


@pytest.mark.parametrize("training", [True, False])
def test_the_original_is_left_alone(training: bool) -> None:
    model = sequential().train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = truncate(model, 8, classes=9)
    assert found.training == model.training == training
    assert found.classifier.out_features == 9
    loss = found(torch.ones(2, 3, 8, 8)).sum()
    loss.backward()
    assert all(parameter.grad is not None for parameter in found.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "removed", "last"),
    [("vgg16", 6, "features.17"), ("resnet18", 5, "layer4.0.conv1"), ("densenet121", 32, "features.denseblock4")],
)
def test_torchvision_at_the_size_of_cifar10(name: str, removed: int, last: str) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None)
    found = truncate(model, 32, classes=10)
    assert len(found.removed) == removed
    assert found.removed[0].startswith(last)
    smaller, larger = (sum(value.numel() for value in each.parameters()) for each in (found, model))
    assert smaller < larger


def test_what_cannot_be_truncated() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.head = nn.Parameter(torch.ones(3, 3, 5, 5)), nn.Linear(3, 2)

        def forward(self, maps: Tensor) -> Tensor:
            for _ in range(4):
                maps = F.conv2d(maps, self.weight, padding=2)
            return self.head(maps.mean((2, 3)))

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = sequential()

        def forward(self, images: Tensor) -> Tensor:
            return self.layers(images) if images.shape[0] > 0 else images

    with pytest.raises(UsageError, match="expected convolutions that are modules, found others: conv2d, conv2d_1"):
        truncate(Functional(), 8)
    with pytest.raises(RflibError, match=r"Looks cannot be traced: .*path does not depend on its input"):
        truncate(Looks(), 8)
    with pytest.raises(UsageError, match=r"ends in a linear layer, found none; give `classes`"):
        truncate(nn.Sequential(*sequential()[:10]), 8)
