"""The whole book as one PDF: the pages of the built site in their order, printed by Chromium."""

from __future__ import annotations

import logging
import subprocess
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from rflib.book.browser import find_browser
from rflib.book.single_page import anchor, headings, numbered, parts, single_page
from rflib.errors import RflibError
from rflib.study.store.commit import replace_file

_LONGEST_SECONDS = 300
# It warns of the number of objects that Chromium writes down for every file.
logging.getLogger("pypdf").addHandler(logging.NullHandler())
_OPTIONS = (
    "--headless",
    # The sandbox needs rights that containers lack; the book alone is opened, and nothing beyond this machine.
    *("--no-sandbox", "--disable-gpu", "--disable-extensions", "--no-first-run"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
    *("--no-pdf-header-footer", "--generate-pdf-document-outline"),
)


def print_book(root: Path, output: Path | None = None, *, site: Path | None = None) -> Path:
    """Print the built book at `root` and return the PDF, `ROOT/_build/book.pdf` unless `output` is given.

    `site` is `ROOT/_build/html` unless given. The PDF has an outline of parts, pages and sections, and its links
    lead to pages of its own.

    Raises RflibError without a built site or without a browser.
    """
    output, site = output or root / "_build" / "book.pdf", site or root / "_build" / "html"
    if not (site / "index.html").is_file():
        raise RflibError(f"expected the built book in {site}, found nothing; build it first: `rflib book`")
    contents, settings = _read(root / "_toc.yml"), _read(root / "_config.yml")
    title, author = str(settings["title"]), str(settings["author"])
    language = settings.get("sphinx", {}).get("config", {}).get("language", "en")
    book = parts(contents)
    browser = find_browser()
    names = [name for part in book for name in part.pages]
    document = single_page(site, contents["root"], book, title=title, language=language)
    # The first printing tells on which page each chapter begins, the second says so in the table of contents.
    page_numbers = _page_numbers(_print(browser, document), names)
    writer = PdfWriter(clone_from=_print(browser, numbered(document, page_numbers)))
    _name_entries(writer, headings(document))
    writer.add_metadata({"/Title": title, "/Author": author, "/Creator": "rflib"})
    content = BytesIO()
    writer.write(content)
    output.parent.mkdir(parents=True, exist_ok=True)
    replace_file(output, content.getvalue())
    return output


def _read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _print(browser: Path, document: str) -> PdfReader:
    """Return `document` as a PDF."""
    with tempfile.TemporaryDirectory(prefix="rflib-print-") as name:
        folder = Path(name)
        (folder / "book.html").write_text(document, encoding="utf-8")
        printed = folder / "book.pdf"
        command = [str(browser), *_OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={printed}"]
        try:
            finished = subprocess.run(
                [*command, (folder / "book.html").as_uri()],
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_LONGEST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RflibError(f"{browser} did not print the book within {_LONGEST_SECONDS} seconds") from None
        if finished.returncode or not printed.is_file():
            last = (finished.stderr.strip().splitlines() or ["nothing"])[-1]
            raise RflibError(f"expected a PDF from {browser}, found none; its last words: {last}")
        return PdfReader(BytesIO(printed.read_bytes()))


def _name_entries(writer: PdfWriter, titles: list[str]) -> None:
    """Name the entries of the outline after their headings, in which Chromium may repeat words or lose spaces."""
    entries = list(_entries(writer.root_object["/Outlines"].get_object()))
    if len(entries) == len(titles):
        for entry, title in zip(entries, titles, strict=True):
            entry[NameObject("/Title")] = TextStringObject(title)


def _entries(parent: Any) -> Iterator[Any]:
    entry = parent.get("/First")
    while entry is not None:
        entry = entry.get_object()
        yield entry
        yield from _entries(entry)
        entry = entry.get("/Next")


def _page_numbers(printed: PdfReader, names: list[str]) -> dict[str, int]:
    """Return the number of the page on which each chapter begins, counted from 1, by its anchor."""
    places, numbers = printed.named_destinations, {}
    for name in names:
        place = places.get(f"/{anchor(name)}")
        index = printed.get_destination_page_number(place) if place else None
        if index is not None:
            numbers[anchor(name)] = index + 1
    return numbers
