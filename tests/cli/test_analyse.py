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
