"""A tiny book on paper: printed by the browser, read by another library."""

from __future__ import annotations

import pytest
from pypdf import PdfReader

from rflib.book.pdf import print_book
from tests.book.paper import write_book

A4_POINTS = (595, 842)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    root = tmp_path_factory.mktemp("book")
    write_book(root)
    output = print_book(root)
    assert output == root / "_build" / "book.pdf"
    return PdfReader(output)


def outline(printed: PdfReader) -> list[tuple[int, str, int]]:
    """Return depth, title and page index of every entry of the outline."""

    def walk(entries: list, depth: int) -> list[tuple[int, str, int]]:
        found = []
        for entry in entries:
            if isinstance(entry, list):
                found += walk(entry, depth + 1)
            else:
                found.append((depth, entry.title, printed.get_destination_page_number(entry)))
        return found

    return walk(printed.outline, 0)


def test_it_is_on_a4_and_says_what_it_is(printed: PdfReader) -> None:
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in printed.pages} == {A4_POINTS}
    assert printed.metadata["/Title"] == "A tiny book"
    assert printed.metadata["/Author"] == "A. Author"
    assert printed.root_object["/Lang"] == "en"


def test_the_outline_names_parts_pages_and_sections(printed: PdfReader) -> None:
    assert outline(printed) == [
        *((0, "A tiny book", 0), (0, "Contents", 1), (0, "First & foremost", 2), (1, "Chapter one", 2)),
        *((2, "Deep", 2), (0, "Second", 3), (1, "Chapter two", 3)),
    ]


def test_links_jump_within_the_document_and_only_real_addresses_leave_it(printed: PdfReader) -> None:
    actions = [note.get_object() for page in printed.pages for note in page.get("/Annots", [])]
    addresses = [note["/A"]["/URI"] for note in actions if "/URI" in note.get("/A", {})]
    assert addresses == ["https://example.org/"]
    jumps = {str(note["/Dest"]) for note in actions if "/Dest" in note}
    assert jumps >= {"/book-one--deep", "/notebooks-two", "/book-one"}
    assert jumps <= set(printed.named_destinations)


def test_contents_give_the_page_on_which_each_chapter_begins(printed: PdfReader) -> None:
    text = printed.pages[1].extract_text()
    assert "Chapter one 3" in text
    assert "Chapter two 4" in text
    assert "Chapter two" in printed.pages[3].extract_text()


def test_what_is_folded_on_the_screen_is_printed(printed: PdfReader) -> None:
    assert "folded away" in printed.pages[2].extract_text()


def test_a_wide_table_is_drawn_whole(printed: PdfReader) -> None:
    lefts = {}

    def note(text: str, scale: list[float], place: list[float], *_: object) -> None:
        lefts[text.strip()] = place[4] * scale[0] + scale[4]

    printed.pages[3].extract_text(visitor_text=note)
    columns = [lefts[f"number{column:02d}"] for column in range(30)]
    assert columns == sorted(columns)
    assert columns[0] > 0
    # The last column is as wide as the others, within the paper's margin.
    assert columns[-1] + (columns[-1] - columns[-2]) < A4_POINTS[0] - 40


def test_pictures_are_there(printed: PdfReader) -> None:
    assert [image.image.size for image in printed.pages[2].images] == [(40, 30)]
