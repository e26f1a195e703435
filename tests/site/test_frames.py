"""Figures with a slider as a reader uses them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.site.pages import SITE

CHAPTERS = ("notebooks/pruning-rates.html", "notebooks/loss-landscape.html")
NewPage = Callable[..., Page]


@pytest.fixture(params=CHAPTERS)
def path(request: pytest.FixtureRequest) -> str:
    """Return a chapter that has frames, more than one of them, in the site that is built."""
    page = SITE / request.param
    if not page.is_file() or page.read_text(encoding="utf-8").count("data-place=") < 2:
        pytest.skip(f"{request.param} has no frames in this site: `make book` first")
    return str(request.param)


def test_the_slider_turns_over_the_frames(page: Page, site_url: str, path: str) -> None:
    page.goto(f"{site_url}/{path}")
    place = page.locator(".rf-frames")
    slider, words = place.get_by_role("slider"), place.get_by_role("status")
    count = place.locator("figure").count()
    slider.focus()
    page.keyboard.press("Home")
    seen = set()
    for _ in range(count):
        expect(place.locator("figure:visible")).to_have_count(1)
        label = place.locator("figure:visible").get_attribute("data-label")
        expect(slider).to_have_attribute("aria-valuetext", str(label))
        expect(words).to_contain_text(f": {label}. ")
        seen.add(label)
        page.keyboard.press("ArrowRight")
    assert len(seen) == count
    assert place.get_by_label(", from ").count() == 1


def test_without_scripts_one_frame_is_shown_and_the_others_can_be_unfolded(
    new_page: NewPage, site_url: str, path: str
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(f"{site_url}/{path}")
    place = page.locator(".rf-frames")
    count = place.locator("figure").count()
    assert place.locator("figure:visible").count() == 1
    place.locator("summary").click()
    assert place.locator("figure:visible").count() == count


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_nothing_overflows(new_page: NewPage, site_url: str, path: str, width: int, theme: str) -> None:
    page = new_page(viewport={"width": width, "height": 800})
    page.goto(f"{site_url}/{path}")
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    right = page.locator(".rf-frames > *:visible").evaluate_all(
        "all => all.map(it => it.getBoundingClientRect().right)"
    )
    assert max(right) <= width
    ground = page.locator(".rf-frames img:visible").evaluate("it => getComputedStyle(it).backgroundColor")
    assert not ground.startswith("rgba(")
