"""The site as a folder on a disk: its pages and scripts work without a server, and ask for nothing else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.site import checks
from tests.site.pages import SITE, page_paths

EXPLORER = "book/receptive-field-explorer.html"


@pytest.mark.parametrize("path", [path for path in page_paths() if path.endswith(("index.html", "claims.html"))])
def test_a_page_opens_from_the_disk(page: Page, path: str) -> None:
    with checks.listening(page, SITE.as_uri()) as complaints:
        page.goto((SITE / path).as_uri(), wait_until="networkidle")
    assert complaints == []


@pytest.mark.skipif(not (SITE / EXPLORER).is_file(), reason="the site has no explorer: `make book` first")
def test_the_explorer_computes_from_the_disk(page: Page) -> None:
    with checks.listening(page, SITE.as_uri()) as complaints:
        page.goto((SITE / EXPLORER).as_uri(), wait_until="networkidle")
        expect(page.locator("#rf-explorer .explorer-table tbody tr").first).to_be_visible()
    assert complaints == []


def test_searching_finds_a_page_from_the_disk(page: Page) -> None:
    with checks.listening(page, SITE.as_uri()) as complaints:
        page.goto(f"{(SITE / 'search.html').as_uri()}?q=saturation", wait_until="networkidle")
        expect(page.locator("#search-results li a").first).to_be_visible()
    # The extracts below the titles need a server: browsers let no page read another from the disk.
    assert [complaint for complaint in complaints if "not of this site" in complaint] == []
