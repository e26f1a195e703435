"""Every page of the built site in a real browser: quiet, complete, readable at both widths, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.site import checks
from tests.site.pages import page_paths

# One page of each kind, where the site has it.
KINDS = (
    "book/index.html",
    "book/introduction.html",
    "book/receptive-field-explorer.html",
    "book/api-pruning.html",
    "book/glossary.html",
    "book/bibliography.html",
    "notebooks/accuracy-and-pruning.html",
    "notebooks/manipulating-the-receptive-field.html",
    "notebooks/claims.html",
    "notebooks/ledger.html",
    "notebooks/method-receptive-field.html",
    "notebooks/your-own-question.html",
    "search.html",
)


@pytest.fixture(scope="module", params=checks.WIDTHS)
def window(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Return one page of a browser, used for page after page of the site, in each of the two widths."""
    with browser.new_context(viewport={"width": request.param, "height": 900}) as context:
        yield context.new_page()


@pytest.mark.parametrize("path", page_paths(generated=True))
def test_page_is_quiet_and_fits(window: Page, site_url: str, path: str) -> None:
    with checks.listening(window, site_url) as complaints:
        window.goto(f"{site_url}/{path}", wait_until="networkidle")
    for check in (checks.headings, checks.images, checks.ids, checks.width):
        complaints += check(window)
    assert not complaints


@pytest.mark.parametrize("mode", checks.MODES)
@pytest.mark.parametrize("path", [path for path in page_paths(generated=True) if path in KINDS])
def test_page_is_accessible(page: Page, site_url: str, path: str, mode: str) -> None:
    page.emulate_media(color_scheme=mode)
    page.goto(f"{site_url}/{path}", wait_until="networkidle")
    assert page.evaluate("document.documentElement.dataset.theme") == mode
    assert not checks.accessibility(page)
