"""The base of every setting: frozen, validated, unknown keys refused, identified by its full content."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from rflib.errors import UsageError, nearest

# Raised when stored objects can no longer be read as they were written; part of every identity.
SCHEMA = 1

_LITERALS = re.compile(r"'([^']*)'")


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identity(value: Any) -> str:
    """Return the 16 hexadecimal digits that identify a JSON value under the current schema."""
    return hashlib.sha256(canonical_json({"schema": SCHEMA, "value": value}).encode()).hexdigest()[:16]


class Settings(BaseModel):
    """A frozen value whose fields are checked; an unknown or wrong field is a `UsageError`."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @classmethod
    def checked(cls, values: Any, *, source: str = "") -> Self:
        """Build from plain values; report every fault by field, with what was found and the nearest name."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            where = f"{source}: " if source else ""
            raise UsageError(where + "; ".join(_explain(cls, fault) for fault in error.errors())) from None

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, validated again."""
        return type(self).checked({**self.model_dump(), **changes})


def _explain(cls: type[Settings], fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"]) or cls.__name__
    if fault["type"] == "extra_forbidden":
        guess = nearest(str(fault["loc"][-1]), cls.model_fields)
        hint = f" Did you mean '{guess}'?" if guess else ""
        return f"unknown setting '{path}'.{hint}"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected = message if fault["type"] == "value_error" else f"expected {message}"
    guess = nearest(str(fault["input"]), _LITERALS.findall(message)) if fault["type"] == "literal_error" else None
    hint = f". Did you mean '{guess}'?" if guess else ""
    return f"'{path}': {expected}, found {fault['input']!r}{hint}"
