"""Border layers, feasible resolutions and the table."""

import math

import pytest
import torch
import torchvision
from torch import Tensor, nn

from rflib.errors import UsageError
from rflib.receptive_field import Fields, analyse, tail_pattern


@pytest.fixture(scope="module")
def vgg16() -> Fields:
    with torch.device("meta"):
        return analyse(torchvision.models.vgg16(), (3, 224, 224))


@pytest.fixture(scope="module")
def resnet50() -> Fields:
    with torch.device("meta"):
        return analyse(torchvision.models.resnet50(), (3, 224, 224))


def stack(*kernels: int | tuple[int, int]) -> Fields:
    return analyse(nn.Sequential(*(nn.Conv2d(3, 3, kernel) for kernel in kernels)), (3, 64, 64))


def test_border_layer_rules_differ(vgg16: Fields) -> None:
    """conv3_3 sees 40 pixels and its input 32: on 32 pixels the toolbox counts it, the paper does not."""
    assert vgg16["features.14"].r_min == (40, 40)
    assert vgg16.border_layer(32, rule="toolbox") == "features.14"
    assert vgg16.border_layer(32) == "features.17"
    assert vgg16.border_layer(31) == "features.14"
    assert vgg16.border_layer((32, 4000)) is None
    assert vgg16.border_layer(4000) is None


def test_counts_of_the_toolbox(vgg16: Fields) -> None:
    assert len(vgg16.critical(32)) == 10
    assert len(vgg16.unproductive(32, rule="toolbox")) == 10
    assert vgg16.unproductive(42_000, rule="toolbox") == []


def test_a_window_wider_than_its_map_is_a_border_for_the_toolbox() -> None:
    fields = stack(3, 5)
    assert fields.border_layer(5, rule="toolbox") == "1"
    assert fields.border_layer(6, rule="toolbox") is None
    assert fields.border_layer(5) is None


def test_unproductive_layers_of_a_residual_network_are_no_tail(resnet50: Fields) -> None:
    """The first convolution of a block reads the shortcut, whose smallest field is 11."""
    found = resnet50.unproductive(32)
    assert "layer4.2.conv1" not in found
    assert "layer4.2.conv3" in found
    assert resnet50["layer4.2.conv2"].r_min == (75, 75)
    assert found[0] == resnet50.border_layer(32) == "layer3.1.conv3"


def test_border_layers_of_both_paths(resnet50: Fields) -> None:
    """b_max lies before b_min: at 32 pixels the largest field reaches 35 in the first stage."""
    assert resnet50["layer1"].r_max == (35, 35)
    assert resnet50.border_layer(32, field="largest") == "layer1.2.conv3"
    assert resnet50["layer1.2.conv3"].input_r_max == (35, 35)
    assert resnet50.border_layer(32, rule="toolbox", field="largest") == "layer1.2.conv3"
    assert resnet50.border_layer(427, field="largest") is None
    everything = [layer.name for layer in resnet50.convolutions]
    behind = everything[everything.index("layer1.2.conv3") :]
    assert resnet50.unproductive(32, field="largest") == behind


def test_paths_of_a_sequential_network_are_one(vgg16: Fields) -> None:
    for resolution in (16, 32, 100, 212):
        for rule in ("paper", "toolbox"):
            assert vgg16.unproductive(resolution, rule=rule) == vgg16.unproductive(
                resolution, rule=rule, field="largest"
            )


def test_tail_is_one_run_to_the_end(vgg16: Fields, resnet50: Fields) -> None:
    assert vgg16.tail(32) == vgg16.unproductive(32)
    assert vgg16.tail(4000) == []
    tail = resnet50.tail(32)
    assert tail == [layer.name for layer in resnet50.convolutions][-len(tail) :]
    assert tail[0] == resnet50.border_layer(32)
    assert set(resnet50.unproductive(32)) < set(tail)
    assert "layer4.2.conv1" in tail


@pytest.mark.parametrize(
    ("saturation", "expected"),
    [
        ([0.6, 0.5, 0.4, 0.2, 0.1], [3, 4]),
        ([0.6, 0.1, 0.5, 0.2, 0.1], [4]),  # 0.2 is not below half of the average before it, 0.4
        ([0.4, 0.5, 0.25], []),
        ([0.5, 0.2], [1]),
        ([0.5, 0.25], []),
        ([0.3], []),
        ([], []),
    ],
)
def test_tail_pattern(saturation: list[float], expected: list[int]) -> None:
    layers = {f"conv{index}": value for index, value in enumerate(saturation)}
    assert tail_pattern(layers) == [f"conv{index}" for index in expected]


@pytest.mark.parametrize(
    ("kernels", "expected"),
    [((3,) * 6, ((13, 13), (13, 13))), (((3, 5),) * 6, ((13, 25), (13, 25)))],
)
def test_resolution_range_of_a_stack(kernels: tuple[int, ...], expected: tuple[tuple[int, int], ...]) -> None:
    assert stack(*kernels).resolution_range() == expected


def test_lower_bound_of_the_resolution_range() -> None:
    assert stack(*(3,) * 6).resolution_range(lower_bound=True) == ((11, 11), (13, 13))


def test_resolution_range_of_branches() -> None:
    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(*(nn.Conv2d(3, 3, 3) for _ in range(3)))
            self.one, self.two = nn.Conv2d(3, 3, (7, 12)), nn.Conv2d(3, 3, (21, 4), padding=(7, 0))
            self.tail = nn.Conv2d(3, 3, 3)

        def forward(self, images: Tensor) -> Tensor:
            maps = self.stem(images)
            one, two = self.one(maps), self.two(maps)
            return self.tail(one + two[:, :, :, 4:-4])

    assert analyse(Fork(), (3, 64, 64)).resolution_range() == ((27, 18), (29, 20))


def test_resolution_range_of_resnet50(resnet50: Fields) -> None:
    assert resnet50.resolution_range() == ((96, 96), (427, 427))


def test_feature_coordinates_round_trip(resnet50: Fields) -> None:
    generator = torch.Generator().manual_seed(0)
    for name in ("conv1", "layer2.1.conv2", "layer4"):
        for row, column in torch.randint(0, 50, (5, 2), generator=generator).tolist():
            assert resnet50[name].unit_at(resnet50[name].centre((row, column))) == (row, column)


def test_kernel_is_recovered(resnet50: Fields) -> None:
    assert resnet50["conv1"].kernel == (7, 7)
    assert resnet50["layer4.0.conv2"].kernel == (3, 3)
    assert resnet50["layer4.0.downsample.0"].kernel == (1, 1)
    assert resnet50["fc"].kernel == (math.inf, math.inf)


def test_table(resnet50: Fields) -> None:
    table = resnet50.table
    assert len(table) == len(resnet50) == len(list(resnet50))
    row = table.set_index("name").loc["layer4.2.conv3"]
    assert row["operation"] == "conv2d"
    assert (row["r_max_height"], row["stride_width"], row["offset_height"]) == (427, 32, -213)
    assert (table["operation"] == "conv2d").sum() == 53


def test_names_of_modules_that_are_no_layers(resnet50: Fields) -> None:
    assert "layer1.0.relu" in resnet50
    assert "layer1.0.relu" not in list(resnet50)
    assert resnet50["layer1.0.bn2"].r_max == resnet50["layer1.0.conv2"].r_max


def test_bad_questions(vgg16: Fields) -> None:
    with pytest.raises(UsageError, match=r"unknown border rule 'papre': .*Did you mean 'paper'"):
        vgg16.border_layer(32, rule="papre")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"unknown field 'max': expected one of largest, smallest"):
        vgg16.border_layer(32, field="max")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"resolution: expected pixels .* found 0"):
        vgg16.unproductive(0)
    fields = analyse(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), (3, 2, 2))
    with pytest.raises(UsageError, match="a convolution before any global pooling"):
        _ = fields.last_convolution
    with pytest.raises(UsageError, match="a convolution, found none"):
        fields.resolution_range()
