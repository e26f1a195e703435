from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from rflib.book.single_page import Part, anchor, headings, numbered, parts, single_page
from rflib.errors import RflibError
from tests.book.paper import CONTENTS, write_book


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_book(tmp_path)


@pytest.fixture
def soup(site: Path) -> BeautifulSoup:
    document = single_page(site, "book/index", parts(CONTENTS), title="A <tiny> book")
    return BeautifulSoup(numbered(document, {"book-one": 3, "notebooks-two": 5}), "html.parser")


def targets(soup: BeautifulSoup) -> dict[str, str]:
    return {link.get_text(): link["href"] for link in soup.select("section:not(.contents) a[href]")}


def test_parts_are_those_of_the_table_of_contents() -> None:
    assert parts(CONTENTS) == [Part("First & foremost", ("book/one",)), Part("Second", ("notebooks/two",))]


def test_pages_stand_in_order_below_their_parts(soup: BeautifulSoup) -> None:
    assert [heading.get_text() for heading in soup.select("h1")] == [
        *("A tiny book", "Contents", "First & foremost", "Second"),
    ]
    assert [heading.get_text() for heading in soup.select("h2, h3")] == ["Chapter one", "Deep", "Chapter two"]
    assert [section["id"] for section in soup.select("section.page")] == [
        *("book-index", "contents", "book-one", "notebooks-two"),
    ]


def test_headings_are_their_text(site: Path) -> None:
    document = single_page(site, "book/index", parts(CONTENTS), title="A tiny book")
    assert headings(document) == [
        *("A tiny book", "Contents", "First & foremost", "Chapter one", "Deep", "Second", "Chapter two"),
    ]


def test_contents_name_every_page_with_its_number(soup: BeautifulSoup) -> None:
    entries = [(line.a["href"], line.a.get_text(), line.span.get_text()) for line in soup.select(".contents li li")]
    assert entries == [("#book-one", "Chapter one", "3"), ("#notebooks-two", "Chapter two", "5")]


def test_links_between_pages_lead_to_the_place_in_the_document(soup: BeautifulSoup) -> None:
    assert targets(soup) == {
        "there": "#book-one--deep",
        "down": "#book-one--deep",
        "two": "#notebooks-two",
        "outside": "https://example.org/",
    }
    for address in targets(soup).values():
        assert not address.startswith("#") or len(soup.find_all(id=address[1:])) == 1


def test_a_link_to_a_file_is_plain_text(soup: BeautifulSoup) -> None:
    assert "notebook" in soup.find(id="book-one").p.get_text()
    assert ".ipynb" not in str(soup)


def test_no_id_stands_twice_and_labels_keep_theirs(soup: BeautifulSoup) -> None:
    ids = [element["id"] for element in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert soup.label["for"] == soup.input["id"] == "notebooks-two--box"


def test_what_only_a_screen_needs_is_left_out(soup: BeautifulSoup) -> None:
    assert "sidebar" not in soup.get_text()
    assert "Run this chapter" not in soup.get_text()
    assert not soup.select(".headerlink, button, article")
    assert "alert" not in str(soup)
    assert all(details.has_attr("open") for details in soup.find_all("details"))


def test_styles_and_images_are_found_from_anywhere(site: Path, soup: BeautifulSoup) -> None:
    assert soup.select_one("link[rel=stylesheet]")["href"] == (site / "_static" / "a.css").as_uri()
    assert soup.img["src"] == (site / "_images" / "picture.png").as_uri()


def test_titles_are_text(soup: BeautifulSoup) -> None:
    assert soup.title.get_text() == "A <tiny> book"


def test_a_page_that_is_not_built_is_an_error(site: Path) -> None:
    with pytest.raises(RflibError, match=r"expected the page book/absent\.html in .*; build the book first: `rflib bo"):
        single_page(site, "book/index", [Part("Part", ("book/absent",))], title="x")


def test_anchors_are_ids() -> None:
    assert anchor("notebooks/two") == "notebooks-two"
