"""From the Markdown of the book to plain Markdown, which every notebook program shows as it is meant.

Notebook programs know neither roles such as `{cite:t}` nor directives such as `{admonition}`, and print them raw.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from pybtex.database import Entry, Person, parse_file

_ROLE = re.compile(r"\{(?P<role>cite:p|cite:t|numref|ref|eq|doc|term|download)\}`(?P<text>[^`]*)`")
_TITLED_TARGET = re.compile(r"(?P<title>.*?)\s*<(?P<target>[^>]*)>", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>(?!https?:|mailto:)[^)\s]*)\)")
_OPEN = re.compile(r"^(?P<fence>`{3,}|:{3,}|~{3,})\{(?P<name>[a-z-]+)\}[ \t]*(?P<title>.*)$")
_OPTION = re.compile(r"^:[a-z-]+:")
_TARGET_LINE = re.compile(r"^\([\w-]+\)=$")
_EQUATION_LABEL = re.compile(r"^\$\$[ \t]*\([\w-]+\)$")


def plain(text: str, *, citations: Mapping[str, tuple[str, str]], chapters: Collection[str]) -> str:
    """Return `text` without roles, directives and labels: admonitions become quotes, citations names and years.

    `citations` maps keys to (authors, year) as `read_citations` gives them; links to `chapters` lead to their
    notebooks, other links within the book keep their words alone.
    """
    lines = _without_directives(text.splitlines())
    joined = "\n".join("$$" if _EQUATION_LABEL.match(line) else line for line in lines if not _TARGET_LINE.match(line))
    joined = _ROLE.sub(lambda match: _role(match["role"], match["text"], citations), joined)
    return _LINK.sub(lambda match: _link(match["text"], match["target"], chapters), joined)


def read_citations(bibliography: Path) -> dict[str, tuple[str, str]]:
    """Return the authors, shortened, and the year of every entry of a BibTeX file; none where there is no file."""
    if not bibliography.is_file():
        return {}
    entries = parse_file(str(bibliography)).entries
    return {key: (_authors(entry), entry.fields.get("year", "no year")) for key, entry in entries.items()}


def _without_directives(lines: list[str]) -> list[str]:
    """Turn each fenced directive into a quote under its title; code fences stay."""
    found: list[str] = []
    remaining = iter(lines)
    for line in remaining:
        match = _OPEN.match(line)
        if match is None:
            found.append(line)
            continue
        body: list[str] = []
        for inner in remaining:
            if inner.strip() == match["fence"]:
                break
            if body or (inner.strip() and not _OPTION.match(inner)):
                body.append(inner)
        found += _quote(match["name"], match["title"], _without_directives(body))
    return found


def _quote(name: str, title: str, body: list[str]) -> list[str]:
    if name == "bibliography" or name.endswith("-end"):
        return []
    if name.startswith("solution"):
        # What follows is the label of the exercise; the cells of a gated solution stand below and not in a quote.
        return ["**Solution**", "", *body]
    heading = f"{name.capitalize()}: {title}" if name == "exercise" and title else title or name.capitalize()
    return [f"> **{heading}**", ">", *(f"> {line}".rstrip() for line in body)]


def _role(role: str, text: str, citations: Mapping[str, tuple[str, str]]) -> str:
    if role.startswith("cite"):
        named = [citations.get(key.strip(), (key.strip(), "")) for key in text.split(",")]
        if role == "cite:t":
            return " and ".join(f"{authors} ({year})" for authors, year in named)
        return f"({'; '.join(', '.join(filter(None, each)) for each in named)})"
    titled = _TITLED_TARGET.fullmatch(text)
    if role in ("numref", "ref", "eq", "doc"):
        return titled["title"] if titled else _words(text)
    return titled["title"] if titled else text


def _words(label: str) -> str:
    """Return a label in words: `table-1` is "Table 1", `fig-share-kept` "the figure “share kept”"."""
    kind, _, rest = label.partition("-")
    if rest[:1].isdigit() or rest[:2] in {f"s{digit}" for digit in range(10)}:
        return f"{kind.capitalize()} {rest.upper()}"
    kinds = {"fig": "the figure", "figure": "the figure", "table": "the table", "exercise": "the exercise"}
    return f"{kinds[kind]} “{rest.replace('-', ' ')}”" if kind in kinds else label.replace("-", " ")


def _link(text: str, target: str, chapters: Collection[str]) -> str:
    path, _, _ = target.partition("#")
    name = Path(path).stem
    return f"[{text}]({name}.ipynb)" if name in chapters else text


def _authors(entry: Entry) -> str:
    names = [_family(person) for person in entry.persons.get("author", [])]
    if not names:
        return str(entry.fields.get("title", "no author"))
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names)


def _family(person: Person) -> str:
    return " ".join(str(name) for name in [*person.rich_prelast_names, *person.rich_last_names])
