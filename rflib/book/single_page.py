"""All pages of the built site as one HTML document: what is printed.

Sphinx has a builder for that, which does not know the folds of cells and boxes that the book uses.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from rflib.book.offers import LEAD
from rflib.errors import RflibError

_STYLE = Path(__file__).with_name("paper.css")
_DOCUMENT = """<!DOCTYPE html>
<html lang="{language}" data-theme="light">
<head><meta charset="utf-8"><title>{title}</title>
{styles}
<style>{style}</style></head>
<body>{body}
<script>
// What is wider than the paper, such as a table with many columns, is drawn smaller.
for (const element of document.querySelectorAll('table, math[display=block], svg')) {{
  const room = element.parentElement.clientWidth, needed = element.getBoundingClientRect().width;
  if (room && needed > room) element.style.zoom = room / needed;
}}
</script></body></html>"""
# For the mouse, for other programs, or for the screen alone.
_SCREEN_ONLY = "script, .headerlink, button, .toctree-wrapper, #searchbox, [hidden], .noprint, .d-print-none"
_NUMBER = '<span class="number" data-page="{}"></span>'
_REFERRING = ("for", "aria-labelledby", "aria-describedby")


@dataclass(frozen=True)
class Part:
    """A part of the book: its caption and its pages, such as `notebooks/claims`."""

    caption: str
    pages: tuple[str, ...]


def parts(contents: Mapping[str, Any]) -> list[Part]:
    """Return the parts of the book from its table of contents (`_toc.yml`)."""
    return [
        Part(part["caption"], tuple(str(chapter["file"]) for chapter in part["chapters"])) for part in contents["parts"]
    ]


def anchor(page: str) -> str:
    """Return the id under which `page` begins in the single page."""
    return page.replace("/", "-")


def single_page(
    site: Path,
    first: str,
    parts: Sequence[Part],
    *,
    title: str,
    language: str = "en",
) -> str:
    """Return the pages of the built `site` in one document: `first`, a table of contents, then part by part.

    Links between pages are links within the document, to files of the site they are plain text. Styles and
    images are named by their full addresses. The table of contents waits for its numbers, see `numbered`.

    Raises RflibError for a page that the site lacks.
    """
    names = [first, *(name for part in parts for name in part.pages)]
    articles = {name: _article(site, name) for name in names}
    ids = {name: {str(element["id"]) for element in article.find_all(id=True)} for name, article in articles.items()}
    for name, article in articles.items():
        _prepare(article, name, site, ids, levels_down=0 if name == first else 1)
    body = [_section(first, articles[first]), _contents(parts, articles)]
    for part in parts:
        body.append(f'<h1 class="part">{html.escape(part.caption)}</h1>')
        body += [_section(name, articles[name]) for name in part.pages]
    return _DOCUMENT.format(
        language=language,
        title=html.escape(title),
        styles="\n".join(_styles(site, first)),
        style=_STYLE.read_text(encoding="utf-8"),
        body="\n".join(body),
    )


def numbered(document: str, page_numbers: Mapping[str, int]) -> str:
    """Return the single page with the numbers of its pages, by anchor, in the table of contents."""
    for name, number in page_numbers.items():
        empty = _NUMBER.format(name)
        document = document.replace(empty, empty.replace("></", f">{number}</"))
    return document


def headings(document: str) -> list[str]:
    """Return the text of every heading of the single page, in order."""
    found = re.findall(r"<h([1-6])\b[^>]*>(.*?)</h\1>", document, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split()) for _, text in found]


def _article(site: Path, name: str) -> Tag:
    path = site / f"{name}.html"
    if not path.is_file():
        raise RflibError(f"expected the page {name}.html in {site}, found nothing; build the book first: `rflib book`")
    found = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").find("article", class_="bd-article")
    if not isinstance(found, Tag):
        raise RflibError(f"expected a text in {path}, found none; build the book again: `rflib book`")
    return found


def _styles(site: Path, name: str) -> list[str]:
    """Return the style sheets of a page, in its order."""
    soup = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    found = [_file(site, name, str(link["href"])).as_uri() for link in soup.select("head > link[rel=stylesheet]")]
    return [f'<link rel="stylesheet" href="{html.escape(address)}">' for address in found]


def _file(site: Path, name: str, address: str) -> Path:
    """Return the file that an address on the page `name` stands for."""
    return (site / posixpath.dirname(name) / unquote(urlsplit(address).path)).resolve()


def _section(name: str, article: Tag) -> str:
    return f'<section class="page bd-article" id="{anchor(name)}">{article.decode_contents()}</section>'


def _prepare(article: Tag, name: str, site: Path, ids: Mapping[str, Collection[str]], *, levels_down: int) -> None:
    for element in article.select(_SCREEN_ONLY):
        element.decompose()
    for paragraph in article.find_all("p"):
        if paragraph.get_text().startswith(LEAD):
            paragraph.decompose()
    for details in article.find_all("details"):
        details["open"] = ""
    for image in article.find_all("img", src=True):
        image["src"] = _file(site, name, str(image["src"])).as_uri()
        image.attrs.pop("loading", None)
    for link in article.find_all("a", href=True):
        _redirect(link, name, site, ids)
    _own_ids(article, lambda identifier: _within(name, identifier))
    for heading in article.find_all(re.compile("^h[1-6]$")):
        heading.name = f"h{min(int(heading.name[1]) + levels_down, 6)}"


def _redirect(link: Tag, name: str, site: Path, ids: Mapping[str, Collection[str]]) -> None:
    """Point a link into the single page; one to a file of the site, which paper lacks, becomes plain text."""
    parts = urlsplit(str(link["href"]))
    if parts.scheme:
        return
    path = _file(site, name, str(link["href"])) if parts.path else (site / f"{name}.html").resolve()
    target = path.relative_to(site.resolve()).with_suffix("").as_posix() if path.is_relative_to(site.resolve()) else ""
    if path.suffix != ".html" or target not in ids:
        link.unwrap()
        return
    fragment = unquote(parts.fragment)
    link["href"] = f"#{_within(target, fragment) if fragment in ids[target] else anchor(target)}"


def _own_ids(article: Tag, renamed: Callable[[str], str]) -> None:
    """Rename every id of a page, and what refers to it, so that pages do not share one."""
    for element in article.find_all(True):
        if element.has_attr("id"):
            element["id"] = renamed(str(element["id"]))
        for attribute in _REFERRING:
            if element.has_attr(attribute):
                element[attribute] = " ".join(map(renamed, str(element[attribute]).split()))


def _within(name: str, identifier: str) -> str:
    return f"{anchor(name)}--{identifier}"


def _contents(parts: Sequence[Part], articles: Mapping[str, Tag]) -> str:
    lines = []
    for part in parts:
        entries = [_entry(name, articles[name]) for name in part.pages]
        lines.append(f"<li>{html.escape(part.caption)}<ol>{''.join(entries)}</ol></li>")
    return f'<section class="page contents" id="contents"><h1>Contents</h1><ol>{"".join(lines)}</ol></section>'


def _entry(name: str, article: Tag) -> str:
    heading = article.find(re.compile("^h[12]$"))
    title = html.escape(heading.get_text(strip=True)) if heading else name
    return f'<li><a href="#{anchor(name)}">{title}</a>{_NUMBER.format(anchor(name))}</li>'
