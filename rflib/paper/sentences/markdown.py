"""The value that a chapter's cell shows: sentences as a Markdown list."""

from __future__ import annotations

from dataclasses import dataclass

_SPREAD = "±"
_INTERVAL = "95 % interval of the mean"


@dataclass(frozen=True)
class Sentences:
    """Sentences in Markdown, one point of a list each; MyST roles such as `{numref}` work in them.

    Shown, they end with what ± stands for, if one of them has it and none says it.
    """

    points: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(f"- {point}" for point in (*self.points, *self._explained()))

    def __add__(self, other: Sentences) -> Sentences:
        # What both say, such as that nothing was measured, is said once.
        return Sentences(tuple(dict.fromkeys(self.points + other.points)))

    def _repr_markdown_(self) -> str:
        return str(self)

    def _explained(self) -> tuple[str, ...]:
        text = "".join(self.points)
        return (f"{_SPREAD} in these sentences is a {_INTERVAL}.",) if _SPREAD in text and _INTERVAL not in text else ()
