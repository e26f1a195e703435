"""Where the built site lies, and its pages."""

from __future__ import annotations

import os
from pathlib import Path

SITE = Path(os.environ.get("RFLIB_SITE") or Path(__file__).resolve().parents[2] / "_build" / "html")
# Written by the theme for searching and for indices, not read as pages.
GENERATED = ("search.html", "genindex.html", "py-modindex.html")


def page_paths(*, generated: bool = False) -> list[str]:
    """Return the site's pages relative to it, such as `notebooks/claims.html`; `generated` adds the theme's own."""
    paths = sorted(path.relative_to(SITE) for path in SITE.rglob("*.html"))
    return [str(path) for path in paths if path.parts[0] != "_static" and (generated or path.name not in GENERATED)]
