from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from sphinx.testing.util import SphinxTestApp

from rflib.book.theme import mended

TABLE = (
    '<div class="pst-scrollable-table-container"><table class="table">{}'
    "<tbody><tr><td>1</td></tr></tbody></table></div>"
)


def box(caption: str) -> Tag:
    return BeautifulSoup(mended(TABLE.format(caption)), "html.parser").div


def test_the_box_of_a_table_has_its_caption_as_label() -> None:
    text = '<span class="n">Table 1</span> <em>Loss</em> &amp; "rate"<a class="headerlink" href="#x">#</a>'
    caption = f"<caption>{text}</caption>"
    assert (box(caption)["role"], box(caption)["aria-label"]) == ("group", 'Table 1 Loss & "rate"')


def test_the_box_of_a_table_without_caption_is_still_labelled() -> None:
    assert box("")["aria-label"] == "Table"
    assert box("<caption></caption>")["aria-label"] == "Table"


def test_each_table_has_its_own_caption() -> None:
    two = mended(TABLE.format("") + TABLE.format("<caption>Second</caption>"))
    labels = [each["aria-label"] for each in BeautifulSoup(two, "html.parser").select("div")]
    assert labels == ["Table", "Second"]


def test_references_are_items_of_their_list() -> None:
    works = '<div role="list"><div id="a" role="doc-biblioentry">A</div></div>'
    assert 'id="a" role="listitem"' in mended(works)


def test_ids_that_every_exercise_has_are_taken_out() -> None:
    exercise = '<div id="exercise-1"><section id="exercise-content"><p>?</p></section></div>'
    assert mended(exercise) == '<div id="exercise-1"><section><p>?</p></section></div>'


def test_the_parameters_of_a_signature_are_no_list_without_terms() -> None:
    each = '<dd><em class="sig-param">{}</em>,</dd>\n'
    term = f"<dl><dt>f(\n\n<dl>\n{each.format('a')}{each.format('b')}</dl>\n\n)</dt><dd>Text.</dd></dl>"
    assert [tag.name for tag in BeautifulSoup(mended(term), "html.parser").dt.find_all()] == ["span", "em"] * 2
    assert mended(term).count("<dd>") == 1


def test_other_text_stays_as_it_is() -> None:
    text = '<p id="x">a &lt; b<br><svg viewBox="0 0 1 1"></svg></p>'
    assert mended(text) == text


@pytest.mark.slow
def test_a_page_has_no_live_code_and_follows_the_system(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text("extensions = ['sphinx_thebe', 'rflib.book.theme']\nthebe_config = {}\n")
    (tmp_path / "index.rst").write_text("Title\n=====\n", encoding="utf-8")
    app = SphinxTestApp(srcdir=tmp_path)
    app.build()
    page = (Path(app.outdir) / "index.html").read_text(encoding="utf-8")
    app.cleanup()
    assert "unpkg.com" not in page
    assert "dataset.mode ||= 'auto'" in page
