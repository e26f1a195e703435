"""What chapters add to a role of a profile: blocks of settings, each found by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import Field, PositiveInt

from rflib.config import Architecture, DataConfig, Settings

Kernels = tuple[PositiveInt, ...]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
GridPart = dict[Architecture, tuple[PositiveInt, ...]]


class Block(Settings):
    """What a role says of a chapter."""

    def overridden(self, parameter: str, value: Any) -> Self:
        """Return the block with a reader's own parameter in it; most blocks have none of their own."""
        return self

    def identified(self, data: DataConfig, identify: Callable[[DataConfig], DataConfig]) -> Self:
        """Return the block with the fingerprints of data sets that it derives from the role's own."""
        return self
