"""What an output may bring into the site: static text, tables and pictures, nothing that runs or loads.

nbconvert and Sphinx pass the HTML of outputs through as it is, so it is checked here, before the site is
built.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from nbformat import NotebookNode

ALLOWED_TYPES = (
    "text/plain",
    "text/html",
    "text/markdown",
    "text/latex",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
)
_MARKUP_TYPES = ("text/html", "text/markdown", "image/svg+xml")
_FORBIDDEN_TAGS = {
    *("script", "iframe", "frame", "frameset", "object", "embed", "applet", "link", "meta", "base", "form"),
    *("foreignobject", "animate", "set", "portal"),
}
_FORBIDDEN_SCHEMES = ("javascript:", "vbscript:", "data:text/html")
_LOADING_ATTRIBUTES = {"src", "srcset", "poster", "background", "data"}
_RAW_SCRIPT = re.compile(r"<\s*/?\s*script", re.IGNORECASE)
_RAW_SCHEME = re.compile(r"(javascript|vbscript)\s*:", re.IGNORECASE)
_OUTSIDE_STYLE = re.compile(r"@import|url\(\s*['\"]?\s*(https?:)?//", re.IGNORECASE)


def refusal(output: NotebookNode) -> str | None:
    """Return why `output` may not stand on a page, or None when it may."""
    if output.output_type == "error":
        return f"it is an error ({output.ename}: {output.evalue})"
    for media_type, content in output.get("data", {}).items():
        if media_type not in ALLOWED_TYPES:
            return f"its type is {media_type}"
        if media_type in _MARKUP_TYPES and (reason := _markup_refusal(content)):
            return f"its {media_type} {reason}"
    return None


def _markup_refusal(markup: str) -> str | None:
    # The raw patterns catch what a browser would repair into a tag although this parser sees plain text.
    if _RAW_SCRIPT.search(markup):
        return "contains <script"
    if _RAW_SCHEME.search(markup):
        return "contains a javascript: address"
    if _OUTSIDE_STYLE.search(markup):
        return "has a style that loads from outside"
    finder = _Finder()
    finder.feed(markup)
    finder.close()
    return finder.reason


class _Finder(HTMLParser):
    """Remembers the first thing in a piece of HTML that could run or load something."""

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _FORBIDDEN_TAGS:
            self.reason = self.reason or f"contains <{tag}>"
        for name, value in attrs:
            self.reason = self.reason or _attribute_refusal(name, value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)


def _attribute_refusal(name: str, value: str) -> str | None:
    # Browsers ignore white space and control characters inside a scheme.
    address = re.sub(r"[\s\x00-\x1f]", "", value).lower()
    if name.startswith("on"):
        return f"contains the event handler {name}"
    if address.startswith(_FORBIDDEN_SCHEMES):
        return f"contains the address {address[:40]}"
    if name in _LOADING_ATTRIBUTES and re.match(r"(https?:)?//", address):
        return f"loads {address[:80]} from outside"
    if name == "style" and _OUTSIDE_STYLE.search(value):
        return "has a style that loads from outside"
    return None
