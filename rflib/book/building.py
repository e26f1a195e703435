"""The book from sources to site (execute what is stale, stage, build), and one chapter with other values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock, Timeout

from rflib.book import parameters as chapter_parameters
from rflib.book.comparison import beside_published
from rflib.book.execution import Progress, execute, silent
from rflib.book.freshness import State, changes, current_state, record, update_content
from rflib.book.lessons import executed_path, published_path
from rflib.book.notebooks import chapter_names, source_path
from rflib.book.parameters import PROFILE, reads_profile
from rflib.book.site import build_site
from rflib.book.staging import stage
from rflib.book.stale import StaleChapter, execute_at_once, execute_in_turn
from rflib.errors import UsageError
from rflib.study.profiles import PUBLISHED


@dataclass(frozen=True)
class Rerun:
    """One chapter executed with other values: its notebook, its page, all values, wall time in seconds."""

    notebook: Path
    page: Path
    parameters: dict[str, Any]
    seconds: float


def build_book(
    root: Path,
    chapters: Sequence[str] | None = None,
    *,
    profile: str,
    content_key: Callable[[], str] = lambda: "",
    on_progress: Progress = silent,
) -> Path:
    """Execute the stale chapters of the book at `root` on `profile`, build the site, return its first page.

    With `chapters`, only those chapters are executed; the others stand in the site as they were last
    executed, or as their source, and warnings do not stop the build. Lessons are executed once for all profiles;
    on the profile "published" the published notebooks stand for them, and chapters, which then measure nothing,
    are executed several at once. `content_key` describes the stored
    measurements that chapters read; it is asked before and after, since chapters compute what is missing.

    Raises UsageError for an unknown chapter or a chapter's parameters, RflibError for a failing chapter or
    site. A second call at the same time waits for the first.
    """
    root = root.resolve()
    order = chapter_names(root)
    wanted = [source_path(root, name).stem for name in chapters] if chapters else order
    build = root / "_build"
    with _exclusive(build / ".lock", on_progress):
        values = {name: _values(source_path(root, name), profile) for name in order}
        notebooks = {name: _notebook_path(root, name, profile, lesson=PROFILE not in values[name]) for name in order}
        own = {name: path for name, path in notebooks.items() if name in wanted and path.is_relative_to(build)}
        _execute_stale(
            root, own, values, content_key=content_key, on_progress=on_progress, reading=profile == PUBLISHED
        )
        executed = {name: path if path.is_file() else None for name, path in notebooks.items()}
        stage(root, build / "book", executed)
        page = build_site(root, build / "book", strict=not chapters)
        on_progress(f"site: {page}")
        return page


def rerun(
    root: Path,
    chapter: str,
    parameters: Mapping[str, Any],
    *,
    compare: bool = False,
    on_progress: Progress = silent,
) -> Rerun:
    """Execute one chapter with `parameters` over its defaults and make a page of it.

    Both stand in `_build/reruns/CHAPTER-HASH/`, where the hash is that of all values. References to other
    chapters stay plain text. With `compare`, the page shows each published figure and table after the new one.

    Raises UsageError for an unknown chapter or parameter, a wrong type or a lesson that is to be compared,
    RflibError for a failing chapter.
    """
    root = root.resolve()
    source = source_path(root, chapter)
    values = chapter_parameters.complete(chapter_parameters.read(source), parameters)
    if compare and PROFILE not in values:
        raise UsageError(f"chapter '{chapter}' reads no measurements: there is nothing published to compare it with")
    folder = root / "_build" / "reruns" / f"{chapter}-{_short_hash(values)}"
    with _exclusive(folder / ".lock", on_progress):
        execution = execute(
            source, values, folder / f"{chapter}.ipynb", working_directory=root, on_progress=on_progress
        )
        shown = _beside_published(root, source, execution.notebook, on_progress) if compare else execution.notebook
        contents = {"format": "jb-book", "root": f"notebooks/{chapter}"}
        staged = folder / "book"
        stage(root, staged, {chapter: shown}, contents=contents, with_bibliography=True)
        build_site(root, staged, output=folder / "html", strict=False)
    page = folder / "html" / "notebooks" / f"{chapter}.html"
    return Rerun(execution.notebook, page, values, execution.seconds)


def _beside_published(root: Path, source: Path, notebook: Path, on_progress: Progress) -> Path:
    published = notebook.with_name(f"{source.stem}-published.ipynb")
    execute(source, {PROFILE: PUBLISHED}, published, working_directory=root, on_progress=on_progress)
    combined = beside_published(nbformat.read(notebook, 4), nbformat.read(published, 4))
    path = notebook.with_name(f"{source.stem}-beside-published.ipynb")
    nbformat.write(combined, path)
    return path


def _notebook_path(root: Path, name: str, profile: str, *, lesson: bool) -> Path:
    """Return the executed notebook that the book shows; one outside `_build/` is published and not executed here."""
    if not lesson:
        return root / "_build" / "executed" / profile / f"{name}.ipynb"
    return published_path(root, name) if profile == PUBLISHED else executed_path(root, name)


def _execute_stale(
    root: Path,
    notebooks: Mapping[str, Path],
    values: Mapping[str, Mapping[str, Any]],
    *,
    content_key: Callable[[], str],
    on_progress: Progress,
    reading: bool,
) -> None:
    before = content_key()
    stale = [
        StaleChapter(source_path(root, name), values[name], reasons, notebook, root)
        for name, notebook in notebooks.items()
        if (reasons := changes(notebook, _state(root, name, values[name], content_key=before)))
    ]
    for name in (execute_at_once if reading else execute_in_turn)(stale, on_progress):
        record(notebooks[name], _state(root, name, values[name], content_key=content_key()))
    after = content_key()
    if after != before:
        # Chapters compute what is missing; what one of them added does not make the others stale.
        for notebook in notebooks.values():
            update_content(notebook, content_key=after)


def _values(source: Path, profile: str) -> dict[str, Any]:
    declared = chapter_parameters.read(source)
    return chapter_parameters.complete(declared, {PROFILE: profile} if reads_profile(declared) else {})


def _state(root: Path, name: str, values: Mapping[str, Any], *, content_key: str) -> State:
    if PROFILE not in values:
        return current_state(source_path(root, name), values)
    profile_path = root / "notebooks" / "profiles" / f"{values[PROFILE]}.yml"
    return current_state(source_path(root, name), values, profile_path=profile_path, content_key=content_key)


@contextmanager
def _exclusive(path: Path, on_progress: Progress) -> Iterator[None]:
    """Hold the lock file at `path`; the system releases it when its holder ends, however that happens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_progress(f"another build works in {path.parent}: waiting for it to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _short_hash(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()[:10]
