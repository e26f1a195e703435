"""`rflib analyse`: fields of our networks, torchvision's and anyone's, as a table and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


def test_the_last_convolution_by_both_computations(rflib: Call) -> None:
    answer = rflib("analyse", "rf_resnet50", "--pool-kernel", "2")
    assert answer.code == 0
    assert "last convolution layer4.2.conv3: field 212 px from the graph, 212 px by gradient" in answer.out
    assert answer.err == ""


@pytest.mark.parametrize(("kernel", "field", "dead"), [("1", 180, 0.0), ("4", 714, 0.79)])
def test_values_for_programs(rflib: Call, kernel: str, field: int, dead: float) -> None:
    answer = rflib("analyse", "rf_vgg19", "--pool-kernel", kernel, "--json")
    assert answer.code == 0
    values = json.loads(answer.out)
    assert values["receptive_field"] == values["receptive_field_by_gradient"] == [field, field]
    assert values["dead_share"] == pytest.approx(dead, abs=0.01)
    assert values["layers"][0]["layer"] == "features.0"


def test_a_picture(rflib: Call, tmp_path: Path) -> None:
    page = tmp_path / "field.html"
    answer = rflib("analyse", "torchvision:vgg11", "--html", str(page))
    assert answer.code == 0
    assert "border layer at 32 px: features.13 (b_min)" in answer.out
    assert answer.err == f"Picture: {page}\n"
    assert "Receptive fields of torchvision:vgg11" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["rf_vgg91"], 2, "unknown network 'rf_vgg91': expected one of "),
        (["rf_vgg19", "--pool-kernel", "20"], 2, "runs out of pixels. Expected at least 160 pixels"),
        (["torchvision:resnet5"], 2, "Did you mean 'resnet50'?"),
        (["absent.py:Net"], 2, "absent.py: expected a Python file that defines Net, found no such file"),
    ],
)
def test_what_cannot_be_analysed(rflib: Call, arguments: list[str], code: int, message: str) -> None:
    answer = rflib("analyse", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert message in answer.err


STUDENT = """
import torch
import torch.nn.functional as F
from torch import nn


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.near = nn.Conv2d(8, 8, 3, padding=1)
        self.far = nn.Conv2d(8, 8, 3, padding=3, dilation=3)
        self.head = nn.Conv2d(16, 16, (3, 5), padding=(1, 2))
        self.classes = nn.Linear(16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 2)
        x = torch.cat([self.near(x), self.far(x)], dim=1)
        x = F.avg_pool2d(F.relu(x), 3, stride=2, padding=1)
        return self.classes(self.head(x).mean(dim=(2, 3)))


class WithAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.classes = nn.Linear(8, 10)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x, _ = self.attention(x, x, x)
        return self.classes(x.mean(dim=1))
"""


def test_a_student_s_own_network(rflib: Call, tmp_path: Path) -> None:
    file = tmp_path / "my_network.py"
    file.write_text(STUDENT, encoding="utf-8")
    answer = rflib("analyse", f"{file}:StudentNet", "--json")
    assert answer.code == 0
    values = json.loads(answer.out)
    found = {layer["layer"]: (layer["r_min"], layer["r_max"]) for layer in values["layers"]}
    # By hand: 3, + 1 by the pool; at stride 2 a 3x3 adds 4, dilated by 3 it adds 12, and the average pool 4 more.
    assert found["near"] == ([8, 8], [8, 8])
    assert found["far"] == ([16, 16], [16, 16])
    # At stride 4 the last kernel adds 8 rows and 16 columns to each path.
    assert found["head"] == ([20, 28], [28, 36])
    assert values["receptive_field_by_gradient"] == [28, 36]


def test_attention_is_refused_by_its_place(rflib: Call, tmp_path: Path) -> None:
    file = tmp_path / "my_network.py"
    file.write_text(STUDENT, encoding="utf-8")
    answer = rflib("analyse", f"{file}:WithAttention")
    assert (answer.code, answer.out) == (1, "")
    line = 1 + STUDENT.splitlines().index("        x, _ = self.attention(x, x, x)")
    assert (
        f"node 'bmm' (bmm, {file}:{line}): attention and other matrix products of maps are not supported" in answer.err
    )
    assert "Analyse the part of the network before it" in answer.err


GREY = """
from torch import nn


class Grey(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d(4, 4, 5), nn.Flatten(), nn.Linear(4 * 11 * 11, 2))
"""


def test_images_of_one_channel(rflib: Call, tmp_path: Path) -> None:
    file = tmp_path / "grey.py"
    file.write_text(GREY, encoding="utf-8")
    answer = rflib("analyse", f"{file}:Grey", "--channels", "1")
    assert answer.code == 0
    assert "last convolution 1: field 11 px from the graph, 11 px by gradient" in answer.out
    assert "expected input[2, 3, 32, 32] to have 1 channels" in rflib("analyse", f"{file}:Grey").err


def test_a_picture_without_a_folder_is_refused_before_anything_runs(rflib: Call, tmp_path: Path) -> None:
    page = tmp_path / "nowhere" / "field.html"
    answer = rflib("analyse", "absent.py:Net", "--html", str(page))
    assert (answer.code, answer.out) == (2, "")
    assert f"--html {page}: expected a folder that is there, found none at {page.parent}" in answer.err
