from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from rflib.book.site import build_site, publish
from rflib.book.staging import stage
from rflib.errors import RflibError

SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


class Requests(HTMLParser):
    """Collects the addresses that a browser loads for a page: link, script, img and whatever has a source."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link":
            self.addresses.append(values.get("href", ""))
        if "src" in values:
            self.addresses.append(values["src"])


@pytest.fixture
def staged(book_root: Path, executed_notebook: Callable[..., NotebookNode]) -> Path:
    """Stage the tiny book with its first chapter executed: a table and a figure with a caption."""
    notebook = executed_notebook(new_output("display_data", data={"image/svg+xml": SQUARE, "text/plain": "x"}))
    notebook.cells[-1].metadata["mystnb"] = {
        "figure": {"name": "figure-1", "caption": "A square."},
        "image": {"alt": "a black square"},
    }
    notebook.cells.append(nbformat.v4.new_markdown_cell("As {cite:t}`bee2020` says; next is {doc}`second`."))
    path = book_root / "_build" / "executed" / "first.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    stage(book_root, book_root / "_build" / "book", {"first": path, "second": None})
    return book_root / "_build" / "book"


def pages(site: Path) -> dict[str, str]:
    """Return the pages of the site by their paths; `_static` holds the theme's templates, which are none."""
    paths = [path.relative_to(site) for path in site.rglob("*.html")]
    return {str(path): (site / path).read_text() for path in paths if path.parts[0] != "_static"}


def test_the_site_is_complete_and_offline(book_root: Path, staged: Path) -> None:
    index = build_site(book_root, staged)
    site = book_root / "_build" / "html"
    assert index == site / "index.html"
    entrance = index.read_text()
    assert 'content="0; url=book/index.html"' in entrance
    assert '<link rel="icon" href="data:,">' in entrance
    for name, page in pages(site).items():
        requests = Requests()
        requests.feed(page)
        for address in requests.addresses:
            assert not re.match(r"(https?:)?//", address), (name, address)
            local = (site / name).parent / address.split("?")[0]
            assert address.startswith(("data:", "#")) or local.exists(), (name, address)
        assert "mathjax.js" not in page.lower()
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert not re.search(r"url\(\s*['\"]?(https?:)?//", styles)

    prose = (site / "book" / "index.html").read_text()
    assert prose.count("<math ") == 2
    assert "<msub><mi>r</mi><mi>l</mi></msub>" in prose
    assert re.search(r'href="#equation-equation-a">\(1\)</a>', prose)
    assert re.search(r'notebooks/first.html#figure-1"><span class="std std-numref">Fig\. 1<', prose)

    chapter = (site / "notebooks" / "first.html").read_text()
    assert 'alt="a black square"' in chapter
    assert "Parameters of this run" in chapter
    assert "list[float]" not in chapter
    download = re.search(r'href="\.\./(_downloads/\w+/first\.ipynb)"', chapter)
    assert download is not None
    assert (site / download[1]).is_file()


def test_nothing_is_built_when_nothing_changed_and_every_page_when_something_did(book_root: Path, staged: Path) -> None:
    index = build_site(book_root, staged)
    before = {path: path.stat().st_mtime_ns for path in index.parent.rglob("*.html")}
    build_site(book_root, staged)
    assert before == {path: path.stat().st_mtime_ns for path in index.parent.rglob("*.html")}

    page = staged / "book" / "references.md"
    page.write_text("# Literature\n\n```{bibliography}\n```\n")
    build_site(book_root, staged)
    assert "Literature" in (index.parent / "book" / "references.html").read_text()
    chapters = [text for name, text in pages(index.parent).items() if name.startswith("notebooks")]
    assert [text.count(">Literature<") + text.count("Literature\n") > 0 for text in chapters] == [True, True]

    shutil.rmtree(index.parent)
    assert build_site(book_root, staged).is_file()


def test_warnings_stop_a_strict_build_every_time_and_leave_the_site(book_root: Path, staged: Path) -> None:
    published = book_root / "_build" / "html" / "index.html"
    published.parent.mkdir()
    published.write_text("the last good site")
    with (staged / "book" / "index.md").open("a") as page:
        page.write("\nSee {numref}`figure-9` and $\\unheardof$.\n")
    for _ in range(2):
        with pytest.raises(RflibError) as caught:
            build_site(book_root, staged)
        message = str(caught.value)
        assert "the site could not be built: expected no warnings, found 2" in message
        assert "book/index.md:11: WARNING: undefined label: 'figure-9'" in message
        assert "formula cannot be written as MathML: `\\unheardof`" in message
        assert str(book_root) not in message
    assert published.read_text() == "the last good site"


@pytest.mark.slow
def test_a_build_that_is_not_strict_does_not_hide_warnings_from_the_next(book_root: Path, staged: Path) -> None:
    with (staged / "book" / "index.md").open("a") as page:
        page.write("\nSee {numref}`figure-9`.\n")
    index = build_site(book_root, staged, strict=False)
    assert "figure-9" in (index.parent / "book" / "index.html").read_text()
    with pytest.raises(RflibError, match="undefined label: 'figure-9'"):
        build_site(book_root, staged)


def test_a_warning_in_a_chapter_names_its_source_and_cell(book_root: Path, staged: Path) -> None:
    path = staged / "notebooks" / "first.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("Text.\n\n{ref}`nowhere`"))
    nbformat.write(notebook, path)
    with pytest.raises(RflibError, match=r"notebooks/first\.md: cell 5, line \d: WARNING: undefined label: 'nowhere'"):
        build_site(book_root, staged)


def test_broken_settings_show_the_builders_last_words(book_root: Path, staged: Path) -> None:
    (staged / "_toc.yml").write_text("format: jb-book\n")
    with pytest.raises(RflibError, match=r"the builder's last words:(?s:.*)Table of Contents"):
        build_site(book_root, staged)
    assert not (book_root / "_build" / "html").exists()


def test_a_reader_never_sees_two_states_mixed(tmp_path: Path) -> None:
    published, stop, seen = tmp_path / "html", threading.Event(), set[tuple[str, str]]()

    def write(generation: int) -> Path:
        new = tmp_path / "work" / "html"
        new.mkdir(parents=True)
        for name in ("index.html", "page.html"):
            (new / name).write_text(f"generation {generation}")
        return new

    def read() -> None:
        while not stop.is_set():
            with suppress(FileNotFoundError):  # between two renames
                before = (published / "index.html").read_text()
                page = (published / "page.html").read_text()
                if (published / "index.html").read_text() == before:
                    seen.add((before, page))

    publish(write(0), published)
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            read()
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=guarded)
    reader.start()
    for generation in range(1, 300):
        publish(write(generation), published)
    stop.set()
    reader.join()
    assert failures == []
    assert len(seen) > 1
    assert all(index == page for index, page in seen)
    assert [path.name for path in (tmp_path / "work").iterdir()] == []


def test_publishing_goes_on_after_a_kill_between_its_two_renames(tmp_path: Path) -> None:
    for generation in ("old", "killed", "new"):
        new = tmp_path / "work" / "html"
        new.mkdir(parents=True, exist_ok=True)
        (new / f"{generation}.html").write_text(generation)
        if generation == "killed":
            (tmp_path / "html").rename(tmp_path / "work" / "html-old")
        publish(new, tmp_path / "html")
    assert [path.name for path in (tmp_path / "html").iterdir()] == ["new.html"]
    assert list((tmp_path / "work").iterdir()) == []
