"""A tiny built book: its settings and the pages of a site, each with one thing that paper needs changed."""

from __future__ import annotations

from pathlib import Path

import yaml
from PIL import Image

PAGE = """<!DOCTYPE html><html lang="en"><head><title>x</title><link rel="stylesheet" href="../_static/a.css"></head>
<body><nav>sidebar</nav><article class="bd-article">{}</article></body></html>"""
FIRST = (
    '<h1 id="top">A tiny book<a class="headerlink" href="#top">#</a></h1><p>See <a href="one.html#deep">there</a>.</p>'
)
ONE = """<section id="same"><h1>Chapter one</h1><p><a href="#deep">down</a> <a href="../notebooks/two.html">two</a>
<a href="https://example.org/">outside</a> <a href="../_downloads/x/one.ipynb">notebook</a></p>
<p>Run this chapter: <a href="../_downloads/x/one.ipynb">notebook</a></p>
<details><summary>More</summary><p>folded away</p></details>
<h2 id="deep">Deep</h2><p><img alt="a picture" src="../_images/picture.png"></p>
<button>Copy</button><script>alert()</script></section>"""
COLUMNS = "".join(f"<td>number{column:02d}</td>" for column in range(30))
TWO = f"""<section id="same"><h1>Chapter two</h1><label for="box">x</label><input id="box">
<table><tbody><tr>{COLUMNS}</tr></tbody></table></section>"""
CONTENTS = {
    "root": "book/index",
    "parts": [
        {"caption": "First & foremost", "chapters": [{"file": "book/one"}]},
        {"caption": "Second", "chapters": [{"file": "notebooks/two"}]},
    ],
}


def write_book(root: Path) -> Path:
    """Write the book's settings and its site to `root`; return the site's folder."""
    settings = {"title": "A tiny book", "author": "A. Author", "sphinx": {"config": {"language": "en"}}}
    (root / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (root / "_toc.yml").write_text(yaml.safe_dump(CONTENTS), encoding="utf-8")
    site = root / "_build" / "html"
    for name, body in {"book/index": FIRST, "book/one": ONE, "notebooks/two": TWO}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / f"{name}.html").write_text(PAGE.format(body), encoding="utf-8")
    for folder in ("_static", "_images"):
        (site / folder).mkdir()
    (site / "index.html").write_text("", encoding="utf-8")
    (site / "_static" / "a.css").write_text("p { color: #123456 }", encoding="utf-8")
    Image.new("RGB", (40, 30), "red").save(site / "_images" / "picture.png")
    return site
