"""The page that shows how the field grows."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from torch import nn

from rflib.errors import UsageError
from rflib.receptive_field import Fields, analyse, growth_page


@pytest.fixture(scope="module")
def fields() -> Fields:
    layers = [nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, (3, 5)), nn.Conv2d(1, 1, 3)]
    return analyse(nn.Sequential(*layers), (1, 32, 32))


def svg(page: str) -> ElementTree.Element:
    found = re.search(r"<svg.*</svg>", page, re.DOTALL)
    assert found is not None
    return ElementTree.fromstring(found.group())


def drawn(page: str, kind: str) -> list[ElementTree.Element]:
    return [part for part in svg(page).iter() if part.get("class") == kind]


def test_page_is_self_contained_and_described(fields: Fields) -> None:
    page = growth_page(fields, 7, title="<small> network")
    assert "<script" not in page
    assert not re.search(r'(src|href)="', page)
    assert "&lt;small&gt; network" in page
    picture = svg(page)
    assert picture.get("role") == "img"
    assert picture.findtext("{*}title") == "<small> network"
    assert "At 7 pixels the border layer is 3" in (picture.findtext("{*}desc") or "")


def test_border_is_marked_once_and_unproductive_layers_are_shaded(fields: Fields) -> None:
    """Fields 3, 4, 8×12, 12×16: on 7 pixels the last convolution is unproductive, on 8 its height is not."""
    assert [layer.r_min for layer in fields.layers] == [(3, 3), (4, 4), (8, 12), (12, 16)]
    page = growth_page(fields, 7, title="network")
    assert (len(drawn(page, "border")), len(drawn(page, "behind"))) == (1, 1)
    (line,), units = drawn(page, "border"), drawn(page, "unit")
    assert float(units[2].get("cx", 0)) < float(line.get("x1", 0)) < float(units[3].get("cx", 0))
    assert '<tr class="unproductive first"><td>3</td><td>conv2d</td><td>12×16</td>' in page
    free = growth_page(fields, 8, title="network")
    assert drawn(free, "border") == drawn(free, "behind") == []
    assert "At 8 pixels no layer is unproductive" in free


def test_scale_is_logarithmic(fields: Fields) -> None:
    page = growth_page(fields, 16, title="network")
    ys = [float(unit.get("cy", 0)) for unit in drawn(page, "unit")]
    (image,) = drawn(page, "image")
    assert ys[3] == pytest.approx(float(image.get("y1", 0)), abs=0.11)  # the last field is 16 wide
    octave = (ys[1] - ys[3]) / 2  # from 4 to 16 pixels
    labels = {part.text: part for part in svg(page).iter() if part.text in ("8", "16")}
    assert float(labels["8"].get("y", 0)) - float(labels["16"].get("y", 0)) == pytest.approx(octave, abs=0.11)


def test_a_network_without_a_bounded_field_has_no_picture() -> None:
    fields = analyse(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), (3, 2, 2))
    with pytest.raises(UsageError, match="expected a network with a layer whose field is bounded, found none"):
        growth_page(fields, 2, title="network")
