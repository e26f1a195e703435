"""The site as `make book` last built it: every label, figure, link and image, and nothing from outside.

Skipped where no site is built; the continuous integration builds it first.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag

from tests.site.pages import SITE, page_paths

TABLES = [f"table-{number}" for number in (*range(1, 9), *(f"s{number}" for number in range(1, 9)))]
FIGURES = [f"figure-{number}" for number in range(1, 5)]

pytestmark = pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="no site is built: `make book` first")


@pytest.fixture(scope="module")
def pages() -> dict[Path, BeautifulSoup]:
    paths = [SITE / name for name in page_paths()]
    return {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in paths}


def labelled(pages: dict[Path, BeautifulSoup], label: str) -> Tag:
    found = [element for page in pages.values() for element in page.find_all(id=label)]
    assert len(found) == 1, f"{label} stands {len(found)} times"
    return found[0]


def contents(pages: dict[Path, BeautifulSoup]) -> list[tuple[Path, Tag]]:
    return [(path, body) for path, page in pages.items() if (body := page.find("article", class_="bd-article"))]


@pytest.mark.parametrize("label", TABLES)
def test_every_table_of_the_paper_has_a_caption_and_rows(pages: dict[Path, BeautifulSoup], label: str) -> None:
    table = labelled(pages, label)
    table = table if table.name == "table" else table.find("table")
    number = label.removeprefix("table-").upper()
    assert f"Table {number} of the paper" in table.caption.get_text()
    assert len(table.tbody.find_all("tr")) >= 1
    assert all(row.get_text(strip=True) for row in table.tbody.find_all("tr"))


@pytest.mark.parametrize("label", FIGURES)
def test_every_figure_of_the_paper_has_a_caption_an_image_and_alt_text(
    pages: dict[Path, BeautifulSoup], label: str
) -> None:
    figure = labelled(pages, label)
    assert f"{label.replace('-', ' ').capitalize()}" in figure.figcaption.get_text()
    assert len(figure.img["alt"]) > 40
    assert figure.img["alt"] != figure.img["src"]


def test_images_exist_and_are_not_empty(pages: dict[Path, BeautifulSoup]) -> None:
    images = [(path, image) for path, body in contents(pages) for image in body.find_all("img")]
    assert len(images) > 10
    for path, image in images:
        assert image.get("alt"), f"{path.name}: {image['src'][:80]} has no alt text"
        if image["src"].startswith("data:"):
            assert len(image["src"]) > 5000, f"{path.name}: {image['alt']} holds next to nothing"
            continue
        file = (path.parent / unquote(image["src"])).resolve()
        assert file.is_file(), f"{path.name}: {image['src']} is missing"
        assert file.stat().st_size > 5000, f"{path.name}: {image['src']} holds next to nothing"


def test_no_page_shows_a_traceback_or_a_warning(pages: dict[Path, BeautifulSoup]) -> None:
    outputs = [(path, cell) for path, body in contents(pages) for cell in body.find_all(class_="cell_output")]
    assert len(outputs) > 30
    for path, cell in outputs:
        text = cell.get_text()
        assert "Traceback" not in text, path.name
        assert "Warning:" not in text, path.name
    for path, body in contents(pages):
        assert not body.find_all(class_="problematic"), f"{path.name}: an unresolved reference"


def test_every_link_within_the_site_resolves(pages: dict[Path, BeautifulSoup]) -> None:
    checked = 0
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            parts = urlsplit(link["href"])
            if parts.scheme or not (parts.path or parts.fragment):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name} links to {link['href']}"
            if parts.fragment and target in pages:
                assert pages[target].find(id=unquote(parts.fragment)), f"{path.name} links to {link['href']}"
            checked += 1
    assert checked > 200


def test_nothing_is_loaded_from_outside(pages: dict[Path, BeautifulSoup]) -> None:
    checked = 0
    for path, page in pages.items():
        loading = [*page.find_all(src=True), *page.find_all("link", rel=["stylesheet", "preload", "icon"], href=True)]
        for element in loading:
            address = element.get("src") or element.get("href")
            assert not urlsplit(address).netloc, f"{path.name} loads {address}"
        checked += len(loading)
    assert checked > 100
