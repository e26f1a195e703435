"""Each check of a page on a small page with that one fault, and all of them on one without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.site import checks
from tests.site.serving import serving

PAGE = """<!DOCTYPE html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,"></head>
<body><main><h1>Title</h1>{body}</main></body></html>"""
FAULTLESS = """<h2>Section</h2><p>Text with <a href="#">a link</a>.</p>
<div style="overflow-x: auto" tabindex="0" role="group" aria-label="Wide table"><table><tr>
<td><div style="width: 3000px">cell</div></td></tr></table></div>"""
WIDE = '<div style="width: 3000px">wide</div>'


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Iterator[Callable[[str], list[str]]]:
    """Return a function that opens a page with the given body and returns what the listener hears."""
    with serving(tmp_path) as origin:

        def open_page(body: str) -> list[str]:
            (tmp_path / "page.html").write_text(PAGE.format(body=body), encoding="utf-8")
            with checks.listening(page, origin) as complaints:
                page.goto(f"{origin}/page.html", wait_until="networkidle")
            return complaints

        yield open_page


def test_a_page_without_fault_has_no_complaints(page: Page, show: Callable[[str], list[str]]) -> None:
    assert show(FAULTLESS) == []
    every = (checks.headings, checks.images, checks.ids, checks.width, checks.accessibility)
    assert [complaint for check in every for complaint in check(page)] == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<script>console.error('no')</script>", "console: no"),
        ("<script>missing()</script>", "error in a script: missing is not defined"),
        ("<img src='absent.png' alt='absent'>", "absent.png: status 404"),
        ("<script src='https://localhost:1/x.js'></script>", "https://localhost:1/x.js is not of this site"),
        ("<script>fetch('http://localhost:1/').catch(() => 0)</script>", "http://localhost:1/ is not of this site"),
    ],
)
def test_what_goes_wrong_while_loading_is_heard(show: Callable[[str], list[str]], body: str, complaint: str) -> None:
    assert complaint in " | ".join(show(body))


@pytest.mark.parametrize(
    ("check", "body", "complaint"),
    [
        (checks.headings, "<h1>Second</h1>", "expected one h1"),
        (checks.headings, "<h3>Deep</h3>", "h3 'Deep' follows h1 'Title'"),
        (checks.images, "<img src='data:,'>", "data:, has no alt text"),
        (checks.images, "<img src='data:,' alt=' '>", "data:, has no alt text"),
        (checks.ids, "<b id='x'></b><i id='x'></i>", "id x stands twice"),
        (checks.width, WIDE, "1440 are there"),
        (checks.width, f'<div style="overflow: hidden">{WIDE}</div>', "hides a part of its content"),
        (checks.width, f'<div class="box" style="overflow: auto">{WIDE}</div>', '"box"> scrolls sideways, but not by'),
        (
            checks.width,
            f'<div tabindex="0" style="overflow: auto"><table><tr><td>{WIDE}</table></div>',
            "no role and label",
        ),
        (checks.accessibility, '<p style="color: #aaa; background: #fff">pale</p>', "color-contrast"),
        (checks.accessibility, "<input>", "label (critical)"),
        (checks.accessibility, "<button></button>", "button-name"),
        (checks.accessibility, "<a href='#'></a>", "link-name"),
        (checks.accessibility, "<img src='data:,'>", "image-alt"),
        (checks.accessibility, "<p aria-label='x' aria-invented='y'>text</p>", "aria-valid-attr"),
    ],
)
def test_each_fault_is_found(
    page: Page, show: Callable[[str], list[str]], check: Callable[[Page], list[str]], body: str, complaint: str
) -> None:
    show(body)
    assert complaint in " | ".join(check(page))


def test_only_the_named_elements_are_exempt(page: Page, show: Callable[[str], list[str]]) -> None:
    show("<img src='data:,' class='known'><img src='data:,' class='other'>")
    (found,) = checks.accessibility(page, exempt={"image-alt": ".known"})
    assert "other" in found
