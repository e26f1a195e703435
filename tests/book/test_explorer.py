"""The explorer's scripts beside the library: the same layers, fields, maps and border layers for all they offer."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from operator import itemgetter
from typing import Any

import pytest
from torch import nn

from rflib import models, receptive_field
from rflib.config import ModelConfig
from rflib.errors import RflibError, UsageError
from rflib.receptive_field import Fields, LayerField
from tests.book.explorer_engine import STATIC_PICTURE, Explorer, explorer
from tests.book.explorer_library import Library, network, resolved

SPREAD = [
    *({"architecture": "rf_vgg19", "pool_kernel": kernel} for kernel in (1, 3)),
    {"architecture": "rf_vgg19", "pool_kernel": 3, "pool_stride": 1, "pool_dilation": 2},
    {"architecture": "rf_vgg19", "pool_kernel": 2, "pool_stride": 3, "ceil_mode": True, "image_size": 48},
    {"architecture": "rf_vgg19", "pool_kernel": 4, "pool_dilation": 2, "map_size": "padded"},
    {"architecture": "rf_vgg19", "pool_kernel": 3, "map_size": "dilated", "image_size": 64},
    {"architecture": "rf_vgg16", "pool_kernel": 4},
    {"architecture": "rf_vgg16", "pool_kernel": 5, "ceil_mode": False, "image_size": 224},
    {"architecture": "rf_resnet50", "pool_kernel": 2},
    {"architecture": "rf_resnet26", "pool_kernel": 13, "map_size": "dilated"},
    {"architecture": "rf_resnet26", "pool_kernel": 30, "image_size": 64},
    *({"architecture": name, "image_size": 96} for name in ("vgg11", "vgg13", "vgg16", "vgg19", "alexnet")),
    *({"architecture": f"resnet18{variant}"} for variant in ("", "_no_skips", "_no_stem")),
    *({"architecture": name, "image_size": 64} for name in ("resnet34", "resnet50")),
]


@pytest.fixture(scope="module")
def scripts() -> Iterator[Explorer]:
    with explorer() as running:
        yield running


def named(settings: dict[str, Any]) -> str:
    return "-".join(str(value) for value in settings.values())


def offered(scripts: Explorer) -> list[dict[str, Any]]:
    """Return all settings that a reader can choose, those that are refused included."""
    options = scripts.value("rfField.options")
    architectures = scripts.value("rfField.architectures")
    sizes = {"image_size": options["image_size"]}
    found = []
    for architecture, kind in architectures.items():
        free = options if kind.get("hasKnob") else sizes
        found += [
            {"architecture": architecture, **dict(zip(free, each, strict=True))} for each in product(*free.values())
        ]
    return found


def assert_same_layers(found: Sequence[dict[str, Any]], layers: Sequence[LayerField]) -> None:
    """Compare every number of every layer, but for the sizes of the maps."""
    assert [layer["operation"] for layer in found] == [layer.operation for layer in layers]
    for ours, layer in zip(found, layers, strict=True):
        # The graph has names of its own for sums and padding, which are no modules.
        assert ours["name"] == layer.name or layer.operation in ("add", "pad")
        for name in ("r_min", "r_max", "stride", "offset", "input_r_min", "input_r_max", "input_stride"):
            assert getattr(layer, name) == (ours[name], ours[name]), (layer.name, name)


def assert_same_borders(result: dict[str, Any], fields: Fields, side: int) -> None:
    """Compare places, since the library names a sum or a padding after its node."""
    bounded = [layer.name for layer in fields.layers if layer.is_finite]
    rules: dict[str, dict[str, Any]] = {"smallest": {}, "largest": {"field": "largest"}, "toolbox": {"rule": "toolbox"}}
    for name, rule in rules.items():
        ours, border = result["borders"][name], fields.border_layer(side, **rule)
        place = None if ours is None else result["layers"].index(ours)
        assert place == (None if border is None else bounded.index(border)), name


def assert_same_windows(found: Sequence[dict[str, Any]], model: nn.Module) -> None:
    """Compare the kernels, strides and dilations that the table shows with those of the modules."""
    for layer in found:
        if layer["operation"] in ("conv2d", "max_pool2d"):
            module: Any = model.get_submodule(layer["name"])
            shown = (layer["kernel"], layer["step"], layer["dilation"])
            own = (module.kernel_size, module.stride, module.dilation)
            assert shown == tuple(value if isinstance(value, int) else value[0] for value in own)


@pytest.mark.parametrize("settings", SPREAD, ids=named)
def test_layers_fields_and_maps_are_those_of_the_exported_graph(scripts: Explorer, settings: dict[str, Any]) -> None:
    side = settings.get("image_size", 32)
    result = scripts.analyse(**settings)
    model = network(settings)
    fields = receptive_field.analyse(model, (3, side, side))
    layers = [layer for layer in fields.layers if layer.is_finite]
    assert result["refused"] is None
    assert result["failed"] is None
    assert_same_layers(result["layers"], layers)
    assert [layer["map_size"] for layer in result["layers"]] == [layer.map_size[0] for layer in layers]
    assert_same_borders(result, fields, side)
    assert_same_windows(result["layers"], model)
    for layer in result["layers"]:
        if layer["operation"] == "add":
            assert fields[layer["name"]].r_max[0] == layer["r_max"]
    assert fields.misaligned == ()


def test_every_architecture_is_in_the_spread(scripts: Explorer) -> None:
    assert {settings["architecture"] for settings in SPREAD} == set(scripts.value("Object.keys(rfField.architectures)"))


def test_the_fields_of_the_paper_s_networks(scripts: Explorer) -> None:
    for kernel in (1, 2, 3, 4):
        vgg, resnet = (scripts.analyse(architecture=name, pool_kernel=kernel) for name in ("rf_vgg19", "rf_resnet50"))
        assert vgg["layers"][-1]["r_max"] == 178 * kernel + 2
        assert resnet["layers"][-1]["r_max"] == 105 * kernel + 2


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "rf_vgg19", "pool_kernel": 8},
        {"architecture": "rf_vgg16", "pool_kernel": 3, "ceil_mode": False},
        {"architecture": "rf_vgg19", "pool_kernel": 18, "pool_dilation": 2, "image_size": 48},
        {"architecture": "alexnet"},
    ],
    ids=named,
)
def test_images_that_are_too_small_fail_at_the_same_layer(scripts: Explorer, settings: dict[str, Any]) -> None:
    side = settings.get("image_size", 32)
    model = network(settings)
    result = scripts.analyse(**settings)
    assert result["failed"] == models.failing_layer(model, side) is not None
    with pytest.raises(RflibError):
        receptive_field.analyse(model, (3, side, side))


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "rf_vgg19", "pool_kernel": 3, "pool_stride": 2, "map_size": "padded"},
        {"architecture": "rf_resnet50", "pool_kernel": 3, "pool_stride": 1, "map_size": "dilated"},
        {"architecture": "vgg19", "pool_kernel": 2},
        {"architecture": "resnet18", "map_size": "dilated"},
        {"architecture": "resnet34", "pool_dilation": 2},
    ],
    ids=named,
)
def test_what_the_library_refuses_is_refused(scripts: Explorer, settings: dict[str, Any]) -> None:
    result = scripts.analyse(**settings)
    assert result["layers"] == []
    assert "stride must equal it" in result["refused"] or "has no pool that sets its field" in result["refused"]
    with pytest.raises(UsageError):
        ModelConfig.checked(settings)


def test_the_static_picture_is_the_explorer_s_first_view(scripts: Explorer) -> None:
    """When this fails, `python -m tests.book.explorer_engine` draws it again."""
    assert STATIC_PICTURE.read_text(encoding="utf-8") == scripts.static_picture()


@pytest.mark.parametrize("settings", SPREAD[::4], ids=named)
def test_squares_are_drawn_to_scale(scripts: Explorer, settings: dict[str, Any]) -> None:
    side = settings.get("image_size", 32)
    layer = scripts.analyse(**settings)["layers"][5]
    call = f"rfPicture.overImage(rfField.analyse({{...rfField.defaults, ...{json.dumps(settings)}}}), 5, {side})"
    picture = ET.fromstring(scripts.value(call))
    squares = {square.get("class"): square for square in picture.iter("rect")}
    image, outline = (float(squares[name].get("width") or 0) for name in ("image", "outline"))
    assert outline / image == pytest.approx(layer["r_max"] / side, rel=1e-3)
    assert ("shortest" in squares) == (layer["r_min"] < layer["r_max"])
    middle = float(squares["outline"].get("x") or 0) + outline / 2 - 200
    unit = layer["offset"] + layer["map_size"] // 2 * layer["stride"] + (layer["r_max"] - 1) / 2
    assert middle / (image / side) == pytest.approx(unit - (side - 1) / 2, abs=0.05)
    assert f"of {layer['name']}, a square of {layer['r_max']} pixels" in str(picture.get("aria-label"))


@pytest.mark.slow
def test_all_that_is_offered_agrees_with_the_library(scripts: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(monkeypatch)
    accepted, refused = [], 0
    for settings in offered(scripts):
        if not scripts.analyse(**settings)["refused"]:
            accepted.append(settings)
            continue
        refused += 1
        with pytest.raises(UsageError):
            resolved(settings)
    outcomes = {"compared": 0, "too small": 0}
    for _, same in groupby(sorted(accepted, key=resolved), key=resolved):
        of_side = itemgetter("image_size")
        by_side = sorted(same, key=of_side)
        library.open(by_side[0])
        for side, equal in groupby(by_side, key=of_side):
            results = [scripts.analyse(**settings) for settings in equal]
            assert all(result == results[0] for result in results)
            outcomes[compare(library, results[0], side)] += len(results)
    assert outcomes["compared"] > 5_000
    assert outcomes["too small"] > 100
    assert refused > 1_000


def compare(library: Library, result: dict[str, Any], side: int) -> str:
    """Compare a result with the library's network that is open; return what it turned out to be."""
    if result["failed"]:
        assert result["failed"] == models.failing_layer(library.model, side)
        return "too small"
    assert [layer["map_size"] for layer in result["layers"]] == library.sizes(side)
    fields = library.fields()
    assert_same_layers(result["layers"], [layer for layer in fields.layers if layer.is_finite])
    assert_same_borders(result, fields, side)
    assert_same_windows(result["layers"], library.model)
    return "compared"
