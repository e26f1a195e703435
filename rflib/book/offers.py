"""What a chapter's page offers to run: notebooks to download, Binder and Colab where the repository is known."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat

from rflib.book.notebooks import chapter_names, source_path
from rflib.book.plain_markdown import read_citations
from rflib.book.runnable import ARCHIVE, has_solutions, runnable

# The branch that the workflow writes the notebooks to: Colab opens them from there.
NOTEBOOKS_BRANCH = "notebooks"
EXERCISES = "-exercises"
LEAD = "Run this chapter:"
_GITHUB = "https://github.com/"
_ARCHIVED = (
    *(".ci", "_config.yml", "_toc.yml", "CITATION.cff", "LICENSE", "Makefile", "README.md", "environment.yml"),
    *("pyproject.toml", "requirements.lock", "book", "notebooks", "results", "rflib"),
)


def repository_url(settings: Mapping[str, Any]) -> str | None:
    """Return the repository's address from the book's settings (`repository: url:`), None until it is set."""
    return ((settings.get("repository") or {}).get("url") or "").rstrip("/") or None


def runnable_notebooks(root: Path, chapters: Collection[str], *, repository: str | None) -> dict[str, bytes]:
    """Return `chapters` as notebooks that run by themselves, and those with exercises without solutions, by name."""
    names = chapter_names(root)
    citations = read_citations(root / "book" / "references.bib")
    found = {}
    for name in chapters:
        source = source_path(root, name)
        forms = {name: True} | ({name + EXERCISES: False} if has_solutions(source) else {})
        for form, with_solutions in forms.items():
            notebook = runnable(
                source, repository=repository, citations=citations, chapters=names, with_solutions=with_solutions
            )
            found[f"{form}.ipynb"] = (nbformat.writes(notebook) + "\n").encode()
    return found


def archive(root: Path) -> bytes:
    """Return the book's code, chapters and measurements as a zip archive; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for name in _ARCHIVED for path in _files(root / name)):
            packed.writestr(_entry(path, root), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def offers(chapter: str, *, solutions: bool, repository: str | None) -> str:
    """Return one line of Markdown with everything that `chapter` can be run from."""
    notebook = f"{{download}}`notebook <../downloads/{chapter}.ipynb>`"
    exercises = f"{{download}}`notebook without solutions <../downloads/{chapter}{EXERCISES}.ipynb>`"
    packed = f"{{download}}`code and measurements for it <../downloads/{ARCHIVE}>`"
    found = [notebook, *([exercises] if solutions else []), *([packed] if repository is None else [])]
    return f"{LEAD} {' · '.join([*found, *_launchers(chapter, repository)])}"


def _launchers(chapter: str, repository: str | None) -> list[str]:
    if repository is None or not repository.startswith(_GITHUB):
        return []
    name = repository.removeprefix(_GITHUB).removesuffix(".git")
    return [
        f"[Binder](https://mybinder.org/v2/gh/{name}/HEAD?labpath={quote(f'run/{chapter}.ipynb', safe='')})",
        f"[Colab](https://colab.research.google.com/github/{name}/blob/{NOTEBOOKS_BRANCH}/{chapter}.ipynb)",
    ]


def _entry(path: Path, root: Path) -> zipfile.ZipInfo:
    """Return the entry of a file without its time; what can be executed stays so, the rest can be read."""
    entry = zipfile.ZipInfo(str(path.relative_to(root)))
    entry.external_attr = (0o755 if path.stat().st_mode & 0o100 else 0o644) << 16
    return entry


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts]
