"""Executing chapters that are out of date: one after the other, or, where none of them measures, several at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rflib.book.execution import Progress, execute
from rflib.study.executors.processes import Processes


@dataclass(frozen=True)
class StaleChapter:
    """A chapter to be executed: its source, parameters, what has changed, the notebook to write, where to run."""

    source: Path
    values: Mapping[str, Any]
    reasons: Sequence[str]
    notebook: Path
    working_directory: Path

    @property
    def name(self) -> str:
        """The chapter's name."""
        return self.source.stem

    def execute(self, on_progress: Progress) -> None:
        """Write the executed notebook; errors are those of `rflib.book.execution.execute`."""
        on_progress(f"{self.name}: executing (changed: {', '.join(self.reasons)})")
        execute(
            self.source, self.values, self.notebook, working_directory=self.working_directory, on_progress=on_progress
        )


def execute_in_turn(chapters: Sequence[StaleChapter], on_progress: Progress) -> Iterator[str]:
    """Execute chapters that may compute with all cores; yield the name of each when it is done."""
    for chapter in chapters:
        chapter.execute(on_progress)
        yield chapter.name


def execute_at_once(chapters: Sequence[StaleChapter], on_progress: Progress) -> Iterator[str]:
    """Execute chapters that only read, as many at once as there are cores; yield the name of each when it is done.

    The first error stops the rest.
    """
    with Processes().open(threads=1, environment={}) as run:
        for name, lines in run(_with_lines, chapters):
            for line in lines:
                on_progress(line)
            yield name


def _with_lines(chapter: StaleChapter) -> tuple[str, list[str]]:
    """Execute a chapter in a process that cannot reach whoever waits; return its name and what it had to say."""
    lines: list[str] = []
    chapter.execute(lines.append)
    return chapter.name, lines
