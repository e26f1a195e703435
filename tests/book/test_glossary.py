"""The glossary: every link to it resolves, every entry is linked, and pages link a term once, where it first occurs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "book" / "glossary.md"
PAGES = sorted(path for folder in ("book", "notebooks") for path in (ROOT / folder).glob("*.md") if path != GLOSSARY)
LINK = re.compile(r"\{term\}`([^`<]*[^`<\s])(?:\s*<([^`>]+)>)?`")
MOST_LINKS = 6
# Directives that hold no running text; that of all others is read.
NO_TEXT = ("bibliography", "code-cell", "glossary", "include", "math", "raw")
NOT_PROSE = (
    r"\A---\n.*?\n---\n",
    r"^#+ .*?$",
    r"^:[\w-]+:.*?$",
    r"\$\$.*?\$\$|\$[^$\n]+\$",
    r"(?:\{[\w:]+\})?`[^`]+`",
    r"\[[^\]]*\]\([^)]*\)",
)


def entries() -> list[str]:
    """Return the terms in the order of the file: lines of the directive without indentation."""
    directive = GLOSSARY.read_text(encoding="utf-8").split("```{glossary}")[1].split("```")[0]
    return [line for line in directive.splitlines() if line and not line.startswith((" ", ":"))]


def prose(page: Path) -> str:
    """Return the running text of a page, with blanks in the place of all else: code, headings, formulas, other links.

    The text keeps its length, so that places in it are places on the page.
    """
    text = "\n".join(_outside_code(page.read_text(encoding="utf-8").split("\n")))
    for pattern in NOT_PROSE:
        text = re.sub(pattern, _blanked, text, flags=re.DOTALL | re.MULTILINE)
    return text


def _outside_code(lines: list[str]) -> Iterator[str]:
    """Yield the lines, blank where they are code or open or close a block; a fence without a name closes one."""
    closing = ""
    for line in lines:
        fence = re.match(r"\s*(`{3,}|~{3,})\s*(?:\{([\w-]+)\})?(.*)", line)
        if closing:
            closing = "" if line.strip() == closing else closing
            yield " " * len(line)
        elif fence:
            name, language = fence[2], fence[3].strip()
            closing = fence[1] if name in NO_TEXT or (not name and language) else ""
            yield " " * len(line)
        else:
            yield line


def _blanked(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("{term}") else re.sub(r"\S", " ", found[0])


def links(page: Path) -> list[tuple[str, str, int]]:
    """Return the shown text, the term and the place of every link to the glossary."""
    return [(found[1], found[2] or found[1], found.start()) for found in LINK.finditer(prose(page))]


def first_occurrence(text: str, *phrases: str) -> int:
    """Return where one of `phrases`, or its plural, first stands in `text` as words of their own."""
    words = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    found = re.search(rf"(?<![\w-])(?:{words})s?(?!\w)", text, flags=re.IGNORECASE)
    assert found, phrases
    return found.start()


def test_entries_are_unique_and_each_leads_to_a_page_that_exists() -> None:
    terms = entries()
    assert len(terms) > 40
    assert len({term.lower() for term in terms}) == len(terms)
    # A link to a page would not know which of the two is meant.
    assert not set(terms) & {page.stem for page in PAGES}
    definitions = re.split(
        r"^(?=\S)", GLOSSARY.read_text(encoding="utf-8").split(":sorted:")[1].split("```")[0], flags=re.M
    )
    targets = [re.findall(r"\]\(([^)]+)\)", definition) for definition in definitions if definition.strip()]
    assert [len(found) for found in targets] == [1] * len(terms)
    missing = {found[0] for found in targets if not (ROOT / "book" / f"{found[0]}.md").is_file()}
    assert not missing


def test_every_link_leads_to_an_entry_and_every_entry_is_linked() -> None:
    linked = {term.lower() for page in PAGES for _, term, _ in links(page)}
    assert linked == {term.lower() for term in entries()}


def test_no_link_hides_where_it_is_not_looked_for() -> None:
    for page in PAGES:
        assert page.read_text(encoding="utf-8").count("{term}`") == len(links(page)), page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_links_a_term_once_where_it_first_occurs(page: Path) -> None:
    found, text = links(page), prose(page)
    terms = [term.lower() for _, term, _ in found]
    assert len(set(terms)) == len(terms) <= MOST_LINKS
    for shown, term, place in found:
        assert first_occurrence(text, shown, term) >= place, f"{term} occurs before its link"
