"""A Sphinx extension that mends what the theme and its companions leave wrong on every page.

It takes out the scripts for running cells on a server elsewhere, follows the reader's system between light and
dark, and tells a screen reader what a table that scrolls sideways is.
"""

from __future__ import annotations

import html
import re
from typing import Any

from sphinx.application import Sphinx

_LIVE_CODE = ("sphinx_thebe", "init_thebe_core")
# Until a reader chooses, the theme knows no mode and reports that as an error.
_FOLLOW_THE_SYSTEM = "document.documentElement.dataset.mode ||= 'auto'"
_TABLE = re.compile(
    r'(?P<box><div class="pst-scrollable-table-container")>'
    r"(?=\s*<table[^>]*>\s*(<caption[^>]*>(?P<caption>.*?)</caption>)?)",
    re.DOTALL,
)
# A signature of one parameter a line: a list without terms, inside of a term.
_PARAMETERS = re.compile(r'<dl>\s*(?=<dd><em class="sig-param">)(?P<each>.*?)</dl>', re.DOTALL)
_PERMALINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def setup(app: Sphinx) -> dict[str, Any]:
    """Take out the live code, which is loaded with Jupyter Book and before this, and listen for pages."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if (listener.handler.__module__, getattr(listener.handler, "__name__", "")) == _LIVE_CODE:
                app.disconnect(listener.id)
    app.add_js_file(None, body=_FOLLOW_THE_SYSTEM)
    app.connect("html-page-context", _mend)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    if body := context.get("body"):
        context["body"] = mended(body)


def mended(body: str) -> str:
    """Return the HTML of a page's text with labelled tables, lists that are some, and ids of their own.

    A table's box is reached by keyboard where it scrolls, so it needs a role and a label: those of its caption.
    """
    # Works may no longer stand in a list under the role that they are written with.
    body = body.replace('role="doc-biblioentry"', 'role="listitem"')
    # Every exercise and every solution of a page would have these.
    body = body.replace(' id="exercise-content"', "").replace(' id="solution-content"', "")
    body = _PARAMETERS.sub(lambda found: found["each"].replace("<dd>", "<span>").replace("</dd>", "</span>"), body)
    return _TABLE.sub(lambda found: f'{found["box"]} role="group" aria-label="{_label(found["caption"])}">', body)


def _label(caption: str | None) -> str:
    text = _TAG.sub("", _PERMALINK.sub("", caption or ""))
    return html.escape(" ".join(html.unescape(text).split()) or "Table")
