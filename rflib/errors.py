"""Errors that say what was expected, what was found and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RflibError(Exception):
    """A failure whose message is meant for the person at the keyboard; the command exits with `exit_code`."""

    exit_code = 1


class UsageError(RflibError):
    """A request that cannot be right: an unknown name, a value out of range, a wrong type."""

    exit_code = 2


class DataError(RflibError):
    """A data set that is missing, incomplete or not what its checksums promise."""


class StoreError(RflibError):
    """A stored object that is corrupt, mismatched or cannot be written."""


class TrainingError(RflibError):
    """A training run that cannot go on, such as a loss that is no longer finite."""


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name closest to `name`, or None when nothing is close."""
    matches = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return matches[0] if matches else None


def hint(name: str, valid: Iterable[str]) -> str:
    """Return the sentence that offers the valid name closest to `name`, after a space; nothing when none is close."""
    guess = nearest(name, valid)
    return f" Did you mean '{guess}'?" if guess else ""


def unknown(kind: str, name: str, valid: Iterable[str]) -> UsageError:
    """Return the error for a name outside `valid`: what was found, what exists, the nearest match."""
    names = sorted(valid)
    return UsageError(f"unknown {kind} '{name}': expected one of {', '.join(names)}.{hint(name, names)}")


def require_known(kind: str, name: str, valid: Iterable[str]) -> None:
    """Raise `unknown` unless `name` is one of `valid`."""
    if name not in valid:
        raise unknown(kind, name, valid)
