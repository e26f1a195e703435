"""The receptive-field explorer as a reader uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from rflib import models, receptive_field
from rflib.config import ModelConfig
from tests.site.pages import SITE

PAGE = "book/receptive-field-explorer.html"
NewPage = Callable[..., Page]

pytestmark = pytest.mark.skipif(not (SITE / PAGE).is_file(), reason="the site has no explorer: `make book` first")

CASES = [
    {"architecture": "rf_vgg19", "pool_kernel": 3, "image_size": 32},
    {"architecture": "rf_vgg19", "pool_kernel": 4, "map_size": "dilated", "image_size": 32},
    {"architecture": "rf_resnet50", "pool_kernel": 2, "pool_stride": 1, "image_size": 64},
    {"architecture": "rf_vgg16", "pool_kernel": 2, "pool_dilation": 2, "ceil_mode": False, "image_size": 48},
    {"architecture": "resnet18", "image_size": 96},
]


def address(site_url: str, **view: Any) -> str:
    values = "&".join(f"{name}={str(value).lower()}" for name, value in view.items())
    return f"{site_url}/{PAGE}" + (f"#{values}" if view else "")


def rows(page: Page) -> list[list[str]]:
    cells = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    found: list[list[str]] = page.locator(".explorer-table tbody tr").evaluate_all(cells)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_the_table_shows_the_library_s_numbers(page: Page, site_url: str, case: dict[str, Any]) -> None:
    page.goto(address(site_url, **case))
    model = models.build(ModelConfig.checked({**{k: v for k, v in case.items() if k != "image_size"}, "width": 0.03}))
    side = case["image_size"]
    fields = receptive_field.analyse(model, (3, side, side))
    layers = [layer for layer in fields.layers if layer.is_finite]
    shown = [(row[4], row[5], row[6]) for row in rows(page)]
    assert shown == [
        (f"{layer.r_min[0]:g}", f"{layer.r_max[0]:g}", f"{layer.map_size[0]}×{layer.map_size[1]}") for layer in layers
    ]
    border = fields.border_layer(side)
    said = f"The border layer is {border}." if border else "there is no border layer"
    expect(page.get_by_role("status")).to_contain_text(said)
    expect(page.locator("tr.border-layer")).to_have_count(1 if border else 0)


def test_controls_change_the_network_and_the_address(page: Page, site_url: str) -> None:
    page.goto(address(site_url))
    expect(page.get_by_role("status")).to_contain_text("features.24")
    page.get_by_label("Pool kernel k").select_option("4")
    expect(page.get_by_role("status")).to_contain_text("The border layer is features.11.")
    assert "pool_kernel=4" in page.url
    page.reload()
    expect(page.get_by_label("Pool kernel k")).to_have_value("4")
    page.evaluate("location.hash = 'three-things-to-try'")
    expect(page.get_by_label("Pool kernel k")).to_have_value("4")
    page.evaluate("location.hash = 'pool_kernel=2&layer=3'")
    expect(page.get_by_label("Pool kernel k")).to_have_value("2")
    page.get_by_label("Network", exact=True).select_option("resnet18")
    for name in ("Pool kernel k", "Pool stride", "Pool dilation", "Later maps", "Incomplete windows"):
        expect(page.get_by_label(name)).to_be_disabled()
    assert "pool_kernel" not in page.url


def test_an_image_that_is_too_small_is_named_with_the_layer(page: Page, site_url: str) -> None:
    page.goto(address(site_url, architecture="alexnet", image_size=32))
    expect(page.get_by_role("status")).to_contain_text(
        "Images of 32 pixels are too small: features.12 runs out of pixels"
    )


def test_the_keyboard_moves_through_the_layers(page: Page, site_url: str) -> None:
    page.goto(address(site_url, layer=1))
    slider = page.get_by_label("Layer, from the image to the last")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("status")).to_contain_text("Layer 3 of 20, features.4 (3×3 convolution)")
    expect(slider).to_have_attribute("aria-valuetext", "features.4: 5 pixels")
    expect(page.locator("tr[aria-current]")).to_contain_text("features.4")
    page.keyboard.press("Home")
    expect(page.get_by_role("status")).to_contain_text("The image: 32×32 pixels.")
    page.get_by_role("button", name="Next layer").press("Enter")
    assert page.url.endswith("layer=1")
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineWidth"
    assert page.evaluate(outline) == "3px"


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_play_ends_at_the_last_layer(new_page: NewPage, site_url: str, motion: str) -> None:
    page = new_page(reduced_motion=motion)
    page.goto(address(site_url, architecture="alexnet", image_size=224, layer=7))
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("status")).to_have_attribute("aria-live", "off")
    expect(page.get_by_role("status")).to_contain_text("Layer 8 of 8")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.get_by_role("status")).to_have_attribute("aria-live", "polite")


def test_every_control_has_a_name_and_the_pictures_have_words(page: Page, site_url: str) -> None:
    page.goto(address(site_url))
    for control in page.locator("#rf-explorer :is(select, input, button)").all():
        name = control.evaluate("it => it.labels?.[0]?.textContent || it.getAttribute('aria-label') || it.textContent")
        assert name.strip()
    pictures = page.locator("#rf-explorer svg[role=img]").all()
    assert [bool(re.search(r"\d+ pixels", picture.get_attribute("aria-label") or "")) for picture in pictures] == [
        True
    ] * 2


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_nothing_overflows(new_page: NewPage, site_url: str, width: int, theme: str) -> None:
    page = new_page(viewport={"width": width, "height": 800})
    page.goto(address(site_url, architecture="rf_resnet50", pool_kernel=30, image_size=224))
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    parts = page.locator("#rf-explorer > *").evaluate_all("all => all.map((it) => it.getBoundingClientRect().right)")
    assert max(parts) <= width


def test_without_scripts_there_is_a_picture_and_a_sentence(new_page: NewPage, site_url: str) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(address(site_url))
    expect(page.locator("#rf-explorer svg")).to_have_count(2)
    for picture in page.locator("#rf-explorer svg").all():
        expect(picture).to_be_visible()
    sentence = page.locator("article noscript p")
    expect(sentence).to_be_visible()
    expect(sentence).to_contain_text("The explorer itself needs JavaScript.")
    assert page.locator("#rf-explorer select").count() == 0
