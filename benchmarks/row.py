"""One line of the table: a comparison or a quantity, what it must reach, and whether it does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

UNBOUND = "no bound"
UNMEASURED = "not measured"


@dataclass(frozen=True)
class Row:
    """What was measured, against what, and its bounds.

    `ours` and `theirs` are costs in `unit`: less is better. With both, their ratio theirs / ours has to be at least
    `must`, and better `aim`. Without `theirs`, `ours` itself has to be at most `must`, and better `aim`. A row whose
    `ours` is None was not measured, and `note` says why.
    """

    what: str
    against: str
    ours: float | None
    theirs: float | None = None
    unit: str = "s"
    must: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times less ours costs than theirs; None for a quantity without a peer."""
        if self.ours is None or self.theirs is None:
            return None
        return self.theirs / self.ours if self.ours else float("inf")

    @property
    def verdict(self) -> str:
        """Whether the bounds are met: "reaches the aim", "reaches" or "misses"; or why there is no answer."""
        if self.ours is None:
            return UNMEASURED
        if self.must is None:
            return UNBOUND
        if self.aim is not None and self._meets(self.aim):
            return "reaches the aim"
        return "reaches" if self._meets(self.must) else "misses"

    def as_values(self) -> dict[str, Any]:
        """Return the row with its ratio and verdict, for JSON."""
        return {**asdict(self), "ratio": self.ratio, "verdict": self.verdict}

    def _meets(self, bound: float) -> bool:
        if self.ratio is not None:
            return self.ratio >= bound
        return self.ours is not None and self.ours <= bound
