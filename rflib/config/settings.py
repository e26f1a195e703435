"""The base of every setting: frozen, validated, unknown keys refused, identified by its full content."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rflib.errors import UsageError, hint

# Raised when stored objects can no longer be read as they were written; part of every identity.
SCHEMA = 1

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
# How many training images batch norm re-estimates its statistics on after pruning; 0, the default, for none. Left out
# of the identity where it is 0, so that measurements from before there was such a setting keep theirs.
CalibrationImages = Annotated[int, Field(ge=0, exclude_if=lambda images: images == 0)]

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
            faults = error.errors()
            # A list whose item is wrong is also called too short; the item's own fault is what helps.
            paths = [fault["loc"] for fault in faults]
            inner = [f for f in faults if not any(p[: len(f["loc"])] == f["loc"] and p != f["loc"] for p in paths)]
            raise UsageError(where + "; ".join(_explain(cls, fault) for fault in inner)) from None

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, validated again; what followed from the others follows anew."""
        return type(self).checked({**self.model_dump(exclude_unset=True), **changes})

    def _derive(self, **values: Any) -> None:
        """Fill fields that are None with what they stand for, and keep them marked as not given."""
        for name, value in values.items():
            if getattr(self, name) is None:
                self.__dict__[name] = value
                self.__pydantic_fields_set__.discard(name)


def _explain(cls: type[Settings], fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"]) or cls.__name__
    if fault["type"] == "extra_forbidden":
        return f"unknown setting '{path}'.{hint(str(fault['loc'][-1]), _fields_at(cls, fault['loc'][:-1]))}"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected = message if fault["type"] == "value_error" else f"expected {message}"
    offer = hint(str(fault["input"]), _LITERALS.findall(message)) if fault["type"] == "literal_error" else ""
    return f"'{path}': {expected}, found {fault['input']!r}{'.' if offer else ''}{offer}"


def _fields_at(cls: type[Settings], path: tuple[str | int, ...]) -> list[str]:
    """Return the names that are valid at a path of nested settings."""
    current = [cls]
    for part in path:
        annotations = [c.model_fields[str(part)].annotation for c in current if str(part) in c.model_fields]
        inner = [leaf for annotation in annotations for leaf in (annotation, *get_args(annotation))]
        found = [leaf for leaf in inner if isinstance(leaf, type) and issubclass(leaf, Settings)]
        current = found or current
    return [name for c in current for name in c.model_fields]
