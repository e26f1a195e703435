"""The staged copy of the book that the site is built from: settings, prose, executed chapters.

Only files whose bytes changed are written, and files that no longer belong are removed, so that the site
builder sees exactly what changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from rflib.book.ledger import fill_ledger
from rflib.book.notebooks import read_source
from rflib.book.offers import archive, offers, repository_url, runnable_notebooks
from rflib.book.runnable import ARCHIVE, has_solutions
from rflib.book.scrubbing import scrub
from rflib.errors import RflibError

_NOT_EXECUTED = """```{{important}}
This chapter was not executed for this copy of the book. `rflib book --chapter {chapter}` fills it in.
```"""
_MATHML = "rflib.book.mathml"
# What prose shows of the published results: words and pictures beside the measurements.
_SHOWN_RESULTS = ("*.md", "*.png")
_IGNORED = ("__pycache__", ".ipynb_checkpoints", ".DS_Store")


def stage(
    root: Path,
    staged: Path,
    executed: Mapping[str, Path | None],
    *,
    contents: Mapping[str, Any] | None = None,
    with_bibliography: bool = False,
) -> list[Path]:
    """Bring `staged` up to date and return the paths that were written or removed.

    `executed` maps chapters to their executed notebooks, None for one that was not executed. `contents`
    replaces `_toc.yml`; `with_bibliography` ends every chapter with the references, for a copy without the
    book's own page.

    Raises RflibError when settings are missing or a notebook must not be published.
    """
    book_settings = settings(_read_yaml(root / "_config.yml"))
    repository = repository_url(book_settings)
    files = {
        Path("_config.yml"): _yaml(book_settings),
        Path("_toc.yml"): _yaml(contents if contents is not None else _read_yaml(root / "_toc.yml")),
    }
    files |= {Path("book") / path: (root / "book" / path).read_bytes() for path in _files(root / "book")}
    shown = [path for pattern in _SHOWN_RESULTS for path in (root / "results").glob(pattern)]
    files |= {path.relative_to(root): path.read_bytes() for path in shown}
    pages = {chapter: _page(chapter, path, root, repository) for chapter, path in executed.items()}
    fill_ledger(pages)
    for chapter, page in pages.items():
        if with_bibliography and any("{cite" in cell.source for cell in page.cells):
            page.cells.append(_bibliography())
        files[Path("notebooks") / f"{chapter}.ipynb"] = _notebook_bytes(page)
    downloads = runnable_notebooks(root, list(executed), repository=repository)
    if repository is None:
        downloads[ARCHIVE] = archive(root)
    files |= {Path("downloads") / name: content for name, content in downloads.items()}
    return _synchronise(staged, files)


def settings(book_settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the book's settings with what every staged copy needs, whatever `_config.yml` says.

    Notebooks arrive executed, files outside the table of contents are not pages, and formulas become MathML.
    """
    sphinx = dict(book_settings.get("sphinx") or {})
    extensions = list(sphinx.get("extra_extensions") or [])
    sphinx["extra_extensions"] = [*(name for name in extensions if name != _MATHML), _MATHML]
    sphinx["config"] = {**(sphinx.get("config") or {}), "html_math_renderer": "mathml"}
    return {
        **book_settings,
        "only_build_toc_files": True,
        "execute": {"execute_notebooks": "off"},
        "sphinx": sphinx,
    }


def repository_of(root: Path) -> str | None:
    """Return the repository's address from the book's settings at `root`, None until it is set."""
    return repository_url(_read_yaml(root / "_config.yml"))


def _page(chapter: str, notebook_path: Path | None, root: Path, repository: str | None) -> NotebookNode:
    source_path = root / "notebooks" / f"{chapter}.md"
    offered = offers(chapter, solutions=has_solutions(source_path), repository=repository)
    if notebook_path is not None:
        return scrub(nbformat.read(notebook_path, 4), chapter, root=root, below_parameters=offered)
    page = scrub(read_source(source_path), chapter, root=root, below_parameters=offered)
    page.cells.insert(1, nbformat.v4.new_markdown_cell(_NOT_EXECUTED.format(chapter=chapter), id="not-executed"))
    return page


def _bibliography() -> NotebookNode:
    return nbformat.v4.new_markdown_cell("## References\n\n```{bibliography}\n```", id="bibliography")


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise RflibError(f"expected the book's settings at {path}, found nothing; run this in the book's repository")
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def _yaml(content: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True).encode()


def _notebook_bytes(notebook: NotebookNode) -> bytes:
    return (nbformat.writes(notebook) + "\n").encode()


def _files(folder: Path) -> list[Path]:
    """Return the files below `folder`, relative to it, without caches."""
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in paths if not set(path.parts) & set(_IGNORED)]


def _synchronise(folder: Path, files: Mapping[Path, bytes]) -> list[Path]:
    """Make `folder` hold exactly `files`; return the relative paths that changed."""
    changed = [path for path in _files(folder) if path not in files]
    for path in changed:
        (folder / path).unlink()
    for path, content in files.items():
        target = folder / path
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.writing")
        temporary.write_bytes(content)
        os.replace(temporary, target)
        changed.append(path)
    return changed
