"""Lessons: chapters without the parameter `profile`, which build a method on data of their own.

They say the same under every profile, so they are executed once for all. The published book is built without
torch and cannot execute them: it shows the notebooks that were published with the measurements.
"""

from __future__ import annotations

from pathlib import Path

import nbformat

from rflib.book import parameters as chapter_parameters
from rflib.book.execution import Progress, execute, silent
from rflib.book.freshness import State, changes, current_state, record
from rflib.book.notebooks import chapter_names, source_path
from rflib.book.scrubbing import without_traces

_REMEDY = "run `rflib publish` again"


def is_lesson(chapter_path: Path) -> bool:
    """Return whether the chapter at `chapter_path` depends on no profile."""
    return not chapter_parameters.reads_profile(chapter_parameters.read(chapter_path))


def executed_path(root: Path, chapter: str) -> Path:
    """Return where this machine's executed notebook of a lesson lies, for every profile that computes."""
    return root / "_build" / "executed" / "lessons" / f"{chapter}.ipynb"


def published_path(root: Path, chapter: str) -> Path:
    """Return where the published executed notebook of a lesson lies."""
    return root / "results" / "lessons" / f"{chapter}.ipynb"


def publish_lessons(root: Path, *, on_progress: Progress = silent) -> list[Path]:
    """Execute the lessons whose published notebook is of another source, publish them, remove what is no lesson.

    Returns the published notebooks that were written.
    """
    names = _lessons(root)
    folder = published_path(root, "any").parent
    for path in folder.glob("*.*") if folder.is_dir() else ():
        if path.stem not in names:
            path.unlink()
    return [_publish(root, name, on_progress) for name in names if _reasons(root, name)]


def stale_lessons(root: Path) -> list[str]:
    """Return which published lessons are missing or were executed from another source, as text."""
    return [
        f"lessons/{name}.ipynb: other than published or executed from another source "
        f"(changed: {', '.join(reasons)}); {_REMEDY}"
        for name in _lessons(root)
        if (reasons := _reasons(root, name))
    ]


def _publish(root: Path, name: str, on_progress: Progress) -> Path:
    source, executed, published = source_path(root, name), executed_path(root, name), published_path(root, name)
    execute(source, {}, executed, working_directory=root, on_progress=on_progress)
    notebook = without_traces(nbformat.read(executed, 4), name, root=root)
    published.parent.mkdir(parents=True, exist_ok=True)
    published.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    record(published, _published_state(root, name))
    return published


def _reasons(root: Path, name: str) -> list[str]:
    return changes(published_path(root, name), _published_state(root, name))


def _published_state(root: Path, name: str) -> State:
    """Return what a published lesson depends on; its own checks, in every other build, guard it against the library."""
    source = source_path(root, name)
    state = current_state(source, chapter_parameters.complete(chapter_parameters.read(source), {}))
    return {part: state[part] for part in ("source", "parameters")}


def _lessons(root: Path) -> list[str]:
    return [name for name in chapter_names(root) if is_lesson(source_path(root, name))]
