"""The value that a chapter's cell shows: sentences as a Markdown list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sentences:
    """Sentences in Markdown, one point of a list each; MyST roles such as `{numref}` work in them."""

    points: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(f"- {point}" for point in self.points)

    def __add__(self, other: Sentences) -> Sentences:
        # What both say, such as that nothing was measured, is said once.
        return Sentences(tuple(dict.fromkeys(self.points + other.points)))

    def _repr_markdown_(self) -> str:
        return str(self)
