"""The manifest of a stored object: its name and the size and SHA-256 of each file, checked on reading."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rflib.config import SCHEMA
from rflib.errors import StoreError
from rflib.study.store.encoding import is_pickle, json_bytes
from rflib.study.store.layout import MANIFEST, WEIGHTS, entries

REMEDY = "`rflib gc --corrupt` moves it aside and the next run computes it again (in results/: restore it)"


class Damaged(StoreError):
    """The object is in the store, but not as it was committed."""


class MissingObject(StoreError):
    """The object is not in the store, or left it while it was read."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one stored object."""

    name: str
    fault: str


def is_complete(folder: Path) -> bool:
    """Return whether an object is in place, without reading it."""
    return (folder / MANIFEST).is_file()


def manifest_bytes(name: str, entries: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the manifest of an object, `entry_of` each file; the name in it tells objects apart that were swapped."""
    return json_bytes({"schema": SCHEMA, "name": name, "files": entries}, "manifest")


def entry_of(content: bytes) -> dict[str, Any]:
    """Return what a manifest says of a file."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def read_verified(folder: Path, *names: str) -> dict[str, bytes]:
    """Return the content of the named files (all without names) as it was committed.

    Raises `MissingObject` when the object is not there, `Damaged` when it is not as its manifest says, and a
    plain `StoreError` when it cannot be read.
    """
    with _explained(folder):
        listed = _read_manifest(folder)
        return {name: _read_file(folder / name, listed.get(name)) for name in names or listed}


def verify(folder: Path) -> None:
    """Read an object file by file, however large it is; raises what `read_verified` raises."""
    for name in listed_files(folder):
        read_verified(folder, name)


def listed_files(folder: Path) -> list[str]:
    """Return the names of an object's files without reading them; raises what `read_verified` raises."""
    with _explained(folder):
        return list(_read_manifest(folder))


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if not folder.exists():
            raise MissingObject(f"nothing is stored at {folder}: compute it with `rflib study`") from None
        found = ", ".join(sorted(path.name for path in entries(folder))) or "an empty folder"
        raise Damaged(f"{folder} is damaged: expected {error.filename}, found {found}; {REMEDY}") from None
    except OSError as error:
        if error.errno == errno.EIO:
            raise Damaged(f"{folder} is damaged: the disk cannot read it ({error}); {REMEDY}") from None
        raise StoreError(f"cannot read {folder}: {error}; make it readable and run again") from None


def fault_of(folder: Path) -> str | None:
    """Return what is wrong with an object, or None when every byte is as committed or the object has gone."""
    try:
        verify(folder)
    except MissingObject:
        return None
    except StoreError as error:
        return str(error)
    return None


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    content = path.read_bytes()
    try:
        manifest = json.loads(content)
        schema, name, listed = manifest["schema"], manifest["name"], manifest["files"]
        same = json_bytes({"schema": schema, "name": name, "files": listed}, "manifest") == content
    except (ValueError, TypeError, KeyError, StoreError):
        same = False
    if not same:
        raise Damaged(f"{path} is damaged: expected a manifest of rflib, found other text; {REMEDY}")
    if schema != SCHEMA:
        raise Damaged(f"{path} is of another rflib: expected schema {SCHEMA}, found {schema}; {REMEDY}")
    if name != folder.name:
        raise Damaged(f"{folder} holds another object: expected {folder.name}, found {name}; {REMEDY}")
    return dict(listed)


def _read_file(path: Path, entry: Any) -> bytes:
    if entry is None:
        raise Damaged(f"{path} is not listed in its manifest; {REMEDY}")
    content = path.read_bytes()
    if path.name.endswith(WEIGHTS) and is_pickle(content):
        raise Damaged(
            f"{path} is a pickle: expected safetensors weights. A pickle can run code, so it was not loaded; " + REMEDY
        )
    found = entry_of(content)
    if found != entry:
        raise Damaged(f"{path} is damaged: expected {_summary(entry)}, found {_summary(found)}; {REMEDY}")
    return content


def _summary(entry: Any) -> str:
    try:
        return f"{entry['bytes']} bytes with SHA-256 {entry['sha256'][:16]}"
    except (TypeError, KeyError):
        return repr(entry)
