"""The built site in a real browser: served on this machine alone, opened in the system's Chromium.

The site is `_build/html`, or the folder that `RFLIB_SITE` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from rflib.book.browser import find_browser
from tests.site.pages import SITE
from tests.site.serving import serving


@pytest.hookimpl(tryfirst=True)  # Before the choice by markers.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, so that only `make test-site` runs it."""
    folder = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(folder):
            item.add_marker(pytest.mark.site)


@pytest.fixture(scope="session")
def site_url() -> Iterator[str]:
    """The address of the built site, without a slash at its end."""
    if not (SITE / "index.html").is_file():
        pytest.skip(f"no site at {SITE}: `make book` first")
    with serving(SITE) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open empty pages, each in a context of its own with the settings given: `new_page(java_script_enabled=False)`."""
    contexts = []

    def make(**settings: Any) -> Page:
        contexts.append(browser.new_context(**settings))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """An empty page of a desktop's size."""
    return new_page(viewport={"width": 1440, "height": 900})
