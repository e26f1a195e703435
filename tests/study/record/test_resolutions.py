"""What is recorded of a network and its refinement, against what the networks' own parts say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision

from rflib.config import MeasurementKey, ResolutionsSettings
from rflib.errors import UsageError
from rflib.study.plans import Item
from rflib.study.record.networks import resolutions
from rflib.study.study import describe


def measured(network: str, *sizes: int, **changes: Any) -> list[dict[str, Any]]:
    return resolutions(ResolutionsSettings(network=network, image_sizes=sizes, **changes)).values["rows"]


def vgg_field(strides: list[int], counts: tuple[int, ...] = (1, 1, 2, 2, 2)) -> int:
    """Return the field of the last pool of a VGG, a stage at a time, by hand."""
    field, step = 1, 1
    for count, stride in zip(counts, strides, strict=True):
        field, step = field + (2 * count + 1) * step, step * stride
    return field


def test_a_vgg_by_hand() -> None:
    small, large = measured("vgg11", 64, 224)
    assert small["smallest_pixels"] == small["largest_pixels"] == vgg_field([2] * 5) == 150
    assert (small["convolutions"], small["needs_refinement"], large["needs_refinement"]) == (8, True, False)
    assert (large["unproductive"], "changes" in large) == (0, False)
    assert small["changes"] == 2
    after = {vgg_field([1 if stage in (a, b) else 2 for stage in range(5)]) for a in range(5) for b in range(a)}
    assert small["smallest_pixels_refined"] in after
    assert small["smallest_pixels_refined"] < 64
    assert small["forward_flops_refined"] > small["forward_flops"]


def test_parameters_are_torchvisions_before_and_after() -> None:
    (row,) = measured("resnet18", 64)
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in torchvision.models.resnet18().parameters())
    assert row["parameters_refined"] == count
    assert resolutions(ResolutionsSettings(network="resnet18", image_sizes=(64,))).values["parameters"] == count


def test_where_too_few_changes_suffice_there_is_none() -> None:
    (row,) = measured("resnet18", 64, changes=1)
    assert row["needs_refinement"]
    assert "refinement" not in row


def test_a_network_that_cannot_take_the_image_names_the_layer() -> None:
    """32 pixels leave 7, 3 and 1 at its convolutions; the last pool wants 3."""
    (row,) = measured("alexnet", 32)
    assert row == {"image_size": 32, "takes_image": False, "failing_layer": "features.12"}


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown torchvision network 'resnet81': .*Did you mean 'resnet18'\?"):
        measured("resnet81", 64)


def test_a_network_of_torchvision_is_described_by_its_name() -> None:
    item = Item(MeasurementKey.of(ResolutionsSettings(network="vgg11")), "small_images", "resolutions")
    assert describe(item) == {"role": "small_images", "purpose": "resolutions", "architecture": "vgg11"}
