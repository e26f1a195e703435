"""What `rflib analyse` shows of a network, and which networks it can load."""

from __future__ import annotations

import logging
import math
import sys
from pathlib import Path

import pytest
from torch import nn

from rflib.errors import RflibError, UsageError
from rflib.study.inspection import Inspection, inspect_network, load_network

NETWORKS = """\
from __future__ import annotations
from dataclasses import dataclass
import neighbour
import torch.nn.functional as F
from torch import nn

@dataclass
class Widths:
    channels: int = neighbour.CHANNELS

class Small(nn.Sequential):
    def __init__(self):
        width = Widths().channels
        super().__init__(
            nn.Conv2d(3, width, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(width, width, (3, 5), padding=(1, 2)),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2),
        )

class Grey(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3))

class Student(nn.Module):
    # Functional pooling and a dilated branch.
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.near = nn.Conv2d(8, 8, 3, padding=1)
        self.far = nn.Conv2d(8, 8, 3, padding=4, dilation=4)
        self.head = nn.Conv2d(8, 8, 3, padding=1)
        self.classify = nn.Linear(8, 10)

    def forward(self, images):
        maps = F.max_pool2d(F.relu(self.stem(images)), 2)
        maps = F.relu(self.near(maps) + self.far(maps))
        maps = F.avg_pool2d(self.head(maps), 2)
        return self.classify(maps.mean((2, 3)))

class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.mix = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, images):
        tokens = self.stem(images).flatten(2).transpose(1, 2)
        return self.mix(tokens, tokens, tokens)[0]

class DependsOnValues(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        maps = self.convolution(images)
        return maps + 1 if maps.sum() > 0 else maps

class NeedsWidth(nn.Module):
    def __init__(self, width):
        super().__init__()

class NoNetwork:
    pass
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of networks that imports a neighbour, named by its relative path."""
    (tmp_path / "networks.py").write_text(NETWORKS)
    (tmp_path / "neighbour.py").write_text("CHANNELS = 4\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "neighbour", raising=False)
    return "networks.py"


@pytest.fixture
def small(file: str) -> Inspection:
    return inspect_network(f"{file}:Small", resolution=16)


def test_a_network_of_a_file(small: Inspection) -> None:
    # 3, then 4 after the pool of stride 2, then 2 more strides of 2 pixels a tap: 8 high, 12 wide.
    assert small.rows[2] == ("2", "conv2d", "8×12", "8×12", "2", "-3×-5", "8", "")
    assert small.rows[3][3] == "∞"
    assert "last convolution 2: field 8×12 px from the graph, 8×12 px by gradient\n" in small.summary
    assert "dead taps at 16 px: 0.0 % of the prunable weights; 100.0 % of the pixels" in small.summary


def test_a_students_network(file: str) -> None:
    """3, 4 after the pool, then 8 or 20 through the branches, 4 more pixels, and 2 of the last pool."""
    found = inspect_network(f"{file}:Student", resolution=16)
    shown = {row[0]: row[2:5] for row in found.rows}
    assert shown == {
        "stem": ("3", "3", "1"),
        "max_pool2d": ("4", "4", "2"),
        "near": ("8", "8", "2"),
        "far": ("20", "20", "2"),
        "add": ("8", "20", "2"),
        "head": ("12", "24", "2"),
        "avg_pool2d": ("14", "26", "4"),
        "mean": ("∞", "∞", "∞"),
        "classify": ("∞", "∞", "∞"),
    }
    assert [row[0] for row in found.rows if row[-1] == "border"] == []
    assert "last convolution head: field 24 px from the graph, 24 px by gradient\n" in found.summary
    assert "border layer at 16 px: none (b_min), head (b_max); by the toolbox's rule far" in found.summary
    assert "feasible resolutions: 20 to 26 px" in found.summary
    assert "At 16 pixels no layer is unproductive" in found.page


def test_attention_is_refused_with_node_operation_and_line(file: str) -> None:
    line = NETWORKS.splitlines().index("        return self.mix(tokens, tokens, tokens)[0]") + 1
    message = rf"node '\w+' \(\w+, .*networks\.py:{line}\): attention and other matrix products .* are not supported"
    with pytest.raises(RflibError, match=message):
        inspect_network(f"{file}:Attentive", resolution=16)


def test_border_and_unproductive_layers_are_noted() -> None:
    found = inspect_network("torchvision:vgg11", resolution=32)
    notes = {row[0]: row[-1] for row in found.rows if row[-1]}
    assert notes == {"features.13": "border", "features.16": "unproductive", "features.18": "unproductive"}
    values = found.as_values()
    assert values["border_layer"] == "features.13"
    assert values["unproductive"] == list(notes)
    assert values["feasible_resolutions"] == [[150, 150], [150, 150]]


def test_values_are_plain_and_infinity_is_null(small: Inspection) -> None:
    values = small.as_values()
    assert values["receptive_field"] == values["receptive_field_by_gradient"] == [8, 12]
    assert [layer["layer"] for layer in values["layers"]] == ["0", "1", "2", "3", "5"]
    assert values["layers"][3]["r_max"] == [None, None]
    assert not math.isinf(values["layers"][2]["r_max"][0])


def test_loading_a_file_leaves_no_trace(file: str) -> None:
    paths, modules = list(sys.path), set(sys.modules)
    load_network(f"{file}:Small")
    assert sys.path == paths
    assert set(sys.modules) - modules <= {"neighbour"}


def test_ours_and_torchvisions() -> None:
    assert load_network("rf_vgg19", pool_kernel=3).features[3].pool.kernel_size == 3  # type: ignore[union-attr, index]
    assert isinstance(load_network("torchvision:squeezenet1_1"), nn.Module)
    assert isinstance(load_network("torchvision:googlenet"), nn.Module)
    assert isinstance(load_network("torchvision:lraspp_mobilenet_v3_large"), nn.Module)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rf_resnet5", r"unknown network 'rf_resnet5'.*Did you mean 'rf_resnet50'"),
        ("torchvision:resnet5", r"unknown torchvision network 'resnet5'.*Did you mean 'resnet50'\?"),
        ("torchvision:xyzzy", r"expected a classifier or a segmentation network of torchvision\.models\.$"),
        ("networks.py:Smal", r"unknown class in networks\.py 'Smal': expected one of Attentive, .*'Small'"),
        ("networks.py:NeedsWidth", r"built without arguments, found TypeError: .*'width'"),
        ("networks.py:NoNetwork", r"networks\.py:NoNetwork: expected a torch\.nn\.Module, found NoNetwork"),
        ("broken.py:Net", r"broken\.py: expected a file that Python can import, found ZeroDivisionError"),
        ("leaves.py:Net", r"leaves\.py: expected a file that Python can import, found SystemExit: 0"),
        ("absent.py:Net", r"absent\.py: expected a Python file that defines Net, found no such file"),
    ],
)
def test_what_cannot_be_loaded(file: str, name: str, message: str) -> None:
    Path("broken.py").write_text("1 / 0\n")
    Path("leaves.py").write_text("raise SystemExit(0)\n")
    with pytest.raises(UsageError, match=message):
        load_network(name)


@pytest.mark.parametrize("name", ["torchvision:resnet18", "networks.py:Small"])
def test_a_pool_kernel_belongs_to_ours(file: str, name: str) -> None:
    with pytest.raises(UsageError, match=rf"belongs to rf_ networks, found one for {name}: leave --pool-kernel out"):
        load_network(name, pool_kernel=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Grey", r"Grey cannot be traced on an input of \(3, 32, 32\): .*1 channels"),
        ("DependsOnValues", r"cannot be traced .*path does not depend on their values"),
    ],
)
def test_a_failure_that_no_larger_image_helps_is_not_called_small_images(
    file: str, name: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RflibError, match=message):
        inspect_network(f"{file}:{name}", resolution=32)
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == logging.NOTSET


CRAFTED = """\
import torch
import torch.nn.functional as F
from torch import nn

print("imported")

class Pyramid(nn.Module):
    # Cannot be measured: it interpolates its global branch in a way that is not positive.
    def __init__(self):
        super().__init__()
        self.stem, self.pool, self.head = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 3)

    def forward(self, images):
        maps = self.stem(images)
        print(maps.shape)
        return self.head(torch.cat([maps, F.interpolate(self.pool(maps), size=maps.shape[-2:], mode='bicubic')], 1))

class Single(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3))

class Lazy(nn.Sequential):
    def __init__(self):
        super().__init__(nn.LazyConv2d(4, 3))

class WeightNorm(nn.Sequential):
    def __init__(self):
        super().__init__(*(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 3)) for _ in range(2)))
"""


@pytest.fixture
def crafted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "crafted.py").write_text(CRAFTED)
    monkeypatch.chdir(tmp_path)
    return "crafted.py"


def test_what_cannot_be_measured_is_shown_without(crafted: str, capfd: pytest.CaptureFixture[str]) -> None:
    found = inspect_network(f"{crafted}:Pyramid", resolution=16)
    assert found.measured is None
    assert "field 5 px from the graph, not measured by gradient" in found.summary
    assert "no measurement by gradient: interpolation by 'bicubic' has no linear form" in found.summary
    assert "dead taps are not counted" not in found.summary
    assert found.as_values()["receptive_field_by_gradient"] is None
    assert capfd.readouterr().out == ""


def test_why_dead_taps_are_not_counted_is_said_where_it_is_another_reason(crafted: str) -> None:
    found = inspect_network(f"{crafted}:Single", resolution=16)
    assert found.measured == (3, 3)
    assert "dead taps are not counted: expected a network with at least two nn.Conv2d" in found.summary


def test_lazy_modules_and_weight_norm(crafted: str) -> None:
    with pytest.raises(RflibError, match="Lazy cannot be traced"):
        inspect_network(f"{crafted}:Lazy", resolution=16)
    assert "5 px by gradient" in inspect_network(f"{crafted}:WeightNorm", resolution=16).summary
